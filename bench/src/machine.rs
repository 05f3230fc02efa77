//! What the benchmark wants of the machine, and what it says about it.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::paths::{scripts, workspace};

/// One core for the server and one for the clients, where there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    Apart { server: usize, clients: usize },
    Shared,
}

impl Cores {
    /// The first two cores this process may use.
    pub(crate) fn take() -> Result<Self> {
        let allowed = sched_getaffinity(None).context("which cores may be used")?;
        let mut allowed = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        Ok(match (allowed.next(), allowed.next()) {
            (Some(server), Some(clients)) => Self::Apart { server, clients },
            _ => {
                eprintln!("only one core: servers and clients are in each other's way");
                Self::Shared
            }
        })
    }

    /// From now on this thread, and what it starts, runs where servers do.
    pub(crate) fn like_a_server(self) -> Result<()> {
        match self {
            Self::Apart { server, .. } => pin(server),
            Self::Shared => Ok(()),
        }
    }

    /// From now on this thread, and what it starts, runs where clients do.
    pub(crate) fn like_clients(self) -> Result<()> {
        match self {
            Self::Apart { clients, .. } => pin(clients),
            Self::Shared => Ok(()),
        }
    }

    /// The core whose stolen time concerns the server.
    pub(crate) fn of_servers(self) -> Option<usize> {
        match self {
            Self::Apart { server, .. } => Some(server),
            Self::Shared => None,
        }
    }
}

fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("cannot run on core {core}"))
}

/// What a process needs to open besides its connections.
const SPARE_FILES: u64 = 200;

/// Allows as many open sockets as `connections` need, here and in every server that is started.
pub(crate) fn raise_open_files(connections: usize) -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let needed = connections as u64 + SPARE_FILES;
    ensure!(
        maximum.is_none_or(|maximum| maximum >= needed),
        "{needed} open files are needed for {connections} connections; raise the limit (ulimit -n)"
    );
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// Where figures come from.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_gib: u64,
    /// Core of the servers and core of the clients.
    pub(crate) apart: bool,
    /// What was measured, and by what it was built: names and versions.
    pub(crate) versions: Vec<(String, String)>,
}

impl Machine {
    /// Looks around.
    pub(crate) fn describe(cores: Cores) -> Result<Self> {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor =
            cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let kibibytes = memory.and_then(|total| total.trim().strip_suffix(" kB")?.parse().ok());
        Ok(Self {
            processor: processor.map_or("unknown", |(_, name)| name).to_owned(),
            cores: cpu.lines().filter(|line| line.starts_with("processor")).count(),
            memory_gib: kibibytes.unwrap_or(0_u64) / (1024 * 1024),
            apart: cores != Cores::Shared,
            versions: versions()?,
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { processor, cores, memory_gib, .. } = self;
        write!(f, "{cores} × {processor}, {memory_gib} GiB")
    }
}

fn versions() -> Result<Vec<(String, String)>> {
    let mut versions = Vec::new();
    let mut add = |name: &str, version: Option<String>| {
        versions.push((name.to_owned(), version.unwrap_or_else(|| "unknown".to_owned())));
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    add("Linux", kernel.split(['-', '\n']).next().map(str::to_owned));
    add("this repository", output("git", &["describe", "--always", "--dirty", "--abbrev=10"]));
    add("rustc", output("rustc", &["--version"]).and_then(|said| word(&said, 1)));
    let lock = fs::read_to_string(workspace().join("Cargo.lock"))?;
    for package in ["socketioxide", "axum", "tokio", "tokio-tungstenite"] {
        add(package, locked(&lock, package));
    }
    add("Node", output("node", &["--version"]));
    let packages = [
        ("socket-io", "bun"),
        ("nest", "@nestjs/core"),
        ("nest", "@nestjs/platform-socket.io"),
        ("socket-io", "socket.io"),
        ("socket-io", "ws"),
        ("socket-io", "@socket.io/bun-engine"),
    ];
    for (server, package) in packages {
        let lock = fs::read_to_string(scripts(server).join("package-lock.json"))?;
        let lock: Value = serde_json::from_str(&lock)?;
        let version = &lock["packages"][format!("node_modules/{package}")]["version"];
        add(package, version.as_str().map(str::to_owned));
    }
    add("valgrind", output("valgrind", &["--version"]).map(|said| said.replace("valgrind-", "")));
    Ok(versions)
}

/// What a program prints, without the line's end.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(workspace()).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}

fn word(text: &str, number: usize) -> Option<String> {
    text.split_ascii_whitespace().nth(number).map(str::to_owned)
}

/// The version of a package in a `Cargo.lock`.
fn locked(lock: &str, package: &str) -> Option<String> {
    let (_, entry) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    entry.split_once('"').map(|(version, _)| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_has_versions() {
        let lock =
            "[[package]]\nname = \"tokio\"\nversion = \"1.2.3\"\n\n[[package]]\nname = \"a\"\n";
        assert_eq!(locked(lock, "tokio").as_deref(), Some("1.2.3"));
        assert_eq!(locked(lock, "tok"), None);
    }

    #[test]
    fn more_files_than_a_system_has_are_an_error() {
        let error = raise_open_files(usize::MAX / 2).map_err(|error| error.to_string());
        if let Err(error) = error {
            assert!(error.contains("ulimit -n"), "{error}");
        }
    }
}
