//! What tests share of the machine, and how they wait for each other and for a server.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;

/// 1,048,576 bytes.
pub const MIB: u64 = 1024 * 1024;

/// How often something is looked for that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

static MACHINE: Mutex<()> = Mutex::const_new(());

/// The machine for oneself, as far as this suite goes: for tests that measure times, or work hard.
/// Those that mostly wait run beside them.
pub async fn machine() -> MutexGuard<'static, ()> {
    MACHINE.lock().await
}

/// Sees to it that this process may have so many files open: a client of the tests is one.
///
/// # Panics
///
/// Where the system does not allow so many.
pub fn allow_open_files(count: u64) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < count) {
        let wanted = Rlimit { current: Some(count), maximum };
        setrlimit(Resource::Nofile, wanted).unwrap_or_else(|error| {
            panic!("{count} open files are needed, of {maximum:?}: {error}")
        });
    }
}

/// Looks until it holds, for `patience` at most; says after how long it did.
pub async fn until(patience: Duration, mut holds: impl AsyncFnMut() -> bool) -> Option<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        if holds().await {
            return Some(begun.elapsed());
        }
        sleep(LOOK_EVERY).await;
    }
    None
}

/// Bytes, to be read by people.
#[must_use]
pub fn in_mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / MIB as f64)
}
