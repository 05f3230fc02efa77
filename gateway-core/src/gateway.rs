//! A gateway as it runs: its routes, its hooks, and what happens when clients come, speak and go.

use std::{collections::HashMap, fmt, future::Future, pin::Pin, sync::Arc};

use smallvec::smallvec;
use tokio_util::task::TaskTracker;

use crate::{
    auth::ErasedAuthenticator,
    connection::Connection,
    context::{ExecutionContext, Occasion},
    deadlines::Deadlines,
    enhancers::Enhancers,
    exception::WsException,
    handshake::Handshake,
    health::Health,
    inbox::{Lane, Limits},
    metrics::{self, MessageMetrics},
    namespace::Namespace,
    origins::Cors,
    outbox::Overflow,
    platform::{Admission, DisconnectReason, Link, Occupant, Packet, SocketId, Transport},
    presence::{Announcer, Change},
    provider::Services,
    rooms,
    server::Broadcast,
};

/// Immutable once the application is built; shared by all its sockets, whose memory therefore does
/// not grow with the number of handlers.
pub(crate) struct GatewayRuntime {
    pub(crate) name: &'static str,
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) routes: Routes,
    pub(crate) hooks: Hooks,
    pub(crate) authenticator: Option<Arc<dyn ErasedAuthenticator>>,
    /// The name of the event that renews a session.
    pub(crate) reauthenticate: String,
    pub(crate) renewals: MessageMetrics,
    pub(crate) unknown_events: MessageMetrics,
    /// When sessions end.
    pub(crate) deadlines: Deadlines<SocketId>,
    pub(crate) cors: Cors,
    /// Where presence is kept: who says what of it.
    pub(crate) announcer: Option<Arc<dyn Announcer>>,
    /// For what no handler of ours is about: unknown events, sessions.
    pub(crate) enhancers: Enhancers,
    pub(crate) limits: Limits,
    pub(crate) overflow: Overflow,
    pub(crate) serial: bool,
    pub(crate) settings: Settings,
    pub(crate) health: Arc<Health>,
    /// For `Inject<T>` arguments.
    pub(crate) services: Arc<Services>,
    /// The tasks that run `on_disconnect`.
    pub(crate) departures: TaskTracker,
}

/// By the names of their events. Clients choose what is looked up here, and never what is put in, so
/// the fast hash is safe.
pub(crate) type Routes = HashMap<&'static str, Arc<Route>, foldhash::fast::RandomState>;

/// What the application decides for all gateways.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) include_cause: bool,
    pub(crate) emit_timeout: std::time::Duration,
    pub(crate) ack_timeout: std::time::Duration,
}

/// One event and the method that handles it.
pub(crate) struct Route {
    pub(crate) event: &'static str,
    pub(crate) handler: &'static str,
    pub(crate) lane: Option<Lane>,
    /// The handler answers by itself.
    pub(crate) takes_ack: bool,
    pub(crate) enhancers: Enhancers,
    pub(crate) handle: Box<dyn Handle>,
    pub(crate) metrics: MessageMetrics,
}

/// A handler bound to its gateway: makes the whole way of one message, in one allocation.
pub(crate) trait Handle: Send + Sync {
    fn start(&self, context: ExecutionContext) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) on_connection: Option<Hook>,
    pub(crate) on_disconnect: Option<Hook>,
}

impl Hooks {
    pub(crate) fn on(&self, occasion: Occasion) -> Option<&Hook> {
        match occasion {
            Occasion::Connection => self.on_connection.as_ref(),
            Occasion::Disconnection => self.on_disconnect.as_ref(),
        }
    }
}

pub(crate) struct Hook {
    pub(crate) handler: &'static str,
    pub(crate) enhancers: Enhancers,
    pub(crate) call: HookFn,
}

pub(crate) type HookFn = Box<
    dyn Fn(ExecutionContext) -> Pin<Box<dyn Future<Output = Result<(), WsException>> + Send>>
        + Send
        + Sync,
>;

impl Occupant for GatewayRuntime {
    type Client = Connection;

    async fn admit(self: Arc<Self>, admission: Admission) -> Result<Arc<Connection>, String> {
        let admitted = Arc::clone(&self).look_at(admission).await;
        if admitted.is_err() {
            self.namespace.metrics.refused.increment(1);
        }
        admitted
    }

