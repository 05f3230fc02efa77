//! How often a server enters the kernel: by a tracepoint where perf may, else by strace.

use std::fs;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Costs the server next to nothing.
    Perf,
    /// Stops the server at each call: it counts right, but a server that is slower batches more.
    Strace,
}

const EVENT: &str = "raw_syscalls:sys_enter";

impl Counter {
    /// The better one of those that work here.
    pub(crate) fn find() -> Result<Self> {
        let works = |program: &str, arguments: &[&str]| {
            let quiet = || Stdio::null();
            let mut command = Command::new(program);
            command.args(arguments).stdin(quiet()).stdout(quiet()).stderr(quiet());
            command.status().is_ok_and(|status| status.success())
        };
        if works("perf", &["stat", "-e", EVENT, "true"]) {
            Ok(Self::Perf)
        } else if works("strace", &["-c", "-f", "-o", "/dev/null", "true"]) {
            Ok(Self::Strace)
        } else {
            bail!("missing: perf with tracepoints, or strace (apt-get install strace)")
        }
    }

    /// Readings whose median counts: how many calls a batch takes differs a little.
    pub(crate) const fn rounds(self) -> usize {
        match self {
            Self::Perf => 5,
            Self::Strace => 3,
        }
    }

    /// Counts what a process does while `work` is done. `scratch` is a file that may be written.
    pub(crate) fn count(
        self,
        pid: u32,
        scratch: &Path,
        work: impl FnOnce() -> Result<()>,
    ) -> Result<u64> {
        match self {
            Self::Perf => by_perf(pid, scratch, work),
            Self::Strace => by_strace(pid, scratch, work),
        }
    }
}

fn by_perf(pid: u32, scratch: &Path, work: impl FnOnce() -> Result<()>) -> Result<u64> {
    // Counts as long as the program runs that it is given, and that says when it has begun.
    let mut perf = Command::new("perf")
        .args(["stat", "--field-separator", ",", "--event", EVENT])
        .args(["--pid", &pid.to_string(), "--output"])
        .arg(scratch)
        .args(["--", "sh", "-c", "echo counting; read -r _"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("perf cannot be run")?;
    let begun = wait_for(&mut BufReader::new(perf.stdout.take().context("no stdout")?), "counting");
    let worked = begun.and_then(|()| work());
    drop(perf.stdin.take());
    perf.wait()?;
    worked?;
    let written = fs::read_to_string(scratch)?;
    perf_count(&written).with_context(|| format!("perf counted nothing: {written}"))
}

fn perf_count(written: &str) -> Option<u64> {
    let line = written.lines().find(|line| line.contains(EVENT))?;
    line.split(',').next()?.parse().ok()
}

fn by_strace(pid: u32, scratch: &Path, work: impl FnOnce() -> Result<()>) -> Result<u64> {
    let mut strace = Command::new("strace")
        .args(["-c", "-f", "-p", &pid.to_string(), "-o"])
        .arg(scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("strace cannot be run")?;
    let mut said = BufReader::new(strace.stderr.take().context("no stderr")?);
    let worked = wait_for(&mut said, "attached").and_then(|()| work());
    stop(&mut strace)?;
    // It goes on talking while it detaches.
    said.read_to_string(&mut String::new())?;
    worked?;
    let written = fs::read_to_string(scratch)?;
    strace_count(&written).with_context(|| format!("strace counted nothing: {written}"))
}

/// Ends a program as ctrl-c would: it still writes what it knows.
fn stop(child: &mut Child) -> Result<()> {
    if child.try_wait()?.is_none() {
        kill_process(Pid::from_child(child), Signal::INT)?;
        child.wait()?;
    }
    Ok(())
}

/// The fourth column, calls, of the last row.
fn strace_count(written: &str) -> Option<u64> {
    let total = written.lines().find(|line| line.trim_end().ends_with(" total"))?;
    total.split_ascii_whitespace().nth(3)?.parse().ok()
}

fn wait_for(said: &mut impl BufRead, word: &str) -> Result<()> {
    let mut line = String::new();
    loop {
        let begin = line.len();
        ensure!(said.read_line(&mut line)? > 0, "it does not count: {line}");
        if line[begin..].contains(word) {
            return Ok(());
        }
    }
}

/// Where a counter may write.
pub(crate) fn scratch(directory: &Path) -> PathBuf {
    directory.join("syscalls")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perfs_line_is_read() {
        let written = "# started on Sat\n\n1234,,raw_syscalls:sys_enter,5000,100.00,,\n";
        assert_eq!(perf_count(written), Some(1234));
        assert_eq!(perf_count("<not counted>,,raw_syscalls:sys_enter,0,0.00,,\n"), None);
    }

    #[test]
    fn straces_sum_is_read() {
        let written = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 66.67    0.000200           2       100           sendto
 33.33    0.000100           1        80        40 recvfrom
------ ----------- ----------- --------- --------- ----------------
100.00    0.000300           1       180        40 total
";
        assert_eq!(strace_count(written), Some(180));
        assert_eq!(strace_count(""), None);
    }
}
