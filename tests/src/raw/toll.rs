//! What an attack takes of a server, and of those who do nothing wrong.

use std::time::Duration;

use tokio::time::sleep;

use super::machine::{MIB, in_mib, until};
use super::neighbour::{Latencies, Neighbour, at_rest};
use super::probe::Probe;
use super::server::{MemoryGuard, Server};

/// How many times their 99th percentile at rest others may wait, and what a busy machine adds: a
/// debug build on two cores that also run the attack. Half of them notice much less.
const P99_FACTOR: u32 = 5;
const P99_NOISE: Duration = Duration::from_millis(250);
const P50_FACTOR: u32 = 5;
const P50_NOISE: Duration = Duration::from_millis(40);

/// Where a server that is over its bound is killed, as a multiple: far enough to tell a fault from
/// noise, and little enough for any machine.
const KILLED_AT: u64 = 4;

/// Tasks and files of the server that come and go.
const TASKS_NOISE: u64 = 10;
const FILES_NOISE: usize = 4;

/// In which a debug build lets go of some thousand clients.
const LETS_GO_IN: Duration = Duration::from_secs(10);

/// What an attack may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes that the server may have grown by at its highest.
    pub peak: u64,
    /// Bytes that it may have grown by when all is over.
    pub kept: u64,
}

impl Bounds {
    /// 10 MiB stay for what the server allocates once, at its first client of a kind.
    #[must_use]
    pub fn peak(peak: u64) -> Self {
        Self { peak, kept: 10 * MIB }
    }
}

/// What is measured of a server from [`begin`](Self::begin) on.
#[derive(Debug)]
pub struct Toll<'a> {
    attack: &'static str,
    bounds: Bounds,
    server: &'a Server,
    held: Held,
    at_rest: Latencies,
    guard: MemoryGuard,
    neighbour: Neighbour,
}

#[derive(Debug)]
struct Held {
    memory: u64,
    files: usize,
    tasks: u64,
}

impl<'a> Toll<'a> {
    /// Looks at the server while nothing happens, and then at how it serves others.
    ///
    /// # Panics
    ///
    /// Where it serves nobody, or nothing can be measured.
    pub async fn begin(attack: &'static str, server: &'a Server, bounds: Bounds) -> Self {
        let mut probe = Probe::of(server).await;
        let at_rest = at_rest(server.address()).await;
        // The neighbour's last traces go.
        sleep(Duration::from_millis(100)).await;
        let held = held(server, &mut probe).await;
        let guard = server.guard_memory(bounds.peak * KILLED_AT).expect("the memory");
        let neighbour = Neighbour::at(server.address()).await;
        Self { attack, bounds, server, held, at_rest, guard, neighbour }
    }

    /// Bytes the server has grown by so far, at its highest.
    #[must_use]
    pub fn grown(&self) -> u64 {
        self.guard.grown()
    }

    /// The attack is over, and whoever attacked has gone or was made to: all is within its bounds,
    /// and comes back to where it was.
    ///
    /// # Panics
    ///
    /// Where it does not.
    pub async fn end(self) {
        self.end_within(LETS_GO_IN).await;
    }

    /// The same for what the server keeps for some time on purpose.
    ///
    /// # Panics
    ///
    /// As [`end`](Self::end).
    pub async fn end_within(self, patience: Duration) {
        let Self { attack, bounds, server, held: before, at_rest, guard, neighbour } = self;
        let during = neighbour.end();
        // A new one: the last has answered no heartbeat meanwhile.
        let mut probe = Probe::within(server, patience).await;
        let peak = guard.grown();
        assert!(peak <= bounds.peak, "{attack}: the server has grown by {}", in_mib(peak));
        // Memory is given back some time after what was in it.
        let back = until(patience, async || {
            let now = held(server, &mut probe).await;
            now.memory <= before.memory + bounds.kept
                && now.files <= before.files + FILES_NOISE
                && now.tasks <= before.tasks + TASKS_NOISE
        })
        .await;
        let after = held(server, &mut probe).await;
        println!(
            "{attack}: others {at_rest}; then {during}; MiB {} > {} > {}",
            before.memory / MIB,
            (before.memory + peak) / MIB,
            after.memory / MIB,
        );
        assert!(back.is_some(), "{attack}: before {before:?}, after {patience:?} {after:?}");
        let most = at_rest.p99() * P99_FACTOR + P99_NOISE;
        assert!(during.p99() <= most, "{attack}: others {at_rest}; then {during}");
        let most = at_rest.p50() * P50_FACTOR + P50_NOISE;
        assert!(during.p50() <= most, "{attack}: others {at_rest}; then {during}");
    }
}

async fn held(server: &Server, probe: &mut Probe) -> Held {
    Held {
        memory: server.memory("VmRSS").expect("the memory"),
        files: server.open_files().expect("the files"),
        tasks: probe.counter("tasks").await,
    }
}
