//! User instructions and allocations, by valgrind's callgrind: the same on every run, whatever
//! else the machine does.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::machine::Cores;
use crate::servers::{Program, Running};

/// What a piece of work cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// In user space.
    pub(crate) instructions: u64,
    /// Calls that ask the allocator for memory.
    pub(crate) allocations: u64,
}

/// A server that runs under callgrind, which counts nothing until it is told to.
pub(crate) struct Instrumented {
    pub(crate) running: Running,
    profile: PathBuf,
    parts: u32,
}

impl Instrumented {
    /// Profiles are left in `directory`, to be read by `callgrind_annotate`.
    pub(crate) fn start(program: &Program, directory: &Path, cores: Cores) -> Result<Self> {
        Self::start_with(program, directory, cores, &[])
    }

    /// As [`start`](Self::start), with more of an environment.
    pub(crate) fn start_with(
        program: &Program,
        directory: &Path,
        cores: Cores,
        environment: &[(&str, String)],
    ) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let profile = directory.join(program.server.name());
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--quiet", "--instr-atstart=no"])
            .arg(format!("--callgrind-out-file={}", profile.display()))
            .arg(&program.executable)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            // As on one core, where workers have nobody to steal from: the count is then the same.
            .env("TOKIO_WORKER_THREADS", "1");
        let running = program.start_by(command, cores)?;
        Ok(Self { running, profile, parts: 0 })
    }

    /// From now on what the server does is translated for counting.
    pub(crate) fn instrument(&self) -> Result<()> {
        self.command(&["instrumentation", "on"])
    }

    /// Counts what the server does while `work` is done.
    pub(crate) fn count(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> Result<Cost> {
        self.command(&["zero"])?;
        work()?;
        self.command(&["dump"])?;
        self.parts += 1;
        let part = self.profile.with_extension(self.parts.to_string());
        let name = name.replace(", ", "-").replace(' ', "-");
        let named = self.profile.with_extension(format!("{name}.callgrind"));
        fs::rename(&part, &named).with_context(|| format!("no profile {}", part.display()))?;
        let profile = fs::read_to_string(&named)?;
        read(&profile).with_context(|| format!("{} is no profile", named.display()))
    }

    fn command(&self, words: &[&str]) -> Result<()> {
        let output = Command::new("vgdb")
            .arg(format!("--pid={}", self.running.pid()))
            .args(words)
            .output()
            .context("vgdb cannot be run")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "vgdb {words:?} failed: {said}");
        Ok(())
    }
}

/// The functions of the C library through which all of Rust's memory is asked for.
const ALLOCATORS: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

/// Reads a profile: its sum, and how often the allocator was called.
fn read(profile: &str) -> Option<Cost> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut called = "";
    let mut allocations = 0;
    let mut instructions = None;
    for line in profile.lines() {
        let (key, value) = line.split_once(['=', ':']).unwrap_or((line, ""));
        match key {
            // Names are given with a number once, and by that number from then on.
            "fn" | "cfn" => {
                let (number, name) = value.split_once(' ').unwrap_or((value, ""));
                if !name.is_empty() {
                    names.insert(number, name);
                }
                if key == "cfn" {
                    called = names.get(number)?;
                }
            }
            "calls" if ALLOCATORS.contains(&called) => {
                allocations += value.split_once(' ')?.0.parse::<u64>().ok()?;
            }
            "totals" => instructions = value.trim().parse().ok(),
            _ => {}
        }
    }
    Some(Cost { instructions: instructions?, allocations })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "\
version: 1
creator: callgrind-3.19.0
events: Ir
summary: 4242

ob=(1) /bin/server
fl=(1) ???
fn=(1) handle
0 100
cob=(2) /lib/libc.so.6
cfi=(2) ???
cfn=(2) malloc
calls=3 0
0 300
cfn=(3) memcpy
calls=9 0
0 90

fn=(4) grow
0 10
cfn=(5) realloc
calls=2 0
0 60
cfn=(2)
calls=1 0
0 100

fn=(2)
0 400

totals: 4242
";

    #[test]
    fn a_profile_has_a_sum_and_calls_of_the_allocator() {
        assert_eq!(read(PROFILE), Some(Cost { instructions: 4242, allocations: 6 }));
    }

    #[test]
    fn a_profile_that_is_cut_off_is_none() {
        let cut = PROFILE.split("totals").next().unwrap();
        assert_eq!(read(cut), None);
    }
}
