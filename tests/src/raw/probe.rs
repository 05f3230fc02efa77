//! What the fixture holds, asked from the inside.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use super::client::Client;
use super::server::Server;

/// Heartbeats that fall due in no test: a client that does not answer them stays.
pub const NO_HEARTBEAT: [(&str, &str); 2] =
    [("PING_INTERVAL_MS", "600000"), ("PING_TIMEOUT_MS", "600000")];

/// A client of `/probe`, which tells.
#[derive(Debug)]
pub struct Probe(Client);

impl Probe {
    /// # Panics
    ///
    /// Where the server lets nobody in.
    pub async fn of(server: &Server) -> Self {
        Self(Client::open(server.address(), "/probe").await.expect("a connection"))
    }

    /// As [`of`](Self::of), where an attack may have left no place yet.
    ///
    /// # Panics
    ///
    /// Where the server lets nobody in for all that time.
    pub async fn within(server: &Server, patience: Duration) -> Self {
        let begun = Instant::now();
        loop {
            match Client::open(server.address(), "/probe").await {
                Ok(client) => return Self(client),
                Err(refused) => assert!(begun.elapsed() < patience, "no place: {refused}"),
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// What was noted under a key that a client has sent as `auth.label`.
    ///
    /// # Panics
    ///
    /// Where the server does not say.
    pub async fn journal(&mut self, key: &str) -> Vec<Value> {
        let noted = self.0.answer("journal", &format!("{key:?}")).await.expect("the journal");
        noted.as_array().expect("a list").clone()
    }

    /// `count`, `sockets`, `rooms` and `slow` of a namespace.
    ///
    /// # Panics
    ///
    /// Where the server does not say.
    pub async fn held(&mut self, namespace: &str) -> Value {
        self.0.answer("held", &format!("{namespace:?}")).await.expect("what is held")
    }

    /// Clients that are in a namespace.
    pub async fn sockets(&mut self, namespace: &str) -> u64 {
        number(&self.held(namespace).await["count"])
    }

    /// Clients that were disconnected because they did not read.
    pub async fn slow(&mut self, namespace: &str) -> u64 {
        number(&self.held(namespace).await["slow"])
    }

    /// One of `holding`, `hanging`, `streams`, `asking` and `tasks`.
    ///
    /// # Panics
    ///
    /// Where the server does not say.
    pub async fn counter(&mut self, name: &str) -> u64 {
        number(&self.0.answer("counters", "").await.expect("the counters")[name])
    }
}

/// A number that must be one.
///
/// # Panics
///
/// Where it is none.
#[must_use]
pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("not a number: {value}"))
}
