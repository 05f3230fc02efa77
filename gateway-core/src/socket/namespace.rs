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
    excerpt,
    inject::Key,
    log_limiter::LogLimiter,
    metrics::NamespaceMetrics,
    options::Options,
    platform::{Hub, SocketId},
    socket::{
        connection::Connection,
        server_side::ServerSide,
        settings::{Caps, Settings},
    },
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
    /// What its clients are known as; `()` where nobody authenticates them.
    pub(crate) identity: Key,
    /// Those of its gateway.
    pub(crate) options: Options,
    /// The application's.
    pub(crate) settings: Settings,
    pub(crate) caps: Caps,
    pub(crate) metrics: NamespaceMetrics,
    pub(crate) server_side: ServerSide,
}

impl Namespace {
    pub(crate) fn new(hub: Arc<Hub>, identity: Key, options: Options, settings: Settings) -> Self {
        Self {
            metrics: NamespaceMetrics::of(&options.namespace),
            caps: Caps::of(&options, &settings.limits),
            hub,
            clients: RwLock::default(),
            slow_clients: AtomicU64::new(0),
            dropped: LogLimiter::new(),
            slow: LogLimiter::of(10),
            identity,
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
