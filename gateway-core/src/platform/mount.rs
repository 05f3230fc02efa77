//! Connects a gateway to socketioxide: one middleware, one message handler and one disconnect handler per socket, all
//! installed before the client is told that it is connected.
//!
//! socketioxide calls its own connect handler in a task that it spawns *after* the client was told, so whatever is
//! registered there misses the first messages.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use futures_util::FutureExt;
use serde::de::IgnoredAny;
use socketioxide::{
    SocketIo, TransportType,
    handler::{ConnectHandler, DisconnectHandler, MessageHandler},
    socket::{DisconnectReason as BaseReason, Socket as BaseSocket},
};
use socketioxide_core::Value;
use tokio::sync::futures::Notified;

use super::{
    DisconnectReason, Hub, Packet, RequestHead, SocketId, Transport,
    adapter::{GatewayAdapter, Hubs},
    fault::Fault,
    line::{InFlight, Line, Name},
    reception::{Reception, Visit},
};
use crate::{
    limits::{Limits, reached},
    log_limiter::LogLimiter,
};

type Base = BaseSocket<GatewayAdapter>;

/// What the platform tells the gateways above: each namespace has one of these.
pub(crate) trait Occupant: Send + Sync + 'static {
    /// What the occupant keeps for each client.
    type Client: Send + Sync + 'static;

    /// Decides whether a client is let in. Nothing was sent yet; `Err` is the message of the
    /// client's `connect_error`.
    fn admit(
        self: Arc<Self>,
        admission: Admission,
    ) -> impl Future<Output = Result<Arc<Self::Client>, String>> + Send;

    /// The client that was let in under this id, unless it is gone.
    fn client(&self, id: SocketId) -> Option<Arc<Self::Client>>;

    /// The link that the client was admitted with.
    fn link(client: &Self::Client) -> &Link;

    /// The client has been told that it is connected, and can be sent to.
    fn connected(&self, client: &Arc<Self::Client>);

    /// A message came. Called on the connection's read loop, in the order of arrival.
    fn received(&self, client: &Arc<Self::Client>, packet: Packet, ack: Option<i64>);

    /// The connection has ended. The socket leaves its rooms when this returns: socketioxide silently refuses a client that
    /// comes back while its old socket still exists.
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
    /// The client's, which its sockets in other namespaces share.
    line: Line,
    namespace: Name,
    /// Whether socketioxide has it in its table: what is sent before that is silently lost.
    open: AtomicBool,
    /// Whether group sends leave it out, so that it is sent to separately.
    pub(super) apart: AtomicBool,
    /// Whether it has paused the line.
    paused: AtomicBool,
    /// Requests of ours that the client has not answered.
    outstanding: AtomicUsize,
}

impl Link {
    fn new(id: SocketId, socket: Weak<Base>, line: Line, namespace: Name) -> Self {
        Self {
            id,
            socket,
            line,
            namespace,
            open: AtomicBool::new(false),
            apart: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            outstanding: AtomicUsize::new(0),
        }
    }

    #[cfg(test)]
    pub(super) fn of_nobody(id: SocketId) -> Self {
        Self::new(id, Weak::new(), Line::default(), Name::of("/"))
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

    /// Resolves when the client's whole session has ended, as far as the line tells.
    pub(crate) async fn ended(&self) {
        self.line.ended().await;
    }

    /// Ends the client's whole session, on whatever transport, also while its writer waits.
    pub(crate) fn cut(&self) {
        self.line.cut();
    }

    /// The close frame with which socketioxide ends the client's WebSocket tells why: it would say
    /// nothing by itself.
    pub(crate) fn close_with(&self, code: u16, reason: &str) {
        self.line.close_with(code, reason);
    }

    /// Takes a place for a packet of this many bytes. If there is none, whoever [waits for room](Self::room) is told when
    /// there is. Must not be called before the link is [open](Self::is_open).
    #[inline]
    pub(crate) fn claim(&self, size: usize) -> bool {
        self.line.ledger().claim(size)
    }

    /// Takes a place for a packet of this many bytes if so little is in flight that it is not kept waiting.
    pub(crate) fn claim_if_free(&self, size: usize) -> bool {
        self.line.ledger().claim_if_free(size)
    }

    /// One or the other.
    #[inline]
    pub(super) fn claim_as(&self, size: usize, is_volatile: bool) -> bool {
        if is_volatile { self.claim_if_free(size) } else { self.claim(size) }
    }

    /// Gives a place back: socketioxide has not taken the packet.
    pub(crate) fn unclaim(&self, size: usize) {
        self.line.ledger().unclaim(size);
    }

    /// What is on its way to the client, from all namespaces.
    pub(crate) fn in_flight(&self) -> InFlight {
        self.line.ledger().in_flight()
    }

    /// Resolves when a claim that fails after this was called is worth another try.
    pub(crate) fn room(&self) -> Notified<'_> {
        self.line.ledger().room()
    }

