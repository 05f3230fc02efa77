//! Sessions on their way in: how many there are at once and how much they say, how often one address may begin one,
//! and how long each may take to join a namespace.
//!
//! Whoever has not joined one is a stranger: nobody has said yet who it is, or that it may come in. So
//! what strangers can make the server keep is bounded here, whatever addresses they come from: their number,
//! and the bytes of their requests and of what they say. A session counts until nothing of it is in memory,
//! which is later than its end: socketioxide's own timer keeps each until its time is over.

mod pace;
mod registry;
mod waiting;

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::{join, join_all};

use super::{
    DisconnectReason, GOING_AWAY, RequestHead,
    forwarded::TrustedProxies,
    line::{Line, Speech, Unjoined},
    places::{Place, Places},
    refusal::Refusal,
};
use crate::limits::{Limits, reached};
use pace::{Pace, TooFast};
use registry::{Entry, Registry};
use waiting::{LOOK_AGAIN, Waiting};

/// Where sessions begin.
#[derive(Debug)]
pub(crate) struct Reception {
    pace: Pace,
    sessions: Arc<Places>,
    unjoined: Arc<Places>,
    /// Of those who have not joined.
    bytes: Arc<Places>,
    /// Of each of them.
    speech: Speech,
    waiting: Arc<Waiting>,
    registry: Arc<Registry>,
    /// How long socketioxide waits for a session to join.
    longest: Duration,
}

impl Reception {
    /// With places for so many sessions in all.
    pub(crate) fn new(limits: &Limits, sessions: usize, proxies: TrustedProxies) -> Arc<Self> {
        let pace = Pace::new(limits.handshakes_per_second, proxies.clone());
        let of_unjoined = move |most: usize| Places::new(most, most.div_ceil(2), proxies.clone());
        Arc::new(Self {
            pace,
            sessions: Places::new(sessions, usize::MAX, TrustedProxies::default()),
            unjoined: of_unjoined(limits.unjoined_sessions),
            bytes: of_unjoined(limits.unjoined_bytes),
            speech: Speech::of(limits),
            waiting: Arc::new(Waiting::new(limits.connect_timeout)),
            registry: Arc::default(),
            longest: [limits.authentication_timeout, LOOK_AGAIN]
                .into_iter()
                .fold(limits.connect_timeout, Duration::saturating_add),
        })
    }

    /// Whether the next session is refused, whoever asks for it.
    pub(crate) fn is_full(&self) -> bool {
        self.sessions.is_full()
    }

    /// How long socketioxide is to wait for a session to join: as long as that can take, since it knows
    /// nothing of clients that are being authenticated, and tells no client why it is sent away.
    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    /// Whether this request may begin a session, and whether there is room for it.
    pub(super) fn enter(&self, head: &RequestHead) -> Result<Ticket, Refusal> {
        let client = head.client;
        let address = client.ip();
        self.pace.enter(address).map_err(|TooFast(wait)| {
            reached::handshakes_per_second(client);
            Refusal::TooFast { wait: wait.as_secs() + 1 }
        })?;
        let session = self.sessions.enter(None, 1).map_err(|_full| {
            reached::sessions(client);
            Refusal::Full
        })?;
        let unjoined = self.unjoined.enter(address, 1).map_err(|_full| {
            reached::unjoined_sessions(client);
            Refusal::Full
        })?;
        let bytes = self.bytes.enter(address, head.text.len()).map_err(|_full| {
            reached::unjoined_bytes(client);
            Refusal::Full
        })?;
        Ok(Ticket { session, unjoined, bytes })
    }

    /// A session begins.
    pub(super) fn begin(&self, ticket: Ticket, head: Arc<RequestHead>) -> Arc<Visit> {
        let Ticket { session, unjoined, bytes } = ticket;
        head.line.begin(Unjoined { _session: unjoined, bytes, speech: self.speech });
        let (visit, is_closed) = self.registry.enter(|entry| Visit {
            head,
            _session: session,
            asking: AtomicU32::new(0),
            _entry: entry,
        });
        if is_closed {
            go_away(&visit.head.line);
        }
        self.waiting.add(&visit);
        visit
    }

    /// Closes the `namespaces`, which ends the sessions in them, and sends everybody else away; waits until the
    /// WebSockets are closed. Whoever comes now is sent away at once.
    pub(super) async fn close(&self, namespaces: impl Future<Output = ()>) {
        let outside = self.send_away(|line| !line.is_in_a_namespace());
        join(namespaces, outside).await;
        // Somebody may just have been let in when the namespaces were closed.
        self.send_away(|_| true).await;
    }

    async fn send_away(&self, whom: impl Fn(&Line) -> bool) {
        let visits = self.registry.close();
        let lines = visits.iter().map(|visit| &visit.head.line);
        let closed = lines.filter(|line| !line.has_ended() && whom(line)).map(async |line| {
            go_away(line);
            if line.is_stream() {
                line.ended().await;
            }
        });
        join_all(closed).await;
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.sessions.open(), self.unjoined.open())
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes.open()
    }
}

#[cfg(test)]
impl Default for Reception {
    fn default() -> Self {
        let reception = Self::new(&Limits::default(), 10_000, TrustedProxies::default());
        Arc::into_inner(reception).expect("nobody else has it")
    }
}

/// The server closes.
fn go_away(line: &Line) {
    line.dismiss(GOING_AWAY, DisconnectReason::ServerShutdown.as_str());
}

/// The places of a session that is about to begin.
#[derive(Debug)]
pub(super) struct Ticket {
    session: Place,
    unjoined: Place,
    bytes: Place,
}

/// What is known of one session, for as long as any of it is in memory: socketioxide keeps it with its
/// own part of the session.
pub(super) struct Visit {
    pub(super) head: Arc<RequestHead>,
    _session: Place,
    /// CONNECTs that are being decided on, and those that were granted and not carried out yet.
    asking: AtomicU32,
    _entry: Entry,
}

impl Visit {
    /// A CONNECT is being decided on: the time to join does not run out until the answer is known.
    pub(super) fn ask(self: &Arc<Self>) -> Asking {
        // A number that orders nothing.
        self.asking.fetch_add(1, Ordering::Relaxed);
        Asking(Some(Arc::clone(self)))
    }

    fn is_unjoined(&self) -> bool {
        self.head.line.is_unjoined()
    }

    fn is_asking(&self) -> bool {
        self.asking.load(Ordering::Relaxed) > 0
    }

    /// Its time to join is over.
    fn end(&self) {
        /// How a WebSocket is closed (RFC 6455, 7.4.1).
        const POLICY_VIOLATION: u16 = 1008;

        reached::connect_timeout(self.head.client);
        self.head.line.dismiss(POLICY_VIOLATION, "no namespace was joined in time");
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_unjoined = self.is_unjoined();
        formatter.debug_struct("Visit").field("is_unjoined", &is_unjoined).finish_non_exhaustive()
    }
}

/// A CONNECT that is not answered yet.
pub(super) struct Asking(Option<Arc<Visit>>);

impl Asking {
    /// It was granted: what is left is socketioxide's to do.
    pub(super) fn granted(mut self) {
        self.0 = None;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(visit) = &self.0 {
            visit.asking.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
