//! Measures what a server keeps of its memory after a burst, by allocator.
//!
//! `scripts/allocators.sh` builds this with glibc's allocator and with jemalloc, and prints one table
//! of both. What is kept is not held by anything: a second burst uses it again. It is memory that the
//! allocator does not give back to the system.

use std::error::Error;
use std::io::Write as _;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_core::prelude::*;
use serde_json::Value;
use tests::raw::{Client, Server as Process, in_mib, text_frame, until};
use tokio::sync::Semaphore;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Connections that have each sent all but the end of a message of [`MESSAGE`] bytes.
const UNFINISHED: usize = 300;
const MESSAGE: usize = 950_000;

/// Messages of [`TREE`] bytes of JSON that are held as a `Value` at the same time, so many on each
/// connection: more would not be started, since a connection has 4 MiB in hand.
const CONNECTIONS: usize = 6;
const TREES: usize = 4;
const TREE: usize = 500_000;

/// After the burst: longer than the ten seconds after which jemalloc gives back what is unused.
const LATER: Duration = Duration::from_secs(15);

/// A debug build takes its time with 1 GB of trees.
const PATIENCE: Duration = Duration::from_secs(120);

/// How the server is started. jemalloc does not read these variables.
#[cfg(feature = "jemalloc")]
const ALLOCATORS: [(&str, &[(&str, &str)]); 1] = [("jemalloc", &[])];
#[cfg(not(feature = "jemalloc"))]
const ALLOCATORS: [(&str, &[(&str, &str)]); 2] = [
    ("glibc", &[]),
    (
        "glibc, both thresholds set",
        &[("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_TRIM_THRESHOLD_", "131072")],
    ),
];

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Holds messages until they are all there.
#[web_socket_gateway(namespace = "/trees")]
pub(crate) struct TreesGateway {
    #[init(Semaphore::new(0))]
    gate: Semaphore,
    #[init]
    held: AtomicUsize,
}

#[web_socket_gateway]
impl TreesGateway {
    #[subscribe_message("hold")]
    async fn hold(&self, MessageBody(tree): MessageBody<Value>) -> Option<usize> {
        self.held.fetch_add(1, Ordering::Relaxed);
        drop(self.gate.acquire().await.ok()?);
        tree.as_array().map(Vec::len)
    }

    #[subscribe_message("held")]
    async fn held(&self) -> usize {
        // A number, beside nothing else that it could order.
        self.held.load(Ordering::Relaxed)
    }

    #[subscribe_message("release")]
    async fn release(&self) {
        self.gate.add_permits(CONNECTIONS * TREES);
    }
}

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        Some("serve") => serve(),
        _ => measure(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("allocators: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The child, until it is killed.
#[tokio::main]
async fn serve() -> Outcome<()> {
    let bound = App::builder().build().await?.bind("127.0.0.1:0").await?;
    println!("listening on http://{}", bound.local_addr());
    std::io::stdout().flush()?;
    Ok(bound.serve().await?)
}

#[tokio::main(flavor = "current_thread")]
async fn measure() -> Outcome<()> {
    for (allocator, environment) in ALLOCATORS {
        row("unfinished messages", allocator, &start(environment)?, unfinished).await?;
        row("trees", allocator, &start(environment)?, trees).await?;
    }
    Ok(())
}

/// This program again, as a server.
fn start(environment: &[(&str, &str)]) -> Outcome<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").env("TOKIO_WORKER_THREADS", "2").envs(environment.iter().copied());
    Ok(Process::start(&mut command)?)
}

async fn row(
    burst: &str,
    allocator: &str,
    server: &Process,
    attack: impl AsyncFnOnce(&Process) -> Outcome<()>,
) -> Outcome<()> {
    // What a server takes once, for its first client, is not kept from the burst.
    drop(Client::open(server.address(), "/trees").await?);
    let before = server.memory("VmRSS")?;
    attack(server).await?;
    tokio::time::sleep(LATER).await;
    let (peak, after) = (server.memory("VmHWM")?, server.memory("VmRSS")?);
    let [before, peak, after] = [before, peak, after].map(in_mib);
    println!("| {burst} | {allocator} | {before} | {peak} | {after} |");
    Ok(())
}

/// Connections that never end a message, and then leave.
async fn unfinished(server: &Process) -> Outcome<()> {
    let message = text_frame(&format!("42/trees,[\"hold\",\"{}\"]", "x".repeat(MESSAGE)));
    let begun = &message[..message.len() - 1_000];
    let mut clients = Vec::new();
    for _ in 0..UNFINISHED {
        let mut client = Client::open(server.address(), "/trees").await?;
        client.write(begun);
        client.flush().await?;
        clients.push(client);
    }
    // All of it is held by the server, and not on its way.
    let all = (begun.len() * UNFINISHED) as u64;
    let is_there = async || server.memory("VmRSS").is_ok_and(|resident| resident > all);
    until(PATIENCE, is_there).await.ok_or("the messages did not come")?;
    Ok(())
}

/// Handlers that wait with a `Value` in hand.
async fn trees(server: &Process) -> Outcome<()> {
    // Of many small pieces, as most of what clients send.
    const OBJECT: &str = r#"{"k":"v"},"#;
    let tree = format!("[{}0]", OBJECT.repeat(TREE / OBJECT.len()));
    let mut probe = Client::open(server.address(), "/trees").await?;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = Client::open(server.address(), "/trees").await?;
        for _ in 0..TREES {
            client.ask("hold", &tree);
        }
        client.flush().await?;
        clients.push(client);
    }
    let all = Value::from(CONNECTIONS * TREES);
    let are_held = async || probe.answer("held", "").await.is_ok_and(|held| held == all);
    until(PATIENCE, are_held).await.ok_or("the trees were not held")?;
    probe.answer("release", "").await?;
    Ok(())
}