    /// Wakes who waits for room.
    pub(crate) fn wake(&self) {
        self.line.ledger().wake();
    }

    /// Takes no further messages from the client, in any namespace, until [`resume_reading`](Self::resume_reading); a
    /// message that has begun to arrive is read to its end.
    pub(crate) fn pause_reading(&self) {
        // Whoever changes it changes the line, too, so the order of others does not matter.
        if !self.paused.swap(true, Ordering::AcqRel) {
            self.line.pause();
        }
    }

    pub(crate) fn resume_reading(&self) {
        if self.paused.swap(false, Ordering::AcqRel) {
            self.line.resume();
        }
    }

    /// A place for one more event that asks for an acknowledgement, where there may be so many.
    pub(crate) fn ask(self: &Arc<Self>, most: usize) -> Option<Outstanding> {
        // A count that publishes nothing. What was one too many takes itself back.
        let before = self.outstanding.fetch_add(1, Ordering::Relaxed);
        let asked = Outstanding(Arc::clone(self));
        (before < most).then_some(asked)
    }

    /// How many events that asked for an acknowledgement have none yet, and somebody who waits.
    pub(crate) fn outstanding(&self) -> usize {
        // A count that publishes nothing.
        self.outstanding.load(Ordering::Relaxed)
    }

    /// Whether it may be sent to.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    pub(super) fn set_open(&self) {
        // Whoever sees it finds the socket in socketioxide's table.
        self.open.store(true, Ordering::Release);
    }

    pub(crate) fn is_apart(&self) -> bool {
        // Changed with the members locked, or by who asks.
        self.apart.load(Ordering::Relaxed)
    }

    /// Sends it away by `disconnect`, in whose middle it may already have heard of that, and come again.
    pub(super) fn send_away<T>(&self, disconnect: impl FnOnce() -> T) -> T {
        let Self { line, namespace, .. } = self;
        line.change_begins(*namespace);
        let _changing = Changing { line: line.clone(), namespace: *namespace };
        disconnect()
    }

    pub(super) fn is_sent_to_with_others(&self) -> bool {
        self.is_open() && !self.is_apart()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.resume_reading();
    }
}

/// An event that asks for an acknowledgement which somebody waits for.
pub(crate) struct Outstanding(Arc<Link>);

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The server of all namespaces.
pub(crate) struct Mounted {
    io: SocketIo<GatewayAdapter>,
    hubs: Hubs,
    limits: DoorLimits,
    reception: Arc<Reception>,
}

/// What a client may ask for that wants to be let in.
#[derive(Debug, Clone, Copy)]
pub(super) struct DoorLimits {
    namespaces: usize,
    auth_bytes: usize,
}

impl DoorLimits {
    pub(super) fn of(limits: &Limits) -> Self {
        Self { namespaces: limits.namespaces_per_connection, auth_bytes: limits.auth_bytes }
    }
}

impl Mounted {
    pub(super) fn new(
        io: SocketIo<GatewayAdapter>,
        hubs: Hubs,
        limits: DoorLimits,
        reception: Arc<Reception>,
    ) -> Self {
        Self { io, hubs, limits, reception }
    }

    /// Closes every connection; clients see the transport go, and come back elsewhere.
    pub(crate) async fn close(&self) {
        self.reception.close(self.io.close()).await;
    }
}

impl fmt::Debug for Mounted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mounted").finish_non_exhaustive()
    }
}

/// Opens a namespace, whose occupant is to follow before the first client comes.
pub(crate) fn mount<O: Occupant>(mounted: &Mounted, path: &str) -> (Arc<Hub>, Vacancy<O>) {
    let door = Door {
        occupant: Arc::default(),
        hub: Arc::default(),
        name: Name::of(path),
        limits: mounted.limits,
    };
    mounted.io.ns(path.to_owned(), door.clone());
    let taken = mounted.hubs.take(path).expect("socketioxide makes a namespace's adapter at once");
    let hub = Arc::clone(door.hub.get_or_init(|| taken));
    (hub, Vacancy(door.occupant))
}

