//! A gateway as it runs: its routes, its hooks, and what happens when clients come, speak and go.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{Arc, PoisonError, RwLock, Weak},
};

use futures_util::future::join_all;
use tokio_util::task::TaskTracker;

use crate::{
    auth::{ErasedAuthenticator, handshake::Handshake, origins::Cors, session::Session},
    call::route::{GatewayInfo, Route},
    dispatch::{
        attend::GatewayPresence, conversation::Conversation, draining::Draining, sessions::Sessions,
    },
    exception::WsException,
    limits::reached,
    log_limiter::LogLimiter,
    platform::{
        Admission, DisconnectReason, GOING_AWAY, Link, Occupant, Packet, SocketId, Transport,
    },
    presence::{Batch, Change},
    socket::{
        broadcast::Broadcast,
        connection::Connection,
        namespace::Namespace,
        newest::{Older, Rank},
    },
};

/// Immutable once the application is built; shared by all its sockets.
pub(crate) struct GatewayRuntime {
    pub(crate) info: Arc<GatewayInfo>,
    pub(crate) routes: Routes,
    pub(crate) hooks: Hooks,
    pub(crate) authenticator: Option<Arc<dyn ErasedAuthenticator>>,
    pub(crate) cors: Cors,
    pub(crate) presence: Option<GatewayPresence>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) draining: Arc<Draining>,
    /// The tasks that run `on_disconnect`.
    pub(crate) departures: TaskTracker,
    pub(crate) conversations: Conversations,
    pub(crate) lines: Lines,
}

/// Lines of the log that clients can cause.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Clients that were not let in.
    refused: LogLimiter,
    /// Authenticators that failed.
    failed: LogLimiter,
    /// Handlers and hooks that outlive their client for too long.
    pub(super) late: LogLimiter,
}

impl Default for Lines {
    fn default() -> Self {
        Self { refused: LogLimiter::new(), failed: LogLimiter::of(10), late: LogLimiter::of(10) }
    }
}

/// Weak, so that a client that never came in leaves nothing here.
pub(crate) type Conversations =
    RwLock<HashMap<SocketId, Weak<Conversation>, foldhash::fast::RandomState>>;

/// Where calls go.
pub(crate) struct Routes {
    /// By the names of their events. Clients choose what is looked up here, and never what is put in,
    /// so the fast hash is safe.
    pub(crate) by_event: HashMap<Box<str>, Arc<Route>, foldhash::fast::RandomState>,
    /// Of events that have no handler of their own.
    pub(crate) unknown: Arc<Route>,
    /// Of what presence has to say to a client that comes in.
    pub(crate) arrival: Arc<Route>,
    /// Of the end of a session.
    pub(crate) session: Arc<Route>,
}

#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) on_connection: Option<Arc<Route>>,
    pub(crate) on_disconnect: Option<Arc<Route>>,
}

impl Occupant for GatewayRuntime {
    type Client = Conversation;

    async fn admit(self: Arc<Self>, admission: Admission) -> Result<Arc<Conversation>, String> {
        let namespace = Arc::clone(self.namespace());
        let admitted = self.authenticate_and_enter(admission).await;
        if admitted.is_err() {
            namespace.metrics.refused.increment(1);
        }
        admitted
    }

    fn client(&self, id: SocketId) -> Option<Arc<Conversation>> {
        self.conversations.read().unwrap_or_else(PoisonError::into_inner).get(&id)?.upgrade()
    }

    fn link(client: &Conversation) -> &Link {
        &client.connection.link
    }

    fn connected(&self, client: &Arc<Conversation>) {
        client.connection.open_outbox();
        client.greet();
    }

    fn received(&self, client: &Arc<Conversation>, packet: Packet, ack: Option<i64>) {
        client.receive(packet, ack);
    }

    fn disconnected(&self, client: &Arc<Conversation>, reason: DisconnectReason) {
        client.depart(reason);
    }
}

impl GatewayRuntime {
    pub(crate) fn namespace(&self) -> &Arc<Namespace> {
        &self.info.namespace
    }

    pub(crate) fn route(&self, event: &str) -> &Arc<Route> {
        self.routes.by_event.get(event).unwrap_or(self.unknown())
    }

