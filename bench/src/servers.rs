//! The servers: how each is built, started and spoken to.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::load::Target;
use crate::machine::Cores;

/// Signs the tokens of a run.
const SECRET: &str = "the benchmark's own secret, 32 bytes or more";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Server {
    Gateway,
    GatewaySerial,
    ByHand,
    Frames,
}

impl Server {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::GatewaySerial => "gateway-serial",
            Self::ByHand => "by-hand",
            Self::Frames => "frames",
        }
    }

    /// The package that is built for it.
    const fn package(self) -> &'static str {
        match self {
            Self::Gateway | Self::GatewaySerial => "bench-gateway",
            Self::ByHand => "bench-by-hand",
            Self::Frames => "bench-frames",
        }
    }

    const fn namespace(self) -> &'static str {
        match self {
            Self::GatewaySerial => "/serial",
            Self::Gateway | Self::ByHand | Self::Frames => "/chat",
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A server that has been built.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) server: Server,
    pub(crate) executable: PathBuf,
}

impl Program {
    /// Builds the server. Each in a run of its own, so that none decides which features another's
    /// dependencies have.
    pub(crate) fn build(server: Server, profile: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Message {
            executable: Option<PathBuf>,
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["build", "--locked", "--message-format", "json-render-diagnostics"])
            .args(["--profile", profile, "--package", server.package()])
            .current_dir(workspace())
            .stderr(Stdio::inherit())
            .output()
            .context("cargo cannot be run")?;
        ensure!(output.status.success(), "{} cannot be built", server.package());
        let executable = String::from_utf8(output.stdout)?
            .lines()
            .filter_map(|line| serde_json::from_str::<Message>(line).ok()?.executable)
            .next_back()
            .with_context(|| format!("{} has no executable", server.package()))?;
        Ok(Self { server, executable })
    }

    /// Starts it, alone on the core of servers.
    pub(crate) fn start(&self, cores: Cores) -> Result<Running> {
        self.start_by(Command::new(&self.executable), cores)
    }

    /// Starts it by a command that ends with its executable.
    pub(crate) fn start_by(&self, mut command: Command, cores: Cores) -> Result<Running> {
        command
            .env("LISTEN", "127.0.0.1:0")
            .env("JWT_SECRET", SECRET)
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

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a workspace")
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