/// The place of a namespace's occupant.
pub(crate) struct Vacancy<O>(Arc<OnceLock<Arc<O>>>);

impl<O> Vacancy<O> {
    pub(crate) fn fill(self, occupant: Arc<O>) {
        // A vacancy is given once, and filled by value.
        self.0.set(occupant).ok();
    }
}

/// The way into one namespace.
struct Door<O> {
    occupant: Arc<OnceLock<Arc<O>>>,
    hub: Arc<OnceLock<Arc<Hub>>>,
    name: Name,
    limits: DoorLimits,
}

impl<O> Clone for Door<O> {
    fn clone(&self) -> Self {
        let (occupant, hub) = (Arc::clone(&self.occupant), Arc::clone(&self.hub));
        Self { occupant, hub, ..*self }
    }
}

type Verdict = Result<(), Box<dyn fmt::Display + Send>>;

impl<O: Occupant> Door<O> {
    async fn admit(&self, socket: Arc<Base>, auth: Option<&Value>) -> Verdict {
        let line = line_of(&socket);
        if let Some(line) = &line {
            line.change_begins(self.name);
        }
        let verdict = self.decide(&socket, auth).await;
        if let (Err(_), Some(line)) = (&verdict, line) {
            // Before it returns, socketioxide lets go of the socket, and of this with it.
            socket.extensions.insert(Arc::new(Changing { line, namespace: self.name }));
        }
        verdict
    }

    async fn decide(&self, socket: &Arc<Base>, auth: Option<&Value>) -> Verdict {
        let Some(occupant) = self.occupant.get() else {
            return Err(Box::new("The server is starting"));
        };
        let visit = socket.req_parts().extensions.get::<Arc<Visit>>();
        let asking = visit.map(Visit::ask);
        let head = visit.map(|visit| Arc::clone(&visit.head)).unwrap_or_default();
        let DoorLimits { namespaces, auth_bytes } = self.limits;
        let auth = match auth {
            Some(Value::Str(json, _)) => Some(json.as_str()),
            _ => None,
        };
        if auth.is_some_and(|auth| auth.len() > auth_bytes) {
            reached::auth_bytes(head.client);
            return Err(Box::new(format!("`auth` is larger than {auth_bytes} bytes")));
        }
        if auth.is_some_and(|auth| !is_object(auth)) {
            return Err(Box::new("`auth` is not a JSON object"));
        }
        let line = head.line.clone();
        if !line.ask(self.name, namespaces) {
            reached::namespaces_per_connection(head.client);
            return Err(Box::new("Too many namespaces"));
        }
        let seat = Seat { line: &line, namespace: self.name };
        let (id, gone) = (SocketId(socket.id), Arc::downgrade(socket));
        let link = Link::new(id, gone, head.line.clone(), self.name);
        let admission = Admission { link: Arc::new(link), head, auth: auth.map(Box::from) };
        // A panic here would leave the client without any answer.
        let verdict = AssertUnwindSafe(Arc::clone(occupant).admit(admission)).catch_unwind();
        let client = match verdict.await {
            Ok(Ok(client)) => client,
            Ok(Err(message)) => return Err(Box::new(message)),
            Err(_panic) => return Err(Box::new("Internal server error")),
        };
        socket.on_fallback(Inlet {
            occupant: Arc::clone(occupant),
            client: Arc::downgrade(&client),
            line: line.clone(),
        });
        let (occupant, hub) = (Arc::clone(occupant), Arc::clone(&self.hub));
        socket.on_disconnect(Outlet { occupant, hub, client, namespace: self.name });
        seat.take();
        if let Some(asking) = asking {
            asking.granted();
        }
        Ok(())
    }
}

/// The session that a socket belongs to.
fn line_of(socket: &Base) -> Option<Line> {
    socket.req_parts().extensions.get::<Arc<Visit>>().map(|visit| visit.head.line.clone())
}

/// socketioxide is letting a client in or sending it away, and is about to be done when this is dropped.
struct Changing {
    line: Line,
    namespace: Name,
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.line.change_ends(self.namespace);
    }
}

/// A place among the client's namespaces, which is given back where the client is not let in.
struct Seat<'a> {
    line: &'a Line,
    namespace: Name,
}

impl Seat<'_> {
    fn take(self) {
        self.line.join(self.namespace);
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.line.refuse(self.namespace);
    }
}

