//! Tells of a worker of the runtime that gets to nothing else, because a task blocks it.
//!
//! A thread of its own looks at what Tokio tells of each worker: how often it went to sleep and woke up, and for
//! how long it was busy. A worker updates both every time it has run some tasks, and whenever it has none. One
//! that is awake and updates neither is inside one task, or a few.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use tokio::runtime::{Handle, RuntimeMetrics};
use tracing::dispatcher::{self, Dispatch};

use crate::log_limiter::LogLimiter;

/// Looks until it is dropped.
#[derive(Debug)]
pub(super) struct Watchdog {
    /// Its thread ends when this is dropped.
    _watched: mpsc::Sender<()>,
}

/// How long a worker may be inside one task before that is a warning.
const PATIENCE: Duration = Duration::from_secs(1);

const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Watchdog {
    /// Watches the workers of the runtime that this is called in.
    pub(super) fn start() -> Option<Self> {
        let metrics = Handle::try_current().ok()?.metrics();
        let (watched, over) = mpsc::channel();
        // One that is only this thread's is the watchdog's, too.
        let log = dispatcher::get_default(Dispatch::clone);
        let watch = move || dispatcher::with_default(&log, || watch(&metrics, &over));
        // Without a thread there is no watchdog, and everything else goes on.
        let thread = thread::Builder::new().name("gateway-watchdog".to_owned()).spawn(watch);
        thread.is_ok().then_some(Self { _watched: watched })
    }
}

fn watch(metrics: &RuntimeMetrics, over: &Receiver<()>) {
    static LINES: LogLimiter = LogLimiter::of(10);

    let workers = metrics.num_workers();
    let mut watched: Vec<Worker> = (0..workers).map(|_| Worker::new(Instant::now())).collect();
    while over.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        for (number, worker) in watched.iter_mut().enumerate() {
            let progress = Progress::of(metrics, number);
            let Some(blocked) = worker.look(progress, Instant::now()) else { continue };
            let Some(times) = LINES.count() else { continue };
            tracing::warn!(
                worker = number,
                workers,
                ?blocked,
                times,
                "a task does not let its worker go, and what else the worker has to do waits: what \
                 computes for long, or blocks, belongs into `tokio::task::spawn_blocking`"
            );
        }
    }
}

/// What a worker has told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Progress {
    /// How often it has gone to sleep, and how often it has woken up.
    turns: u64,
    busy: Duration,
}

impl Progress {
    fn of(metrics: &RuntimeMetrics, worker: usize) -> Self {
        Self {
            turns: metrics.worker_park_unpark_count(worker),
            busy: metrics.worker_total_busy_duration(worker),
        }
    }

    fn is_asleep(self) -> bool {
        !self.turns.is_multiple_of(2)
    }
}

/// One worker, as it was seen.
#[derive(Debug)]
struct Worker {
    progress: Progress,
    /// When it was first seen so.
    since: Instant,
    /// This was told.
    told: bool,
}

impl Worker {
    fn new(now: Instant) -> Self {
        Self { progress: Progress::default(), since: now, told: false }
    }

    /// For how long it has been inside one task, where that is long, and was not told yet.
    fn look(&mut self, progress: Progress, now: Instant) -> Option<Duration> {
        if progress != self.progress || progress.is_asleep() {
            *self = Self { progress, since: now, told: false };
            return None;
        }
        let blocked = now - self.since;
        if self.told || blocked < PATIENCE {
            return None;
        }
        self.told = true;
        Some(blocked)
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;
    use crate::captured_log::CapturedLog;

    #[test]
    fn a_worker_is_told_of_once_while_it_is_awake_and_tells_nothing() {
        let begun = Instant::now();
        let at = |millis| begun + Duration::from_millis(millis);
        let of = |turns, busy| Progress { turns, busy: Duration::from_millis(busy) };
        let mut worker = Worker::new(begun);
        for millis in [0, 500, 2_000, 4_000] {
            assert_eq!(worker.look(of(1, 0), at(millis)), None, "it sleeps");
        }
        assert_eq!(worker.look(of(2, 0), at(4_100)), None, "it wakes up");
        assert_eq!(worker.look(of(2, 0), at(5_099)), None);
        let blocked = Duration::from_millis(1_150);
        assert_eq!(worker.look(of(2, 0), at(5_250)), Some(blocked));
        assert_eq!(worker.look(of(2, 0), at(9_000)), None, "that was told");
        for millis in [9_250, 10_500, 11_750] {
            assert_eq!(worker.look(of(2, millis), at(millis)), None, "it is busy, and goes on");
        }
        assert!(worker.look(of(2, 11_750), at(12_750)).is_some(), "and once more");
    }

    async fn seen(log: &CapturedLog, word: &str) -> usize {
        for _ in 0..100 {
            if log.text().contains(word) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        log.text().matches(word).count()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_blocked_worker_of_two_is_told_of() {
        let (log, _logging) = CapturedLog::of(Level::WARN);
        let watchdog = Watchdog::start().expect("a watchdog");
        // What blocks where it may is none of its business, nor what sleeps.
        let allowed = tokio::task::spawn_blocking(|| thread::sleep(PATIENCE * 2));
        tokio::time::sleep(PATIENCE * 2).await;
        allowed.await.unwrap();
        let before = log.text();
        let blocking = tokio::spawn(async { thread::sleep(PATIENCE * 2) });
        assert_eq!(
            seen(&log, "spawn_blocking").await,
            1 + before.matches("spawn_blocking").count()
        );
        assert_eq!(before, "");
        blocking.await.unwrap();
        drop(watchdog);
    }
}
