//! An attack: what is done, to which server, and what it may take.

use std::env;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::time::Duration;

use tests::raw::{Bounds, MIB, Server, Toll, allow_open_files, in_mib, machine, until};

/// Later than this nothing is that was to be on time: a debug build on two busy cores.
pub(crate) const LATE: Duration = Duration::from_secs(3);

/// For what is made once, and what an allocator keeps in between.
pub(crate) const KEPT: u64 = 10 * MIB;

/// Whether the server's allocator gives back what is no longer used. The system's keeps much of it.
pub(crate) const GIVES_BACK: bool = cfg!(feature = "jemalloc");

/// When it has done so: jemalloc waits for ten seconds.
pub(crate) const GIVEN_BACK: Duration = Duration::from_secs(if GIVES_BACK { 15 } else { 0 });

pub(crate) fn is_full() -> bool {
    env::var_os("ABUSE").is_some_and(|form| form == "full")
}

/// The size of an attack in its bounded form, and in full.
pub(crate) fn size(bounded: usize, full: usize) -> usize {
    if is_full() { full } else { bounded }
}

/// A time limit of the server that an attack waits for.
#[derive(Clone, Copy)]
pub(crate) struct TimeLimit {
    /// What the fixture calls it.
    setting: &'static str,
    bounded: Duration,
    default: Duration,
}

impl TimeLimit {
    pub(crate) const fn new(setting: &'static str, bounded: u64, default: u64) -> Self {
        let (bounded, default) = (Duration::from_millis(bounded), Duration::from_millis(default));
        Self { setting, bounded, default }
    }

    /// How long it is.
    pub(crate) fn time(self) -> Duration {
        if is_full() { self.default } else { self.bounded }
    }
}

pub(crate) type Settings = &'static [(&'static str, &'static str)];

/// What is done to a server: it returns when whoever did it has gone, or was made to.
pub(crate) type Run = for<'a> fn(&'a Server) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One attack, with its bound.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// What is shortened in the bounded form,
    pub(crate) times: &'static [TimeLimit],
    /// what is set in both, and
    pub(crate) settings: Settings,
    /// what only in the bounded one, whose attackers are fewer.
    pub(crate) bounded: Settings,
    /// Bytes that the server may grow by.
    pub(crate) peak: fn() -> u64,
    /// Bytes that it may have grown by when all is over, with the system's allocator.
    pub(crate) kept: u64,
    /// The times for which the server keeps something on purpose.
    pub(crate) kept_for: &'static [TimeLimit],
    pub(crate) run: Run,
}

impl Attack {
    /// What is true of most.
    pub(crate) const PLAIN: Self = Self {
        name: "",
        times: &[],
        settings: &[],
        bounded: &[],
        peak: || 0,
        kept: KEPT,
        kept_for: &[],
        run: |_| Box::pin(async {}),
    };

    /// On a server of its own.
    pub(crate) async fn is_withstood(&self) {
        let _machine = machine().await;
        let bounded = if is_full() { &[] } else { self.bounded };
        let server = fixture(self.times, &[self.settings, bounded].concat());
        self.is_withstood_by(&server).await;
        if !GIVES_BACK && self.kept > KEPT {
            self.leaves_nothing_behind(&server).await;
        }
    }

    /// What an allocator keeps it uses again, though what is in between may grow for a round or two. What is lost is lost
    /// each time.
    async fn leaves_nothing_behind(&self, server: &Server) {
        const ROUNDS: usize = 3;

        let memory = || server.memory("VmRSS").expect("the memory");
        let mut held = vec![memory()];
        for _ in 0..ROUNDS {
            self.is_withstood_within(server, self.most()).await;
            let most = held[held.len() - 1] + KEPT / 2;
            if until(self.patience(), async || memory() <= most).await.is_some() {
                return;
            }
            held.push(memory());
        }
        let held = held.iter().map(|held| in_mib(*held)).collect::<Vec<_>>().join(", then ");
        panic!("{}: it grows with each of {ROUNDS} rounds: {held}", self.name);
    }

    pub(crate) async fn is_withstood_by(&self, server: &Server) {
        let kept = match (GIVES_BACK, is_full()) {
            (true, _) => KEPT,
            // Of thousands of connections it keeps most of what small pieces were in.
            (false, true) => self.most().max(self.kept),
            (false, false) => self.kept,
        };
        self.is_withstood_within(server, kept).await;
    }

    /// What the server may grow by meanwhile.
    fn most(&self) -> u64 {
        // jemalloc rounds up further, and holds what was freed a moment ago.
        (self.peak)() * if GIVES_BACK { 3 } else { 2 } / 2
    }

    async fn is_withstood_within(&self, server: &Server, kept: u64) {
        let bounds = Bounds { peak: self.most(), kept };
        let toll = Toll::begin(self.name, server, bounds).await;
        (self.run)(server).await;
        toll.end_within(self.patience()).await;
    }

    /// How long what is kept on purpose may stay, and a little more.
    fn patience(&self) -> Duration {
        let kept_for: Duration = self.kept_for.iter().map(|limit| limit.time()).sum();
        kept_for + 2 * LATE + GIVEN_BACK
    }
}

/// A server of one test's own.
pub(crate) fn fixture(times: &[TimeLimit], settings: &[(&str, &str)]) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fixture"));
    start(&mut command, times, settings)
}

pub(crate) fn start(
    command: &mut Command,
    times: &[TimeLimit],
    settings: &[(&str, &str)],
) -> Server {
    // Each attacker is a connection, in this process and in the server's.
    allow_open_files(if is_full() { 16_000 } else { 4_000 });
    if !is_full() {
        for limit in times {
            command.env(limit.setting, limit.bounded.as_millis().to_string());
        }
    }
    // An attack may write a line for each of its packets.
    command.envs(settings.iter().copied()).stderr(Stdio::null());
    Server::measured(command).expect("the fixture starts")
}