fn is_object(json: &str) -> bool {
    json.trim_ascii_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(json).is_ok()
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
        let _changing = line_of(&socket).map(|line| Changing { line, namespace: self.name });
        let hub = self.hub.get();
        if let Some(hub) = hub {
            hub.tabled(1);
        }
        let Some(occupant) = self.occupant.get() else { return };
        // One that is gone again was greeted when it left.
        if let Some(client) = occupant.client(SocketId(socket.id)) {
            let link = O::link(&client);
            if let Some(hub) = hub {
                hub.open(link, link.line.has_lost_a_namespace());
            }
            occupant.connected(&client);
        }
    }
}

/// Every message of one socket.
struct Inlet<O: Occupant> {
    occupant: Arc<O>,
    /// Not kept here: of one that was sent away this is still there, to hear what it has to say.
    client: Weak<O::Client>,
    line: Line,
}

impl<O: Occupant> MessageHandler<GatewayAdapter, ()> for Inlet<O> {
    fn call(&self, _: Arc<Base>, value: Value, ack: Option<i64>) {
        self.line.hear();
        let Some(client) = self.client.upgrade() else { return };
        let packet = Packet::from(value);
        // A panic would take the connection's read loop with it.
        let handled = catch_unwind(AssertUnwindSafe(|| {
            self.occupant.received(&client, packet, ack);
        }));
        if handled.is_err() {
            static LINES: LogLimiter = LogLimiter::new();
            if let Some(times) = LINES.count() {
                tracing::error!(
                    times,
                    "messages were dropped by a panic in the dispatch; this is a bug"
                );
            }
        }
    }
}

/// Why a session has ended, in the words of socket.io's server: of a connection that is gone it says
/// `transport close`, however it went, and `transport error` of one that it has ended itself.
fn ended(line: &Line, reason: BaseReason) -> DisconnectReason {
    if !matches!(reason, BaseReason::ClientNSDisconnect | BaseReason::ServerNSDisconnect) {
        line.end();
    }
    match reason {
        BaseReason::TransportClose | BaseReason::TransportError => {
            line.verdict().unwrap_or(DisconnectReason::TransportClose)
        }
        BaseReason::PacketParsingError => {
            line.fail(Fault::Packet);
            DisconnectReason::ParseError
        }
        // Two polls at once.
        BaseReason::MultipleHttpPollingError => DisconnectReason::TransportError,
        BaseReason::HeartbeatTimeout => DisconnectReason::HeartbeatTimeout,
        BaseReason::ClientNSDisconnect => DisconnectReason::ClientNamespaceDisconnect,
        BaseReason::ServerNSDisconnect => DisconnectReason::ServerNamespaceDisconnect,
        BaseReason::ClosingServer => DisconnectReason::ServerShutdown,
    }
}

/// The end of one socket.
struct Outlet<O: Occupant> {
    occupant: Arc<O>,
    hub: Arc<OnceLock<Arc<Hub>>>,
    client: Arc<O::Client>,
    namespace: Name,
}

impl<O: Occupant> DisconnectHandler<GatewayAdapter, ()> for Outlet<O> {
    fn call_with_defer(&self, socket: Arc<Base>, reason: BaseReason, remove: fn(Arc<Base>)) {
        let line = &O::link(&self.client).line;
        let sent_away = matches!(reason, BaseReason::ServerNSDisconnect);
        let reason = ended(line, reason);
        // A panic must not leave the socket behind.
        let noted = catch_unwind(AssertUnwindSafe(|| {
            self.occupant.disconnected(&self.client, reason);
        }));
        if noted.is_err() {
            static LINES: LogLimiter = LogLimiter::new();
            if let Some(times) = LINES.count() {
                tracing::error!(times, "a panic while a client was leaving; this is a bug");
            }
        }
        if sent_away {
            // It may go on to speak, and to a namespace without its socket that would end its session.
            let (id, gone) = (SocketId(socket.id), Arc::downgrade(&socket));
            let removal = move || {
                if let Some(socket) = gone.upgrade() {
                    remove(socket);
                }
            };
            let stays = line.send_away(self.namespace, Box::new(removal));
            if stays && let Some(hub) = self.hub.get() {
                hub.leave_unheard(id);
            }
        } else {
            remove(socket);
        }
        if let Some(hub) = self.hub.get() {
            hub.tabled(-1);
        }
    }
}
