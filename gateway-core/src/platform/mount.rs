//! Hangs a gateway into the base: one middleware, one message handler and one disconnect handler a
//! socket, all installed before the client is told that it is connected.
//!
//! The base calls its own connect handler in a task it spawns *after* the client was told, so
//! whatever would be registered there misses the first messages.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use socketioxide::{
    SocketIo, TransportType,
    handler::{ConnectHandler, DisconnectHandler, MessageHandler},
    socket::{DisconnectReason as BaseReason, Socket as BaseSocket},
};
use socketioxide_core::Value;

use super::{
    DisconnectReason, Hub, Packet, RequestHead, SocketId, Transport,
    adapter::{GatewayAdapter, Hubs},
    io::Line,
};

type Base = BaseSocket<GatewayAdapter>;

/// What the gateways above want to hear of the platform: one of these a namespace.
pub(crate) trait Occupant: Send + Sync + 'static {
    /// What the occupant keeps for each client.
    type Client: Send + Sync + 'static;

    /// Decides whether a client is let in. Nothing was sent yet; `Err` is the message of the
    /// client's `connect_error`.
    fn admit(
        self: Arc<Self>,
        admission: Admission,
    ) -> impl Future<Output = Result<Arc<Self::Client>, String>> + Send;

    /// Who was let in under this id, and is not gone.
    fn client(&self, id: SocketId) -> Option<Arc<Self::Client>>;

    /// The link that the client was admitted with.
    fn link(client: &Self::Client) -> &Link;

    /// The client has been told that it is connected.
    fn connected(&self, client: &Arc<Self::Client>);

    /// A message came. Called on the connection's read loop, in the order of arrival.
    fn received(&self, client: &Arc<Self::Client>, packet: Packet, ack: Option<i64>);

    /// The connection has ended. The socket leaves its rooms when this returns: the base refuses,
    /// without a word, a client that comes back while its old socket is still there.
    fn disconnected(&self, client: &Arc<Self::Client>, reason: DisconnectReason);
}

/// A client that asks to be let in.
pub(crate) struct Admission {
    pub(crate) link: Arc<Link>,
    pub(crate) head: Arc<RequestHead>,
    /// The `auth` of the client's options, as JSON.
    pub(crate) auth: Option<Box<str>>,
}

/// The platform's own handle of a socket; does not keep it alive.
pub(crate) struct Link {
    pub(super) id: SocketId,
    socket: Weak<Base>,
    head: Arc<RequestHead>,
    /// The WebSocket's connection, once there is one.
    line: OnceLock<Line>,
    /// Group sends leave it out: it is sent to alone.
    pub(super) apart: AtomicBool,
    /// The base is done with letting it in.
    settled: AtomicBool,
}

impl Link {
    #[cfg(test)]
    pub(super) fn of_nobody(id: SocketId) -> Self {
        Self {
            id,
            socket: Weak::new(),
            head: Arc::default(),
            line: OnceLock::new(),
            apart: AtomicBool::new(false),
            settled: AtomicBool::new(false),
        }
    }

    pub(crate) fn id(&self) -> SocketId {
        self.id
    }

    pub(crate) fn transport(&self) -> Option<Transport> {
        self.socket.upgrade().map(|socket| match socket.transport_type() {
            TransportType::Polling => Transport::Polling,
            TransportType::Websocket => Transport::Websocket,
        })
    }

    /// Ends the client's TCP connection; says whether there was one to end. A client on polling
    /// has none of its own.
    pub(crate) fn cut(&self) -> bool {
        self.line().inspect(|line| line.cut()).is_some()
    }

    /// Whether one more packet may go to the client's writer now.
    pub(crate) fn claim(&self) -> bool {
        self.line().is_none_or(Line::claim)
    }

    /// As [`claim`](Self::claim), for a send that will not say who had no room: without a line that
    /// counts there is no place.
    pub(crate) fn claim_with_others(&self) -> bool {
        self.line().is_some_and(Line::claim)
    }

    /// Whether the line counts what is on its way.
    pub(crate) fn can_claim(&self) -> bool {
        self.line().is_some()
    }

    pub(crate) fn is_apart(&self) -> bool {
        self.apart.load(Ordering::Relaxed)
    }

    fn settle(&self) {
        self.settled.store(true, Ordering::Release);
    }

    /// Waits until the base is done with letting the client in.
    ///
    /// It answers first, and for some microseconds after that still ignores, without a word, a client
    /// that leaves and asks to be let in again. The read loop, which would take that from the client
    /// next, therefore waits for the other thread.
    fn wait_until_settled(&self) {
        /// For one that a draining server sent away before it had settled: it never does.
        const PATIENCE: Duration = Duration::from_millis(20);
        /// From our last line in the base's connect to its own.
        const RETURN: Duration = Duration::from_micros(100);

        if self.settled.load(Ordering::Acquire) {
            return;
        }
        let begun = Instant::now();
        while !self.settled.load(Ordering::Acquire) && begun.elapsed() < PATIENCE {
            thread::yield_now();
        }
        thread::sleep(RETURN);
    }

