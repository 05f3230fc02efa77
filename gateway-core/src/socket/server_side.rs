//! What the processes of one application tell and ask each other: `server_side_emit` and `server_side_request`, and their
//! listeners.

use std::{
    collections::HashMap,
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    oneshot,
};

use crate::{
    cluster::{Answer, ClusterDown, Message, Question},
    socket::{
        broadcast::check_size,
        error::{EmitError, RequestError},
        namespace::Namespace,
    },
    wire,
};

/// How many events may wait for one listener of this process.
const QUEUE: usize = 1_024;

/// The listeners of one namespace in this process, by the event's name.
#[derive(Default)]
pub(crate) struct ServerSide(Mutex<HashMap<String, broadcast::Sender<Heard>>>);

/// What a listener hears.
#[derive(Clone)]
enum Heard {
    Event(Incoming),
    /// Something that other processes said is lost.
    Missed,
}

/// Where a request is answered. All listeners share it, and the first to answer takes it.
type Reply = Arc<Mutex<Option<oneshot::Sender<Arc<str>>>>>;

#[derive(Clone)]
struct Incoming {
    payload: Arc<str>,
    /// Of a request.
    reply: Option<Reply>,
}

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
        self.hand(event, Incoming { payload, reply: None });
    }

    /// Asks the listeners in this process: the answer of the first that has one, or an error when none of them has any.
    /// `None` if nobody listens.
    pub(crate) fn ask(
        &self,
        event: &str,
        payload: Arc<str>,
    ) -> Option<oneshot::Receiver<Arc<str>>> {
        let (reply, answer) = oneshot::channel();
        let reply = Some(Arc::new(Mutex::new(Some(reply))));
        self.hand(event, Incoming { payload, reply }).then_some(answer)
    }

    /// Tells all listeners that something is lost that may have been for them.
    pub(crate) fn miss(&self) {
        for sender in self.lock().values() {
            sender.send(Heard::Missed).ok();
        }
    }

    /// Says whether somebody listens. If nobody does, nothing is lost.
    fn hand(&self, event: &str, incoming: Incoming) -> bool {
        let sent = self.lock().get(event).map(|sender| sender.send(Heard::Event(incoming)));
        sent.is_some_and(|sent| sent.is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, broadcast::Sender<Heard>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events of one name that the application's processes, including this one, emit with
/// [`Server::server_side_emit`](crate::Server::server_side_emit), and their requests by
/// [`Server::server_side_request`](crate::Server::server_side_request).
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
    receiver: broadcast::Receiver<Heard>,
    payload: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> ServerSideEvents<T> {
    /// The next event; `None` once the server is gone. A request for an answer is left without one.
    pub async fn next(&mut self) -> Option<Result<T, Missed>> {
        let next = self.next_request().await?;
        Some(next.map(ServerSideRequest::into_payload))
    }

    /// The next event, which can be answered, in case somebody asks for that; `None` once the server is gone.
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # async fn tell_load(server: Server) {
    /// let mut questions = server.server_side_events::<()>("load");
    /// while let Some(question) = questions.next_request().await {
    ///     if let Ok(question) = question {
    ///         question.answer(server.socket_count()).ok();
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn next_request(&mut self) -> Option<Result<ServerSideRequest<T>, Missed>> {
        loop {
            let Incoming { payload, reply } = match self.receiver.recv().await {
                Ok(Heard::Event(incoming)) => incoming,
                Ok(Heard::Missed) | Err(RecvError::Lagged(_)) => return Some(Err(Missed)),
                Err(RecvError::Closed) => return None,
            };
            match wire::read(&payload) {
                Ok(payload) => return Some(Ok(ServerSideRequest { payload, reply })),
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

/// A server-side event that can be answered, if somebody asks for that: see
/// [`ServerSideEvents::next_request`]. If it is dropped, this listener has nothing to say.
///
/// ```
/// # use gateway_core::prelude::*;
/// # fn reply(request: ServerSideRequest<u32>) -> Result<(), EmitError> {
/// let doubled = request.payload() * 2;
/// request.answer(doubled)
/// # }
/// ```
#[must_use = "who asks waits for an answer"]
pub struct ServerSideRequest<T> {
    payload: T,
    reply: Option<Reply>,
}

impl<T> ServerSideRequest<T> {
    /// What was emitted.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// What was emitted; it is not answered.
    #[must_use]
    pub fn into_payload(self) -> T {
        self.payload
    }

    /// Answers, if somebody has asked. If several listeners of this process answer, the first counts.
    ///
    /// # Errors
    /// If the answer cannot be encoded.
    pub fn answer(self, answer: impl Serialize) -> Result<(), EmitError> {
        let Some(reply) = self.reply else { return Ok(()) };
        let answer = encoded(&answer)?;
        let reply = reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reply) = reply {
            // Who asked may have stopped waiting.
            reply.send(answer).ok();
        }
        Ok(())
    }
}

impl<T> fmt::Debug for ServerSideRequest<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServerSideRequest").finish_non_exhaustive()
    }
}

/// What the application's processes have answered to a
/// [`server_side_request`](crate::Server::server_side_request).
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn load(server: Server) -> Result<(), RequestError> {
/// let loads = server.server_side_request::<u64>("load", ()).await?;
/// println!("{} clients, without those of {:?}", loads.answers.iter().sum::<u64>(), loads.unanswered);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerSideAnswers<R> {
    /// One of each process that listens, in no particular order.
    pub answers: Vec<R>,
    /// The processes that have not answered in time, by their names.
    pub unanswered: Vec<String>,
    /// How many answers were left out because they are not an `R`.
    pub unreadable: usize,
}

impl<R: DeserializeOwned> ServerSideAnswers<R> {
    /// Asks every process.
    pub(super) async fn of(
        namespace: &Namespace,
        event: &str,
        payload: &impl Serialize,
    ) -> Result<Self, RequestError> {
        let payload = encoded(payload)?;
        if namespace.adapter.is_some() {
            check_size(payload.len())?;
        }
        let question = || Question::ServerSide { event: event.into(), payload: payload.clone() };
        let timeout = namespace.settings.ack_timeout;
        // First: if they cannot be asked, nobody is.
        let asked = namespace.adapter.as_ref().map(|adapter| adapter.ask(question(), timeout));
        let mut asked = asked.transpose().map_err(|ClusterDown| RequestError::ClusterDown)?;
        let here = namespace.server_side.ask(event, payload.clone());
        let here = async {
            let Some(answer) = here else { return Some(None) };
            tokio::time::timeout(timeout, answer).await.ok().map(Result::ok)
        };
        let others = async {
            let mut answers = Vec::new();
            while let Some(asked) = &mut asked
                && let Some(answer) = asked.next().await
            {
                if let Answer::Reply(answer) = answer {
                    answers.push(answer);
                }
            }
            (answers, asked.map(|asked| asked.silent()).unwrap_or_default())
        };
        let (here, (mut answers, mut unanswered)) = tokio::join!(here, others);
        match here {
            Some(answer) => answers.extend(answer),
            None => unanswered.push(THIS_PROCESS.to_owned()),
        }
        let given = answers.len();
        let answers: Vec<R> = answers.iter().filter_map(|answer| wire::read(answer).ok()).collect();
        Ok(Self { unreadable: given - answers.len(), answers, unanswered })
    }
}

/// Tells every process.
pub(super) fn tell(
    namespace: &Namespace,
    event: &str,
    payload: &impl Serialize,
) -> Result<(), EmitError> {
    let payload = encoded(payload)?;
    let Some(adapter) = &namespace.adapter else {
        namespace.server_side.deliver(event, payload);
        return Ok(());
    };
    check_size(payload.len())?;
    namespace.server_side.deliver(event, Arc::clone(&payload));
    adapter.say(Message::ServerSide { event: event.to_owned(), payload });
    Ok(())
}

/// The name of this process among those that have not answered.
const THIS_PROCESS: &str = "this process";

/// A payload as processes tell it each other.
fn encoded(payload: &impl Serialize) -> Result<Arc<str>, EmitError> {
    let payload = serde_json::to_string(payload);
    payload.map(Arc::from).map_err(|error| EmitError::Encode(error.to_string()))
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
