//! One open namespace: its clients, and the platform's hub below them.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;

use crate::{
    auth::identity::Known,
    cluster::Adapter,
    excerpt,
    log_limiter::LogLimiter,
    metrics::NamespaceMetrics,
    options::{Options, Overflow, Sessions},
    platform::{Frame, Group, Hub, Refused, Sending, Sent, SocketId},
    socket::{
        connection::Connection,
        error::EmitError,
        event::ListedEvents,
        handle::check_event,
        newest::NewestSessions,
        server_side::ServerSide,
        settings::{Caps, Settings},
    },
    wire::room_names,
};

/// Made before the gateway that lives in it, so that the gateway can be given its `Server`.
pub(crate) struct Namespace {
    hub: Arc<Hub>,
    /// Weak, so that a client that never came in, or is gone, leaves nothing here for long: the
    /// connection takes its own entry out when it is dropped.
    clients: RwLock<HashMap<SocketId, Weak<Connection>, RandomState>>,
    slow_clients: AtomicU64,
    dropped: LogLimiter,
    slow: LogLimiter,
    undeclared: LogLimiter,
    /// What its clients are known as.
    pub(crate) identity: Known,
    /// What its gateway lists in `emits(..)`.
    declared: ListedEvents,
    /// Those of its gateway.
    pub(crate) options: Options,
    /// The application's.
    pub(crate) settings: Settings,
    pub(crate) caps: Caps,
    pub(crate) metrics: NamespaceMetrics,
    pub(crate) server_side: ServerSide,
    /// The newest session of each user, where a user has one at a time.
    pub(crate) newest: Option<NewestSessions>,
    /// The way to the same namespace of other processes.
    pub(crate) adapter: Option<Adapter>,
}

impl Namespace {
    pub(crate) fn new(
        hub: Arc<Hub>,
        identity: Known,
        declared: ListedEvents,
        options: Options,
        settings: Settings,
        adapter: Option<Adapter>,
    ) -> Self {
        Self {
            newest: (options.sessions == Sessions::Newest).then(NewestSessions::default),
            adapter,
            metrics: NamespaceMetrics::of(&options.namespace),
            caps: Caps::of(&options, &settings.limits),
            hub,
            clients: RwLock::default(),
            slow_clients: AtomicU64::new(0),
            dropped: LogLimiter::new(),
            slow: LogLimiter::of(10),
            undeclared: LogLimiter::new(),
            identity,
            declared,
            options,
            settings,
            server_side: ServerSide::default(),
        }
    }

    pub(crate) fn path(&self) -> &str {
        &self.options.namespace
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Checks that its clients may be sent an event of this name.
    ///
    /// # Errors
    /// The protocol reserves the name. While an application is developed, that its gateway lists what it emits, but not
    /// this: in production, that is counted, because clients that know the event are better off with it.
    pub(crate) fn may_emit(&self, event: &str) -> Result<(), EmitError> {
        check_event(event)?;
        if self.declared.misses(event) {
            self.undeclared(event, cfg!(debug_assertions))?;
        }
        Ok(())
    }

    pub(crate) fn undeclared(&self, event: &str, is_debug: bool) -> Result<(), EmitError> {
        if is_debug {
            let (event, namespace) = (event.to_owned(), self.path().to_owned());
            return Err(EmitError::Undeclared { event, namespace });
        }
        self.metrics.undeclared.increment(1);
        if let Some(times) = self.undeclared.count() {
            tracing::warn!(
                namespace = self.path(),
                event = excerpt::logged(event),
                times,
                "an event was emitted that its gateway does not list in `emits(..)`"
            );
        }
        Ok(())
    }

    pub(crate) fn enter(&self, connection: &Arc<Connection>) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.insert(connection.id(), Arc::downgrade(connection));
        self.metrics.connections.set(clients.len() as f64);
        drop(clients);
        self.hub.enter(&connection.link);
    }

