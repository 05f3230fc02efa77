//! One open namespace: its clients, and the platform's hub below them.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, OnceLock, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;

use crate::{
    connection::Connection,
    metrics::NamespaceMetrics,
    platform::{Hub, SocketId},
    presence::PresenceStore,
    provider::Key,
    server_side::ServerSide,
};

/// Made before the gateway that lives in it, so that the gateway can be given its `Server`.
pub(crate) struct Namespace {
    path: String,
    hub: OnceLock<Arc<Hub>>,
    /// Weak, so that a client that never came in, or is gone, leaves nothing here for long: the
    /// connection takes its own entry out when it is dropped.
    clients: RwLock<HashMap<SocketId, Weak<Connection>, RandomState>>,
    slow_clients: AtomicU64,
    presence: Option<Arc<dyn PresenceStore>>,
    /// What its clients are known as; `()` where nobody authenticates them.
    pub(crate) identity: Key,
    pub(crate) metrics: NamespaceMetrics,
    pub(crate) server_side: ServerSide,
}

impl Namespace {
    pub(crate) fn new(
        path: impl Into<String>,
        identity: Key,
        presence: Option<Arc<dyn PresenceStore>>,
    ) -> Self {
        let path = path.into();
        Self {
            metrics: NamespaceMetrics::of(&path),
            path,
            hub: OnceLock::new(),
            clients: RwLock::default(),
            slow_clients: AtomicU64::new(0),
            presence,
            identity,
            server_side: ServerSide::default(),
        }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Who is there, where the gateway keeps presence.
    pub(crate) fn presence(&self) -> Option<&Arc<dyn PresenceStore>> {
        self.presence.as_ref()
    }

    pub(crate) fn open(&self, hub: Arc<Hub>) {
        // Boot opens each namespace once.
        self.hub.set(hub).ok();
    }

    /// `None` before the application has been built.
    pub(crate) fn hub(&self) -> Option<&Arc<Hub>> {
        self.hub.get()
    }

    pub(crate) fn enter(&self, connection: &Arc<Connection>) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.insert(connection.id(), Arc::downgrade(connection));
        self.metrics.connections.set(clients.len() as f64);
        drop(clients);
        if let Some(hub) = self.hub() {
            hub.enter(&connection.link);
        }
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
        if let Some(hub) = self.hub() {
            hub.forget(&connection.link);
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

    pub(crate) fn everyone(&self) -> Vec<Arc<Connection>> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        clients.values().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn count_slow_client(&self) {
        self.slow_clients.fetch_add(1, Ordering::Relaxed);
        self.metrics.slow_clients.increment(1);
    }

    pub(crate) fn slow_clients(&self) -> u64 {
        self.slow_clients.load(Ordering::Relaxed)
    }
}
