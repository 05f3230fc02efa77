//! A server in a process of its own, ended with its value, and what it holds in memory.

use std::io::{self, BufRead as _, BufReader, ErrorKind};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::machine::in_mib;

/// How often a [`MemoryGuard`] looks. A server in a debug build takes some milliseconds for a
/// megabyte.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    process: Arc<Mutex<Child>>,
    /// Kept, since a process may not write to one that nobody reads.
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
    id: u32,
}

impl Server {
    /// Starts a program that says where it listens in its first line: `listening on http://…`.
    ///
    /// # Errors
    ///
    /// Where it does not start, or says something else.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().expect("a piped stdout");
        let mut server = Self {
            id: process.id(),
            process: Arc::new(Mutex::new(process)),
            stdout: BufReader::new(stdout),
            address: SocketAddr::from(([0; 4], 0)),
        };
        let mut line = String::new();
        server.stdout.read_line(&mut line)?;
        let address = line.trim_end().strip_prefix("listening on http://");
        let address = address.and_then(|address| address.parse().ok());
        server.address =
            address.ok_or_else(|| io::Error::other(format!("not an address: {line:?}")))?;
        Ok(server)
    }

    /// The same so that the resident size of the program is what it holds.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn measured(command: &mut Command) -> io::Result<Self> {
        command
            // Memory that is given back returns to the system at once, and does not stay with the
            // allocator for later.
            .env("MALLOC_MMAP_THRESHOLD_", "65536")
            .env("MALLOC_TRIM_THRESHOLD_", "65536")
            .env("MALLOC_ARENA_MAX", "2")
            .env("TOKIO_WORKER_THREADS", "2");
        Self::start(command)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A figure of `/proc/…/status` in bytes: `VmRSS`, `VmHWM`, `RssAnon`.
    ///
    /// # Errors
    ///
    /// Where the process has ended, or the system has no such file: memory is measured on Linux
    /// only.
    pub fn memory(&self, figure: &str) -> io::Result<u64> {
        memory(self.id, figure)
    }

    /// The processor time it has taken, in user space and in the kernel.
    ///
    /// # Errors
    ///
    /// As [`memory`](Self::memory).
    pub fn cpu(&self) -> io::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id))?;
        // The name of the program, in parentheses, may contain spaces.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks = fields.skip(11).take(2).map(str::parse::<u64>);
        let ticks: u64 = ticks.sum::<Result<_, _>>().map_err(io::Error::other)?;
        Ok(Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second()))
    }

    /// How many files it has open, sockets among them.
    ///
    /// # Errors
    ///
    /// As [`memory`](Self::memory).
    pub fn open_files(&self) -> io::Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.id))?.count())
    }

    /// Asks it to stop, as whoever operates it does, and waits until it has; then its exit code, where
    /// it was not killed.
    ///
    /// # Errors
    ///
    /// Where the process cannot be asked.
    pub fn stop(&self) -> io::Result<Option<i32>> {
        let id = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        kill_process(id.ok_or(ErrorKind::InvalidInput)?, Signal::TERM)?;
        loop {
            // Not held while it stops, so that a guard can still end it.
            if let Some(status) = lock(&self.process).try_wait()? {
                return Ok(status.code());
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Watches what the process grows by from now on, and kills it where that is more than `most`
    /// bytes: a test that finds a hole in memory must not take the machine with it.
    ///
    /// # Errors
    ///
    /// As [`memory`](Self::memory).
    pub fn guard_memory(&self, most: u64) -> io::Result<MemoryGuard> {
        let before = self.memory("VmRSS")?;
        let shared = Arc::new(Watched::default());
        let (watched, process, id) = (Arc::clone(&shared), Arc::clone(&self.process), self.id);
        let thread = thread::spawn(move || {
            while !watched.over.load(Ordering::Relaxed) {
                let Ok(now) = memory(id, "VmRSS") else { return };
                let grown = now.saturating_sub(before);
                watched.grown.fetch_max(grown, Ordering::Relaxed);
                if grown > most {
                    // What the test says next is only that nobody answers.
                    eprintln!("the server has grown by {} and is killed", in_mib(grown));
                    kill(&process);
                    return;
                }
                thread::sleep(LOOK_EVERY);
            }
        });
        Ok(MemoryGuard { shared, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        kill(&self.process);
    }
}

fn kill(process: &Mutex<Child>) {
    let mut process = lock(process);
    let _ = process.kill();
    let _ = process.wait();
}

fn lock(process: &Mutex<Child>) -> MutexGuard<'_, Child> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}

fn memory(id: u32, figure: &str) -> io::Result<u64> {
    let path = format!("/proc/{id}/status");
    let status = std::fs::read_to_string(&path)
        .map_err(|error| io::Error::other(format!("memory is measured by {path}: {error}")))?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    let kilobytes: u64 =
        kilobytes.ok_or_else(|| io::Error::other(format!("no {figure} in {path}")))?;
    Ok(kilobytes * 1024)
}

#[derive(Debug, Default)]
struct Watched {
    // Figures of their own, read after the thread was joined or as they are: nothing is ordered.
    grown: AtomicU64,
    over: AtomicBool,
}

/// Watches the memory of a [`Server`] until it is dropped.
#[derive(Debug)]
pub struct MemoryGuard {
    shared: Arc<Watched>,
    thread: Option<JoinHandle<()>>,
}

impl MemoryGuard {
    /// The most it has grown by since, in bytes.
    #[must_use]
    pub fn grown(&self) -> u64 {
        self.shared.grown.load(Ordering::Relaxed)
    }
}

impl Drop for MemoryGuard {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