    /// Takes out this connection, and not one that has come since under the same id: a client that
    /// leaves the namespace and comes back on the same line keeps its id.
    pub(crate) fn forget(&self, connection: &Connection) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(entry) = clients.entry(connection.id())
            && std::ptr::eq(entry.get().as_ptr(), connection)
        {
            entry.remove();
            self.metrics.connections.set(clients.len() as f64);
        }
        drop(clients);
        self.hub.forget(&connection.link);
        if let Some(newest) = &self.newest {
            newest.forget(connection);
        }
    }

    pub(crate) fn client(&self, id: SocketId) -> Option<Arc<Connection>> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        clients.get(&id).and_then(Weak::upgrade)
    }

    /// Those of `ids` that are here.
    pub(crate) fn pick(&self, ids: &[SocketId]) -> Vec<Arc<Connection>> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        ids.iter().filter_map(|id| clients.get(id).and_then(Weak::upgrade)).collect()
    }

    /// The way to other processes, unless they are left out.
    pub(crate) fn adapter_unless(&self, local: bool) -> Option<&Adapter> {
        if local { None } else { self.adapter.as_ref() }
    }

    /// The rooms that have a member in this process.
    pub(crate) fn rooms(&self) -> Vec<String> {
        self.hub.rooms().into_iter().filter_map(room_names::shown).collect()
    }

    /// The clients of this process that a group reaches.
    pub(crate) fn reached(&self, group: &Group) -> Vec<Arc<Connection>> {
        self.pick(&self.hub.reached(group))
    }

    /// Sends to the clients of this process that a group reaches, whoever has emitted it.
    /// [`finish_sending`](Self::finish_sending) must follow.
    pub(crate) fn begin_sending(
        self: &Arc<Self>,
        frame: Frame,
        group: Group,
        is_volatile: bool,
    ) -> Sending {
        let namespace = Arc::clone(self);
        let alone = move |frame: &Frame, ids: &[SocketId]| {
            let members = namespace.pick(ids).into_iter();
            let deliver = if is_volatile { deliver_if_free } else { deliver };
            members.fold(false, |crowded, member| deliver(&member, frame) | crowded)
        };
        self.hub.send_to_group(frame, group, is_volatile, alone)
    }

    pub(crate) async fn finish_sending(&self, sending: Sending) {
        let Sent { together, crowded } = sending.await;
        self.metrics.deliveries.increment(together);
        // A loop of emits must give way to the tasks that empty the queues it fills.
        if crowded {
            tokio::task::yield_now().await;
        } else {
            tokio::task::consume_budget().await;
        }
    }

    pub(crate) fn everyone(&self) -> Vec<Arc<Connection>> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        clients.values().filter_map(Weak::upgrade).collect()
    }

    /// How many clients there are.
    pub(crate) fn len(&self) -> usize {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        clients.values().filter(|client| client.strong_count() > 0).count()
    }

    /// Counts a client that does not read, and is disconnected for it.
    pub(crate) fn count_slow_client(&self, user: Option<String>) {
        self.slow_clients.fetch_add(1, Ordering::Relaxed);
        self.metrics.slow_clients.increment(1);
        if let Some(times) = self.slow.count() {
            tracing::warn!(
                namespace = self.path(),
                user = user.map(excerpt::logged),
                times,
                "disconnecting a client that does not read what it is sent"
            );
        }
    }

    /// Counts a packet that a member of a room misses. The log says now and then how many did: slow
    /// readers of a room that is fast would fill it.
    pub(crate) fn count_dropped_packet(&self) {
        self.metrics.dropped_packets.increment(1);
        if let Some(packets) = self.dropped.count() {
            tracing::warn!(
                namespace = self.path(),
                packets,
                "clients that do not read fast enough miss packets"
            );
        }
    }

    pub(crate) fn slow_clients(&self) -> u64 {
        self.slow_clients.load(Ordering::Relaxed)
    }
}

/// Queues a frame for one member; returns whether its queue is growing.
fn deliver(member: &Arc<Connection>, frame: &Frame) -> bool {
    match member.send(frame.clone()) {
        Ok(()) => {
            member.namespace().metrics.deliveries.increment(1);
            member.outbox.is_overflowing()
        }
        Err(Refused::Gone) => false,
        Err(Refused::Full) => {
            overflow(member);
            true
        }
    }
}

/// Sends a frame to one member, unless its way out is not free; its queue never grows for that.
fn deliver_if_free(member: &Arc<Connection>, frame: &Frame) -> bool {
    let is_sent = member.send_if_free(frame.clone()).unwrap_or(false);
    member.namespace().metrics.deliveries.increment(u64::from(is_sent));
    false
}

/// A member's queue has no room for what was sent to many.
pub(super) fn overflow(member: &Connection) {
    match member.namespace().options.overflow {
        Overflow::Disconnect => member.give_up(),
        Overflow::DropNewest => member.namespace().count_dropped_packet(),
    }
}
