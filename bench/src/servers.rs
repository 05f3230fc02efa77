//! The servers: how each is built, started and spoken to.

use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::load::Target;
use crate::machine::Cores;
use crate::paths::{cargo, scripts};

/// Signs the tokens of a run.
const SECRET: &str = "the benchmark's own secret, 32 bytes or more";

/// What is measured.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Server {
    /// The framework, in the order it has by default.
    Gateway,
    /// The framework, `serial`.
    GatewaySerial,
    /// socketioxide alone.
    ByHand,
    /// tokio-tungstenite alone.
    Frames,
    /// NestJS.
    Nest,
    /// socket.io alone, on Node.
    SocketIo,
    /// socket.io alone, on Bun.
    SocketIoBun,
}

impl Server {
    pub(crate) const ALL: [Self; 7] = [
        Self::Gateway,
        Self::GatewaySerial,
        Self::ByHand,
        Self::Frames,
        Self::Nest,
        Self::SocketIo,
        Self::SocketIoBun,
    ];

    /// One of each kind that somebody would choose: those that are asked how long answers take.
    pub(crate) const PEERS: [Self; 4] =
        [Self::Gateway, Self::ByHand, Self::SocketIo, Self::SocketIoBun];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::GatewaySerial => "gateway-serial",
            Self::ByHand => "by-hand",
            Self::Frames => "frames",
            Self::Nest => "nest",
            Self::SocketIo => "socket-io",
            Self::SocketIoBun => "socket-io-bun",
        }
    }

    const fn source(self) -> Source {
        match self {
            Self::Gateway | Self::GatewaySerial => Source::Package("bench-gateway"),
            Self::ByHand => Source::Package("bench-by-hand"),
            Self::Frames => Source::Package("bench-frames"),
            Self::Nest => Source::Script {
                directory: "nest",
                main: "dist/main.js",
                compiled: true,
                runtime: Runtime::Node,
            },
            Self::SocketIo => Source::Script {
                directory: "socket-io",
                main: "server.mjs",
                compiled: false,
                runtime: Runtime::Node,
            },
            Self::SocketIoBun => Source::Script {
                directory: "socket-io",
                main: "server.mjs",
                compiled: false,
                runtime: Runtime::Bun,
            },
        }
    }

    const fn namespace(self) -> &'static str {
        match self {
            Self::GatewaySerial => "/serial",
            _ => "/chat",
        }
    }

    /// Whether it answers in the order in which it was asked. What socketioxide spawns for each
    /// message may overtake.
    pub(crate) const fn keeps_order(self) -> bool {
        !matches!(self, Self::ByHand)
    }

    /// Whether it says how many tasks are alive.
    pub(crate) const fn has_tasks(self) -> bool {
        matches!(self.source(), Source::Package(_))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where a server comes from.
enum Source {
    /// A package of the workspace.
    Package(&'static str),
    /// A directory beside the packages, in JavaScript.
    Script { directory: &'static str, main: &'static str, compiled: bool, runtime: Runtime },
}

/// What runs JavaScript.
#[derive(Clone, Copy)]
enum Runtime {
    /// The one on this machine.
    Node,
    /// The one that is installed beside the server, as its lock file says.
    Bun,
}

impl Runtime {
    fn executable(self, directory: &Path) -> Result<PathBuf> {
        match self {
            Self::Node => Ok("node".into()),
            Self::Bun => bun(directory),
        }
    }
}

/// Bun's executable, which is in a package of its own for each platform. Only the one that fits
/// this machine is installed.
fn bun(directory: &Path) -> Result<PathBuf> {
    let packages = directory.join("node_modules/@oven");
    let platforms = fs::read_dir(&packages)
        .with_context(|| format!("missing: bun, in {}", packages.display()))?;
    let executables = platforms.map(|platform| Ok(platform?.path().join("bin/bun")));
    let executables = executables.collect::<Result<Vec<_>>>()?;
    let found = executables.into_iter().find(|executable| executable.exists());
    found.with_context(|| format!("{} has no bun for this machine", packages.display()))
}

/// A server that has been built.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) server: Server,
    pub(crate) executable: PathBuf,
    arguments: Vec<PathBuf>,
}

impl Program {
    /// Builds servers, with a line for each.
    pub(crate) fn build_all(servers: &[Server], profile: &str) -> Result<Vec<Self>> {
        let build = |server: &Server| {
            eprintln!("building {server}");
            Self::build(*server, profile)
        };
        servers.iter().map(build).collect()
    }

    /// Builds one that can be a process of several, which `REDIS_URL` connects.
    pub(crate) fn build_for_cluster(server: Server, profile: &str) -> Result<Self> {
        Self::build_with(server, profile, &["--features", "cluster"])
    }

    fn build(server: Server, profile: &str) -> Result<Self> {
        Self::build_with(server, profile, &[])
    }

    fn build_with(server: Server, profile: &str, options: &[&str]) -> Result<Self> {
        match server.source() {
            Source::Package(package) => {
                let executable = build_package(package, profile, options)?;
                Ok(Self { server, executable, arguments: Vec::new() })
            }
            Source::Script { directory, main, compiled, runtime } => {
                let directory = scripts(directory);
                build_scripts(&directory, compiled)?;
                let executable = runtime.executable(&directory)?;
                let arguments = vec![directory.join(main)];
                Ok(Self { server, executable, arguments })
            }
        }
    }

    /// Starts it, alone on the core of servers.
    pub(crate) fn start(&self, cores: Cores) -> Result<Running> {
        self.start_by(Command::new(&self.executable), cores)
    }

    /// Starts it by a command that ends with its executable.
    pub(crate) fn start_by(&self, mut command: Command, cores: Cores) -> Result<Running> {
        command
            .args(&self.arguments)
            .env("LISTEN", "127.0.0.1:0")
            .env("JWT_SECRET", SECRET)
            .env("NODE_ENV", "production")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        // What a thread starts begins on its core.
        cores.like_a_server()?;
        let child = command.spawn();
        cores.like_clients()?;
        let mut child = child.with_context(|| format!("{command:?} cannot be run"))?;
        let stdout = child.stdout.take().context("no stdout")?;
        let mut running =
            Running { child, stdout: BufReader::new(stdout), server: self.server, address: None };
        running.read_address()?;
        Ok(running)
    }
}

/// Builds a package, in a run of its own, so that none decides which features another's
/// dependencies have. Answers with its executable.
fn build_package(package: &str, profile: &str, options: &[&str]) -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    let output = cargo()
        .args(["build", "--locked", "--message-format", "json-render-diagnostics"])
        .args(["--profile", profile, "--package", package])
        .args(options)
        .stderr(Stdio::inherit())
        .output()
        .context("cargo cannot be run")?;
    ensure!(output.status.success(), "{package} cannot be built");
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok()?.executable)
        .next_back()
        .with_context(|| format!("{package} has no executable"))
}

