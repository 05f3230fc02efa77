//! What the system says about a process.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// How long the threads of a process were on a core, theft by other machines not counted.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).context("the server has ended")?;
    let mut nanoseconds = 0;
    for task in tasks {
        // A thread may end between the listing and the reading.
        let Ok(schedstat) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanoseconds += on_cpu(&schedstat).context("no time on a core in schedstat")?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn on_cpu(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().next()?.parse().ok()
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
        assert_eq!(on_cpu("123456 789 10\n"), Some(123_456));
        let status = "Name:\tbench\nVmHWM:\t    9000 kB\nVmRSS:\t    5124 kB\nThreads:\t2\n";
        assert_eq!(resident_of(status), Some(5124 * 1024));
        let stat =
            "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7 42 0 0\ncpu1 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(stolen_ticks(stat, 0), Some(42));
        assert_eq!(stolen_ticks(stat, 2), None);
        assert_eq!(resident_of("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn this_process_has_memory_and_time() {
        let pid = std::process::id();
        assert!(resident(pid).unwrap() > 100_000);
        assert!(cpu_time(pid).unwrap() > Duration::ZERO);
    }
}
