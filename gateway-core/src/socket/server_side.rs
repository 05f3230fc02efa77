//! What the processes of one application tell each other: `server_side_emit`, and its listeners.

use std::{
    collections::HashMap,
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::de::DeserializeOwned;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::wire;

/// How many events may wait for one listener of this process.
const QUEUE: usize = 1_024;

/// The listeners of one namespace in this process, by the event's name.
#[derive(Default)]
pub(crate) struct ServerSide(Mutex<HashMap<String, broadcast::Sender<Arc<str>>>>);

impl ServerSide {
    pub(crate) fn listen<T>(&self, event: &str) -> ServerSideEvents<T> {
        let mut senders = self.lock();
        // Drops events that nobody listens to any more.
        senders.retain(|_, sender| sender.receiver_count() > 0);
        let sender = senders.entry(event.to_owned()).or_insert_with(|| broadcast::channel(QUEUE).0);
        ServerSideEvents {
            event: event.to_owned(),
            receiver: sender.subscribe(),
            payload: PhantomData,
        }
    }

    /// Hands an event to the listeners in this process.
    pub(crate) fn deliver(&self, event: &str, payload: Arc<str>) {
        if let Some(sender) = self.lock().get(event) {
            // If nobody listens any more, nothing is lost.
            sender.send(payload).ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, broadcast::Sender<Arc<str>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events of one name that the application's processes, including this one, emit with
/// [`Server::server_side_emit`](crate::Server::server_side_emit).
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn reload_prices() {}
/// # async fn follow(server: Server) {
/// let mut changes = server.server_side_events::<u64>("price-changed");
/// while let Some(change) = changes.next().await {
///     match change {
///         Ok(product) => println!("product {product} has a new price"),
///         // Some did not get through, so whatever they were about is read afresh.
///         Err(Missed) => reload_prices().await,
///     }
/// }
/// # }
/// ```
pub struct ServerSideEvents<T> {
    event: String,
    receiver: broadcast::Receiver<Arc<str>>,
    payload: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> ServerSideEvents<T> {
    /// The next event; `None` once the server is gone.
    pub async fn next(&mut self) -> Option<Result<T, Missed>> {
        loop {
            let payload = match self.receiver.recv().await {
                Ok(payload) => payload,
                Err(RecvError::Lagged(_)) => return Some(Err(Missed)),
                Err(RecvError::Closed) => return None,
            };
            match wire::read(&payload) {
                Ok(payload) => return Some(Ok(payload)),
                // Sent by a process of another version, which is no reason to end.
                Err(error) => {
                    tracing::warn!(event = self.event, %error, "a server-side event does not have the expected form");
                }
            }
        }
    }
}

impl<T> fmt::Debug for ServerSideEvents<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServerSideEvents")
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}

/// Server-side events were missed, because the listener was too slow or the connection between the processes was
/// down.
///
/// ```
/// assert_eq!(gateway_core::Missed.to_string(), "server-side events were missed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("server-side events were missed")]
pub struct Missed;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_listener_of_the_name_gets_it() {
        let server_side = ServerSide::default();
        server_side.deliver("a", "1".into());
        let mut one = server_side.listen::<u32>("a");
        let mut two = server_side.listen::<u32>("a");
        let mut other = server_side.listen::<u32>("b");
        server_side.deliver("a", "2".into());
        server_side.deliver("b", "3".into());
        assert_eq!(one.next().await, Some(Ok(2)));
        assert_eq!(two.next().await, Some(Ok(2)));
        assert_eq!(other.next().await, Some(Ok(3)));
        drop(server_side);
        assert_eq!(one.next().await, None);
    }

    #[tokio::test]
    async fn what_was_missed_is_said_and_what_cannot_be_read_is_passed_over() {
        let server_side = ServerSide::default();
        let mut events = server_side.listen::<usize>("a");
        for number in 0..=QUEUE {
            server_side.deliver("a", number.to_string().into());
        }
        assert_eq!(events.next().await, Some(Err(Missed)));
        assert_eq!(events.next().await, Some(Ok(1)));
        drop(events);

        let mut events = server_side.listen::<u32>("a");
        server_side.deliver("a", "\"no number\"".into());
        server_side.deliver("a", "5".into());
        assert_eq!(events.next().await, Some(Ok(5)));
    }
}