    /// Of events that have no handler of their own.
    pub(crate) fn unknown(&self) -> &Arc<Route> {
        &self.routes.unknown
    }

    /// Who it is, and whether it may come in.
    async fn authenticate_and_enter(
        self: Arc<Self>,
        admission: Admission,
    ) -> Result<Arc<Conversation>, String> {
        let issued = self.sessions.now();
        let handshake = Handshake::new(admission.auth, admission.head, issued);
        if let Err(foreign) = self.cors.admits(&handshake) {
            if let Some(times) = self.lines.refused.count() {
                tracing::warn!(namespace = self.namespace().path(), times, "{foreign}");
            }
            return Err("Origin not allowed".to_owned());
        }
        let session = match &self.authenticator {
            Some(authenticator) => {
                let timeout = self.namespace().settings.limits.authentication_timeout;
                let verdict = authenticator.authenticate(&handshake);
                let verdict = verdict.verdict(timeout, self.namespace().path());
                let session = tokio::select! {
                    biased;
                    session = verdict => session,
                    // Dropped with it is what the authenticator waits for.
                    () = admission.link.ended() => return Err("The client has left".to_owned()),
                };
                Some(session.map_err(|exception| self.refusal(&exception))?)
            }
            None => None,
        };
        let rank = match (&self.namespace().newest, session.as_ref().and_then(Session::user)) {
            (Some(newest), Some(_)) => Some(newest.rank(self.namespace().adapter.as_ref()).await),
            _ => None,
        };
        let conversation = self.enter(admission.link, handshake, session)?;
        // Looked at when it can be found: whoever shuts down looks for clients after saying so.
        if self.draining.has_begun() {
            return Err(WsException::shutting_down().message().to_owned());
        }
        if let Some(rank) = rank {
            self.replace_older(&conversation.connection, rank).await?;
        }
        Ok(conversation)
    }

    /// Ends the session that the client's user had before.
    async fn replace_older(&self, connection: &Arc<Connection>, rank: Rank) -> Result<(), String> {
        let Namespace { newest, adapter, .. } = &**self.namespace();
        let (Some(newest), Some(user)) = (newest, connection.user()) else { return Ok(()) };
        let begun = newest.begin(&user, connection, rank, adapter.as_ref()).await;
        begun.map_err(|Older| WsException::replaced().message().to_owned())
    }

    /// Has this gateway end the sessions whose users have begun others, where a user has one at a time.
    pub(crate) fn end_replaced_sessions(self: &Arc<Self>) {
        let Some(newest) = &self.namespace().newest else { return };
        let gateway = Arc::downgrade(self);
        newest.end_with(Box::new(move |connection| {
            let gateway = Weak::clone(&gateway);
            Box::pin(async move {
                if let Some(gateway) = gateway.upgrade() {
                    gateway.end_replaced(&connection).await;
                }
            })
        }));
    }

    async fn end_replaced(&self, connection: &Arc<Connection>) {
        let client = self.client(connection.id());
        match client.filter(|client| Arc::ptr_eq(&client.connection, connection)) {
            Some(client) => client.replaced().await,
            None => connection.disconnect(),
        }
    }

    fn enter(
        self: &Arc<Self>,
        link: Arc<Link>,
        handshake: Handshake,
        session: Option<Session>,
    ) -> Result<Arc<Conversation>, String> {
        let user = session.as_ref().and_then(|session| session.user().map(str::to_owned));
        let namespace = Arc::clone(self.namespace());
        let connection = Arc::new(Connection::new(namespace, link, handshake, session));
        self.namespace().enter(&connection);
        if let Some(user) = user
            && connection.join_user(&user).is_err()
        {
            // Who refuses it drops it, and it takes itself out.
            reached::sockets_per_user(self.namespace().path());
            return Err("Too many connections of this user".to_owned());
        }
        let conversation = Arc::new(Conversation::new(Arc::clone(self), connection));
        let mut here = self.conversations.write().unwrap_or_else(PoisonError::into_inner);
        here.insert(conversation.connection.id(), Arc::downgrade(&conversation));
        drop(here);
        Ok(conversation)
    }