    /// The client's WebSocket; none on polling, or when somebody else serves the application.
    #[inline]
    fn line(&self) -> Option<&Line> {
        self.line.get().or_else(|| self.find_line())
    }

    #[cold]
    fn find_line(&self) -> Option<&Line> {
        let upgraded = || {
            let socket = self.socket.upgrade()?;
            let is_websocket = socket.transport_type() == TransportType::Websocket;
            is_websocket.then(|| self.head.lines.get(&socket.id.to_string())).flatten()
        };
        let line = self.head.line.clone().or_else(upgraded)?;
        Some(self.line.get_or_init(|| line))
    }
}

/// The server of all namespaces.
pub(crate) struct Mounted {
    io: SocketIo<GatewayAdapter>,
    hubs: Hubs,
}

impl Mounted {
    pub(super) fn new(io: SocketIo<GatewayAdapter>, hubs: Hubs) -> Self {
        Self { io, hubs }
    }

    /// Closes every connection; clients see the transport go, and come back elsewhere.
    pub(crate) async fn close(&self) {
        self.io.close().await;
    }
}

impl fmt::Debug for Mounted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mounted").finish_non_exhaustive()
    }
}

/// Opens a namespace and lets its occupant in.
pub(crate) fn mount<O: Occupant>(mounted: &Mounted, path: &str, occupant: Arc<O>) -> Arc<Hub> {
    mounted.io.ns(path.to_owned(), Door(occupant));
    mounted.hubs.take(path).expect("the base makes a namespace's adapter at once")
}

/// The way into one namespace.
struct Door<O>(Arc<O>);

impl<O> Clone for Door<O> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

type Verdict = Result<(), Box<dyn fmt::Display + Send>>;

impl<O: Occupant> Door<O> {
    async fn admit(&self, socket: Arc<Base>, auth: Option<&Value>) -> Verdict {
        let head: Arc<RequestHead> =
            socket.req_parts().extensions.get().cloned().unwrap_or_default();
        let admission = Admission {
            link: Arc::new(Link {
                id: SocketId(socket.id),
                socket: Arc::downgrade(&socket),
                head: Arc::clone(&head),
                line: OnceLock::new(),
                apart: AtomicBool::new(false),
                settled: AtomicBool::new(false),
            }),
            head,
            auth: match auth {
                Some(Value::Str(json, _)) => Some(Box::from(json.as_str())),
                _ => None,
            },
        };
        // A panic here would leave the client without any answer.
        let verdict = AssertUnwindSafe(Arc::clone(&self.0).admit(admission)).catch_unwind();
        let client = match verdict.await {
            Ok(Ok(client)) => client,
            Ok(Err(message)) => return Err(Box::new(message)),
            Err(_panic) => return Err(Box::new("Internal server error")),
        };
        socket.on_fallback(Inlet { occupant: Arc::clone(&self.0), client: Arc::clone(&client) });
        socket.on_disconnect(Outlet { occupant: Arc::clone(&self.0), client });
        Ok(())
    }
}

impl<O: Occupant> ConnectHandler<GatewayAdapter, ()> for Door<O> {
    fn call_middleware<'a>(
        &'a self,
        socket: Arc<Base>,
        auth: &'a Option<Value>,
    ) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'a>> {
        Box::pin(self.admit(socket, auth.as_ref()))
    }

    fn call(&self, socket: Arc<Base>, _: Option<Value>) {
        // One that is gone again was greeted when it left.
        if let Some(client) = self.0.client(SocketId(socket.id)) {
            self.0.connected(&client);
            O::link(&client).settle();
        }
    }
}

/// Every message of one socket.
struct Inlet<O: Occupant> {
    occupant: Arc<O>,
    client: Arc<O::Client>,
}

impl<O: Occupant> MessageHandler<GatewayAdapter, ()> for Inlet<O> {
    fn call(&self, _: Arc<Base>, value: Value, ack: Option<i64>) {
        let packet = Packet::from(value);
        // A panic would take the connection's read loop with it.
        let handled = catch_unwind(AssertUnwindSafe(|| {
            self.occupant.received(&self.client, packet, ack);
        }));
        if handled.is_err() {
            tracing::error!("a message was dropped by a panic in the dispatch; this is a bug");
        }
    }
}

/// The end of one socket.
struct Outlet<O: Occupant> {
    occupant: Arc<O>,
    client: Arc<O::Client>,
}

impl<O: Occupant> DisconnectHandler<GatewayAdapter, ()> for Outlet<O> {
    fn call_with_defer(&self, socket: Arc<Base>, reason: BaseReason, remove: fn(Arc<Base>)) {
        // Only who leaves by itself can ask to be let in again under the same id.
        if matches!(reason, BaseReason::ClientNSDisconnect) {
            O::link(&self.client).wait_until_settled();
        }
        // A panic must not leave the socket behind.
        let noted = catch_unwind(AssertUnwindSafe(|| {
            self.occupant.disconnected(&self.client, reason.into());
        }));
        if noted.is_err() {
            tracing::error!("a panic while a client was leaving; this is a bug");
        }
        remove(socket);
    }
}
