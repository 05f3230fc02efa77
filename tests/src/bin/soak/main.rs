//! What takes too long for a suite, or more clients than a busy machine has room for. The server is
//! this program again, with the defaults. `docs/soak.md` has what was measured.
//!
//! ```sh
//! cargo run --release -p tests --bin soak -- idle 10000 600
//! cargo run --release -p tests --bin soak -- reconnect 2000 5
//! cargo run --release -p tests --bin soak -- arrivals 2000 4000
//! cargo run --release -p tests --bin soak -- cluster 3000 600
//! ```

mod arrivals;
mod cluster;

use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use gateway_core::Redis;
use gateway_core::prelude::*;
use tests::raw::{Client, Server, allow_open_files, in_mib, until};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// What this package's library serves.
const NAMESPACE: &str = "/library";

/// More than a server that serves takes for anything here.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server has open that nobody is connected to, and some to spare.
const FILES: usize = 30;

/// In which the server lets go of all that it held.
const LETS_GO_IN: Duration = Duration::from_secs(60);

const USAGE: &str = "soak idle CLIENTS SECONDS | reconnect CLIENTS ROUNDS | arrivals CLIENTS USERS \
                     | cluster USERS SECONDS";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = match arguments[..] {
        ["serve"] => serve().map(|()| true),
        ["idle", clients, seconds] => run(clients, seconds, idle),
        ["reconnect", clients, rounds] => run(clients, rounds, reconnect),
        ["arrivals", clients, users] => run(clients, users, arrivals::arrivals),
        ["cluster", users, seconds] => cluster(users, seconds),
        _ => Err(USAGE.into()),
    };
    match ran {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// The child, until it is killed. It is one of several where `REDIS_URL` says so.
#[tokio::main]
async fn serve() -> Outcome<()> {
    let redis = std::env::var("REDIS_URL").ok().map(Redis::at);
    let bound = App::builder().cluster(redis).build().await?.bind("127.0.0.1:0").await?;
    println!("listening on http://{}", bound.local_addr());
    io::stdout().flush()?;
    Ok(bound.serve().await?)
}

fn run(
    clients: &str,
    times: &str,
    what: impl AsyncFn(&Server, usize, u64) -> Outcome<bool>,
) -> Outcome<bool> {
    let (clients, times) = (clients.parse()?, times.parse()?);
    allow_open_files(clients as u64 + 500);
    let server = Server::start(Command::new(std::env::current_exe()?).arg("serve"))?;
    runtime()?.block_on(what(&server, clients, times))
}

fn cluster(users: &str, seconds: &str) -> Outcome<bool> {
    let (users, seconds) = (users.parse()?, seconds.parse()?);
    runtime()?.block_on(cluster::cluster(users, seconds))
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Connections that say nothing but their pongs: none is dropped, and each is answered at the end.
async fn idle(server: &Server, count: usize, seconds: u64) -> Outcome<bool> {
    // What the server allocates once is there before.
    Client::open(server.address(), NAMESPACE).await?.answer("asked", "").await?;
    let before = server.memory("VmRSS")?;
    let begun = Instant::now();
    let clients = open(server.address(), NAMESPACE, count).await?;
    println!("{count} connections in {:.1} s", begun.elapsed().as_secs_f64());
    // What the last of them set going has come to rest.
    sleep(Duration::from_secs(1)).await;
    let held = server.memory("VmRSS")?;
    let each = held.saturating_sub(before) / count as u64;
    println!("{} before, {} with them: {each} bytes each", in_mib(before), in_mib(held));

    let mut idling = JoinSet::new();
    for mut client in clients {
        idling.spawn(async move {
            let idle = async { while client.packet().await.is_ok() {} };
            let stayed = timeout(Duration::from_secs(seconds), idle).await.is_err();
            // It may have been cut without having noticed.
            stayed && timeout(PATIENCE, client.answer("asked", "")).await.is_ok_and(|a| a.is_ok())
        });
    }
    let stayed = idling.join_all().await.into_iter().filter(|stayed| *stayed).count();
    println!("after {seconds} s: {} dropped, {}", count - stayed, in_mib(server.memory("VmRSS")?));
    gone(server).await;
    Ok(stayed == count)
}

/// All clients at once, from one address, as after a deployment: all are let in again.
async fn reconnect(server: &Server, count: usize, rounds: u64) -> Outcome<bool> {
    let mut clients = open(server.address(), NAMESPACE, count).await?;
    let mut all_are_back = true;
    for round in 1..=rounds {
        drop(clients);
        let begun = Instant::now();
        let mut coming = JoinSet::new();
        for _ in 0..count {
            coming.spawn(come_back(server.address(), begun));
        }
        let (back, mut took): (Vec<_>, Vec<_>) =
            coming.join_all().await.into_iter().flatten().unzip();
        took.sort_unstable();
        let last = took.last().copied().unwrap_or_default();
        let half = took.get(took.len() / 2).copied().unwrap_or_default();
        let refused = count - back.len();
        println!(
            "round {round}: half are back in {half:.1?}, all in {last:.1?}; {refused} refused"
        );
        all_are_back &= refused == 0;
        clients = back;
    }
    drop(clients);
    gone(server).await;
    Ok(all_are_back)
}

/// Connected and served.
async fn come_back(server: SocketAddr, begun: Instant) -> Option<(Client, Duration)> {
    let coming = async {
        let mut client = Client::open(server, NAMESPACE).await.ok()?;
        client.answer("asked", "").await.ok()?;
        Some(client)
    };
    let client = timeout(PATIENCE, coming).await.ok()??;
    Some((client, begun.elapsed()))
}

async fn open(server: SocketAddr, namespace: &'static str, count: usize) -> Outcome<Vec<Client>> {
    const AT_ONCE: usize = 200;
    let mut clients = Vec::with_capacity(count);
    while clients.len() < count {
        let mut opening = JoinSet::new();
        for _ in 0..AT_ONCE.min(count - clients.len()) {
            opening.spawn(Client::open(server, namespace));
        }
        for opened in opening.join_all().await {
            clients.push(opened?);
        }
    }
    Ok(clients)
}

/// The clients have left: what the server is left with.
async fn gone(server: &Server) {
    let closed =
        until(LETS_GO_IN, async || server.open_files().is_ok_and(|open| open <= FILES)).await;
    sleep(Duration::from_secs(1)).await;
    let memory = server.memory("VmRSS").unwrap_or_default();
    let files = server.open_files().unwrap_or_default();
    println!("without them: {}, {files} files, closed after {closed:.1?}", in_mib(memory));
}