    /// Takes out this conversation, and not one that has come since under the same id: a client that
    /// leaves the namespace and comes back on the same line keeps its id.
    pub(crate) fn forget(&self, conversation: &Conversation) {
        let mut here = self.conversations.write().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(entry) = here.entry(conversation.connection.id())
            && std::ptr::eq(entry.get().as_ptr(), conversation)
        {
            entry.remove();
        }
    }

    /// What a client that is not let in may read of the reason.
    fn refusal(&self, exception: &WsException) -> String {
        let namespace = self.namespace().path();
        let lines = if exception.is_internal() { &self.lines.failed } else { &self.lines.refused };
        match lines.count() {
            Some(times) if exception.is_internal() => {
                tracing::error!(
                    namespace,
                    exception = exception.logged(),
                    times,
                    "authentication failed"
                );
            }
            Some(times) => {
                tracing::warn!(
                    namespace,
                    exception = exception.logged(),
                    times,
                    "a client was refused"
                );
            }
            None => {
                tracing::debug!(namespace, exception = exception.logged(), "a client was refused");
            }
        }
        exception.message().to_owned()
    }

    /// Tells the clients of this process that a user has come or gone.
    pub(crate) async fn announce(&self, change: Change) -> Result<(), WsException> {
        let Some(presence) = &self.presence else { return Ok(()) };
        presence.announcer.announce(change, self.everyone_here()).await
    }

    /// Tells the clients of this process of many users at once, if the gateway does that.
    pub(crate) async fn announce_all(&self, changes: Arc<[Change]>) -> Result<Batch, WsException> {
        let Some(presence) = &self.presence else { return Ok(Batch::Declined) };
        presence.announcer.announce_all(changes, self.everyone_here()).await
    }

    /// Every process tells its own clients.
    fn everyone_here(&self) -> Broadcast {
        Broadcast::new(Arc::clone(self.namespace())).local()
    }

    /// What is still under way, in words: tests wait until it is nothing.
    pub(crate) fn under_way(&self) -> Option<String> {
        let here = self.conversations.read().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<_> = here.values().filter_map(Weak::upgrade).collect();
        drop(here);
        let path = self.namespace().path();
        if all.iter().any(|client| !client.is_idle()) {
            return Some(format!(
                "a client of `{path}` has messages that wait or are being handled"
            ));
        }
        (!self.departures.is_empty())
            .then(|| format!("an `on_disconnect` of `{path}` is still running"))
    }

    // ------------------------------------------------------------------------------ shutting down

    fn everyone(&self) -> Vec<Arc<Conversation>> {
        let here = self.conversations.read().unwrap_or_else(PoisonError::into_inner);
        // Collected first: dropping the last handle of one takes it out, which needs this lock.
        let all: Vec<_> = here.values().filter_map(Weak::upgrade).collect();
        drop(here);
        all.into_iter().filter(|client| !client.connection.is_closed()).collect()
    }

    /// Waits until the messages in hand of all clients are answered; no more are taken.
    pub(crate) async fn finish(&self) {
        let clients = self.everyone();
        join_all(clients.iter().map(|client| client.finish())).await;
    }

    /// Tells all clients of their messages that have not even begun that they never will.
    pub(crate) async fn refuse_waiting(&self) {
        let clients = self.everyone();
        for client in &clients {
            client.refuse_waiting(&WsException::shutting_down());
        }
        join_all(clients.iter().map(|client| client.connection.deliver_all())).await;
    }

    /// Whether some client fetches what it is sent.
    pub(crate) fn is_polled(&self) -> bool {
        let is_polled =
            |client: &Conversation| client.connection.link.transport() == Some(Transport::Polling);
        self.everyone().iter().any(|client| is_polled(client))
    }

    /// Sends every client away, and waits until their `on_disconnect` has run.
    pub(crate) async fn evict(&self) {
        for client in self.everyone() {
            let reason = DisconnectReason::ServerShutdown;
            client.connection.link.close_with(GOING_AWAY, reason.as_str());
            client.depart(reason);
        }
        self.departures.close();
        self.departures.wait().await;
    }

    /// Says that this process has no users any more.
    pub(crate) async fn close_presence(&self) {
        if let Some(presence) = &self.presence {
            presence.store.close().await;
        }
    }
}

impl fmt::Debug for GatewayRuntime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GatewayRuntime")
            .field("name", &self.info.name)
            .finish_non_exhaustive()
    }
}