    fn client(&self, id: SocketId) -> Option<Arc<Connection>> {
        self.namespace.client(id)
    }

    fn link(client: &Connection) -> &Link {
        &client.link
    }

    fn connected(&self, client: &Arc<Connection>) {
        client.greet();
    }

    fn received(&self, connection: &Arc<Connection>, packet: Packet, ack: Option<i64>) {
        let client = Arc::clone(connection);
        let event = packet.event();
        let context = match self.routes.get(event) {
            Some(route) => ExecutionContext::message(client, Arc::clone(route), packet, ack),
            None if self.authenticator.is_some() && event == self.reauthenticate => {
                ExecutionContext::reauthentication(client, packet, ack)
            }
            None => ExecutionContext::unknown_event(client, packet, ack),
        };
        connection.receive(context);
    }

    fn disconnected(&self, connection: &Arc<Connection>, reason: DisconnectReason) {
        connection.depart(reason);
    }
}

impl GatewayRuntime {
    /// Who it is, and whether it may come in.
    async fn look_at(self: Arc<Self>, admission: Admission) -> Result<Arc<Connection>, String> {
        let handshake = Handshake::new(admission.auth, admission.head);
        if !self.cors.admits(&handshake) {
            return Err("Origin not allowed".to_owned());
        }
        let session = match &self.authenticator {
            Some(authenticator) => {
                let session = authenticator.authenticate(&handshake).verdict().await;
                Some(session.map_err(|exception| self.refusal(&exception))?)
            }
            None => None,
        };
        let user = session.as_ref().and_then(|session| session.user().map(rooms::of_user));
        let gateway = Arc::clone(&self);
        let connection = Arc::new(Connection::new(gateway, admission.link, handshake, session));
        self.namespace.enter(&connection);
        // Looked at when it can be found: whoever shuts down looks for clients after saying so.
        if self.health.is_draining() {
            return Err(WsException::shutting_down().message().to_owned());
        }
        if let Some(room) = user {
            connection.join(smallvec![room]);
        }
        Ok(connection)
    }

    /// What a client that is not let in may read of the reason.
    fn refusal(&self, exception: &WsException) -> String {
        if exception.is_internal() {
            tracing::error!(namespace = self.namespace.path(), %exception, "authentication failed");
        } else {
            tracing::debug!(namespace = self.namespace.path(), %exception, "a client was refused");
        }
        exception.message().to_owned()
    }

    /// Tells the clients of this process that a user has come or gone.
    pub(crate) async fn announce(&self, change: Change) -> Result<(), WsException> {
        let Some(announcer) = &self.announcer else { return Ok(()) };
        let users = metrics::users(self.namespace.path());
        match change.online {
            true => users.increment(1),
            false => users.decrement(1),
        }
        announcer.announce(change, Broadcast::new(Arc::clone(&self.namespace))).await
    }

    /// Waits until the messages in hand of all clients are answered; no more are taken.
    pub(crate) async fn finish(&self) {
        let clients = self.namespace.everyone();
        futures_util::future::join_all(clients.iter().map(|client| client.finish())).await;
    }

    /// Tells all clients of their messages that have not even begun that they never will.
    pub(crate) async fn refuse_waiting(&self) {
        let clients = self.namespace.everyone();
        for client in &clients {
            client.refuse_inbox(&WsException::shutting_down());
        }
        futures_util::future::join_all(clients.iter().map(|client| client.deliver_all())).await;
    }

    /// Whether some client fetches what it is sent.
    pub(crate) fn is_polled(&self) -> bool {
        let everyone = self.namespace.everyone();
        everyone.iter().any(|client| client.link.transport() == Some(Transport::Polling))
    }

    /// Sends every client away, and waits until their `on_disconnect` has run.
    pub(crate) async fn evict(&self) {
        for connection in self.namespace.everyone() {
            connection.depart(DisconnectReason::ServerShutdown);
        }
        self.departures.close();
        self.departures.wait().await;
    }
}

impl fmt::Debug for GatewayRuntime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GatewayRuntime").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Default for Settings {
    fn default() -> Self {
        use std::time::Duration;

        Self {
            include_cause: true,
            emit_timeout: Duration::from_secs(10),
            ack_timeout: Duration::from_secs(5),
        }
    }
}
