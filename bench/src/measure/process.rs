//! What the system says about a process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// What the threads of a process had of the cores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CoreTime {
    /// On a core, theft by other machines not counted.
    pub(crate) on: Duration,
    /// Ready to run, while something else did.
    pub(crate) waiting: Duration,
}

/// The same for each thread, since it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CoreTimes(BTreeMap<OsString, CoreTime>);

impl CoreTimes {
    /// What all threads had since an earlier reading. What one had that has ended since is lost.
    pub(crate) fn since(&self, earlier: &Self) -> CoreTime {
        let mut sum = CoreTime::default();
        for (thread, now) in &self.0 {
            let before = earlier.0.get(thread).copied().unwrap_or_default();
            // A number that is given again is another thread's.
            sum.on += now.on.saturating_sub(before.on);
            sum.waiting += now.waiting.saturating_sub(before.waiting);
        }
        sum
    }
}

/// What the threads of a process have had of the cores.
pub(crate) fn core_times(pid: u32) -> Result<CoreTimes> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).context("the server has ended")?;
    let mut times = BTreeMap::new();
    for task in tasks {
        let task = task?;
        // A thread may end between the listing and the reading.
        let Ok(schedstat) = fs::read_to_string(task.path().join("schedstat")) else { continue };
        times.insert(task.file_name(), of_thread(&schedstat).context("no times in schedstat")?);
    }
    Ok(CoreTimes(times))
}

/// The first two numbers.
fn of_thread(schedstat: &str) -> Option<CoreTime> {
    let mut nanoseconds = schedstat.split_ascii_whitespace().map(str::parse);
    let mut next = || nanoseconds.next()?.ok().map(Duration::from_nanos);
    Some(CoreTime { on: next()?, waiting: next()? })
}

/// Time that other machines on the same hardware took from a core.
pub(crate) fn stolen_time(core: usize) -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let ticks = stolen_ticks(&stat, core).context("no stolen time in stat")?;
    Ok(Duration::from_millis(ticks * TICK_MS))
}

/// The unit of `/proc/stat`, on every Linux there is.
const TICK_MS: u64 = 10;

/// The eighth number of a core's line.
fn stolen_ticks(stat: &str, core: usize) -> Option<u64> {
    let name = format!("cpu{core} ");
    let numbers = stat.lines().find_map(|line| line.strip_prefix(&name))?;
    numbers.split_ascii_whitespace().nth(7)?.parse().ok()
}

/// The memory a process has resident, in bytes.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    resident_of(&status).context("no VmRSS in status")
}

fn resident_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_writes_is_read() {
        let of = |on, waiting| CoreTime {
            on: Duration::from_nanos(on),
            waiting: Duration::from_nanos(waiting),
        };
        assert_eq!(of_thread("123456 789 10\n"), Some(of(123_456, 789)));
        assert_eq!(of_thread("123456\n"), None);
        let status = "Name:\tbench\nVmHWM:\t    9000 kB\nVmRSS:\t    5124 kB\nThreads:\t2\n";
        assert_eq!(resident_of(status), Some(5124 * 1024));
        let stat =
            "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7 42 0 0\ncpu1 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(stolen_ticks(stat, 0), Some(42));
        assert_eq!(stolen_ticks(stat, 2), None);
        assert_eq!(resident_of("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn a_thread_that_ends_takes_nothing_from_the_others() {
        let times = |threads: &[(&str, u64, u64)]| {
            let thread = |(name, on, waiting): &(&str, u64, u64)| {
                let [on, waiting] = [*on, *waiting].map(Duration::from_nanos);
                (OsString::from(name), CoreTime { on, waiting })
            };
            CoreTimes(threads.iter().map(thread).collect())
        };
        let before = times(&[("1", 10, 1), ("2", 1_000, 100)]);
        let after = times(&[("1", 15, 3), ("3", 7, 0)]);
        let [on, waiting] = [12, 2].map(Duration::from_nanos);
        assert_eq!(after.since(&before), CoreTime { on, waiting });
    }

    #[test]
    fn this_process_has_memory_and_time() {
        let pid = std::process::id();
        assert!(resident(pid).unwrap() > 100_000);
        let times = core_times(pid).unwrap();
        assert!(times.since(&CoreTimes::default()).on > Duration::ZERO);
    }
}
