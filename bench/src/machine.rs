//! What the benchmark wants of the machine: a core for each side, and many sockets.

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

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
            _ => Self::Shared,
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
}

fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("cannot run on core {core}"))
}

/// Allows as many open sockets as the system lets this process ask for, here and in every server
/// that is started. Answers with the number.
pub(crate) fn raise_open_files() -> Result<u64> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(maximum.unwrap_or(u64::MAX))
}