/// Installs what a server in JavaScript needs, as its lock file says, and compiles it.
fn build_scripts(directory: &Path, compiled: bool) -> Result<()> {
    let npm = |arguments: &[&str]| -> Result<()> {
        let status = Command::new("npm")
            .args(arguments)
            .current_dir(directory)
            .stdout(Stdio::null())
            .status()
            .context("missing: node 20.11 or newer with npm")?;
        ensure!(status.success(), "npm {arguments:?} failed in {}", directory.display());
        Ok(())
    };
    let modified = |file: &str| fs::metadata(directory.join(file)).and_then(|data| data.modified());
    let installed = modified("node_modules/.package-lock.json");
    if !installed
        .is_ok_and(|installed| modified("package-lock.json").is_ok_and(|lock| installed > lock))
    {
        npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    }
    if compiled { npm(&["run", "build"]) } else { Ok(()) }
}

/// A server's process, which ends when this is dropped.
pub(crate) struct Running {
    child: Child,
    /// Kept open: a server that prints must not die of it.
    stdout: BufReader<ChildStdout>,
    server: Server,
    address: Option<SocketAddr>,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn address(&self) -> SocketAddr {
        self.address.expect("read at the start")
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            address: self.address(),
            namespace: self.server.namespace(),
            secret: SECRET.to_owned(),
        }
    }

    fn read_address(&mut self) -> Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.stdout.read_line(&mut line)? == 0 {
                let status = self.child.wait()?;
                bail!("{} ended before it listened: {status}", self.server);
            }
            if let Some(address) = line.trim().strip_prefix("listening on http://") {
                self.address = Some(address.parse()?);
                return Ok(());
            }
        }
    }

    /// How many tasks of its runtime are alive.
    pub(crate) fn tasks(&self) -> Result<u64> {
        let mut stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(stream, "GET /tasks HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let body = answer.rsplit("\r\n\r\n").next().unwrap_or_default();
        body.parse().with_context(|| format!("no number of tasks: {answer}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
