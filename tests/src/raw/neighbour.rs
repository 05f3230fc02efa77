//! A client that does nothing wrong, and how long it waits meanwhile.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::client::Client;

/// An acknowledgement that takes longer counts as one that took so long, and ends the measurement.
const LOST: Duration = Duration::from_secs(5);

/// Between two requests: it is to be a neighbour, not a load.
const PAUSE: Duration = Duration::from_millis(2);

/// Asks `/raw` for small acknowledgements, one after another, on a thread of its own: what the test
/// itself is busy with is not measured.
#[derive(Debug)]
pub struct Neighbour {
    /// Only ever says "stop": what was measured is handed over by joining the thread.
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Latencies>>,
}

impl Neighbour {
    /// Returns when it is connected, and has begun.
    ///
    /// # Panics
    ///
    /// Where it is not let in.
    pub async fn at(server: SocketAddr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let (connected, begun) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let client =
                    Client::open(server, "/raw").await.expect("the neighbour's connection");
                let _ = connected.send(());
                measure(client, &told).await
            })
        });
        begun.await.expect("the neighbour");
        Self { over, thread: Some(thread) }
    }

    /// What it has waited for each of its acknowledgements.
    ///
    /// # Panics
    ///
    /// Where its thread has.
    #[must_use]
    pub fn end(mut self) -> Latencies {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().expect("it ends once").join().expect("the neighbour")
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// The latencies while nothing else happens.
///
/// # Panics
///
/// Where the server lets nobody in.
pub async fn at_rest(server: SocketAddr) -> Latencies {
    let neighbour = Neighbour::at(server).await;
    sleep(Duration::from_millis(500)).await;
    neighbour.end()
}

async fn measure(mut client: Client, over: &AtomicBool) -> Latencies {
    let mut latencies = Vec::new();
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        match timeout(LOST, client.answer("value", &number.to_string())).await {
            Ok(Ok(value)) if value == number => latencies.push(begun.elapsed()),
            _ => {
                latencies.push(LOST);
                break;
            }
        }
        number += 1;
        sleep(PAUSE).await;
    }
    latencies.sort_unstable();
    Latencies(latencies)
}

/// How long answers took, sorted.
#[derive(Debug)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// What half of them took at most.
    #[must_use]
    pub fn p50(&self) -> Duration {
        self.at(0.5)
    }

    /// What 99 of 100 took at most.
    #[must_use]
    pub fn p99(&self) -> Duration {
        self.at(0.99)
    }

    /// The longest where there are too few to tell.
    fn at(&self, part: f64) -> Duration {
        let index = (self.0.len() as f64 * part) as usize;
        self.0.get(index).or(self.0.last()).copied().unwrap_or(LOST)
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.0.last().copied().unwrap_or(LOST);
        let count = self.0.len();
        write!(f, "p50 {:?}, p99 {:?}, longest {longest:?} of {count}", self.p50(), self.p99())
    }
}
