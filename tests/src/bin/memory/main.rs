//! Measures that the memory of a connection does not grow with the number of handlers.
//!
//! `cargo run -p tests --bin memory` opens 1,000 idle connections to a gateway with
//! 3 handlers and to one with 300, each in a server process of its own, several times over, and
//! fails when a connection to the second costs more. A third gateway keeps one word for each of
//! 300 handlers on every connection: if that cannot be told from the first, the measurement is
//! too coarse to prove anything, and this fails as well.

mod many;

use std::error::Error;
use std::io::Write as _;
use std::process::{Command, ExitCode};
use std::time::Duration;

use gateway_core::prelude::*;
use tests::raw::{Client, Server};

/// Opened before the first reading, so that what a server allocates once is not counted.
const WARM_UP: usize = 200;
const CONNECTIONS: usize = 1_000;
const ROUNDS: usize = 5;

/// What 300 handlers may cost a connection more than 3 do: the noise of the measurement, and
/// far less than one word a handler, which is 2,400 bytes.
const TOLERANCE: i64 = 800;

/// Private memory that is in use.
const PRIVATE: &str = "RssAnon";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return match serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:?}");
                ExitCode::FAILURE
            }
        };
    }
    match compare() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("memory: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The child: all three gateways, until it is killed.
#[tokio::main]
async fn serve() -> Result<(), AppError> {
    // Nobody answers a ping here: the connections are idle, and stay.
    let bound = App::builder()
        .ping_interval(Duration::from_secs(3_600))
        .ping_timeout(Duration::from_secs(3_600))
        .build()
        .await?
        .bind("127.0.0.1:0")
        .await?;
    println!("listening on http://{}", bound.local_addr());
    std::io::stdout().flush()?;
    bound.serve().await
}

fn compare() -> Outcome<bool> {
    let mut few = Vec::new();
    let mut many = Vec::new();
    let mut heavy = Vec::new();
    // Interleaved, so that a drift of the machine falls on all three alike.
    for _ in 0..ROUNDS {
        few.push(bytes_per_connection("/few")?);
        many.push(bytes_per_connection("/many")?);
        heavy.push(bytes_per_connection("/heavy")?);
    }
    let (few, many, heavy) = (median(few), median(many), median(heavy));
    println!("  3 handlers: {few} bytes per connection");
    println!("300 handlers: {many} bytes per connection ({:+})", many - few);
    println!(
        "control, one word for each of 300 handlers: {heavy} bytes per connection ({:+})",
        heavy - few
    );

    if heavy - few <= TOLERANCE {
        eprintln!("memory: the control was not seen, so this measurement proves nothing");
        return Ok(false);
    }
    if many - few > TOLERANCE {
        eprintln!("memory: the memory of a connection grows with the number of handlers");
        return Ok(false);
    }
    Ok(true)
}

fn bytes_per_connection(namespace: &str) -> Outcome<i64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = start_server()?;
    let mut open = Vec::with_capacity(WARM_UP + CONNECTIONS);
    runtime.block_on(open_more(&server, &mut open, namespace, WARM_UP))?;
    let before = server.memory(PRIVATE)?;
    runtime.block_on(open_more(&server, &mut open, namespace, CONNECTIONS))?;
    let after = server.memory(PRIVATE)?;
    Ok((i64::try_from(after)? - i64::try_from(before)?) / i64::try_from(CONNECTIONS)?)
}

/// This program again, as a server.
fn start_server() -> std::io::Result<Server> {
    Server::start(
        Command::new(std::env::current_exe()?)
            .arg("serve")
            // One arena and prompt returns to the system make the resident size follow what
            // is really held.
            .env("MALLOC_ARENA_MAX", "1")
            .env("TOKIO_WORKER_THREADS", "2"),
    )
}

async fn open_more(
    server: &Server,
    open: &mut Vec<Client>,
    namespace: &str,
    count: usize,
) -> Outcome<()> {
    for _ in 0..count {
        open.push(Client::open(server.address(), namespace).await?);
    }
    // What the last of them set going has come to rest.
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(())
}

fn median(mut figures: Vec<i64>) -> i64 {
    figures.sort_unstable();
    figures[figures.len() / 2]
}
