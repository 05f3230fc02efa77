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
    platform::{Frame, Group, Hub, SocketId},
    presence::PresenceStore,
    rooms,
    server_side::ServerSide,
};

/// Made before the gateway that lives in it, so that the gateway can be given its `Server`.
#[derive(Default)]
pub(crate) struct Namespace {
    path: String,
    hub: OnceLock<Arc<Hub>>,
    /// Weak, so that a client that never came in, or is gone, leaves nothing here for long: the
    /// connection takes its own entry out when it is dropped.
    clients: RwLock<HashMap<SocketId, Weak<Connection>, RandomState>>,
    slow_clients: AtomicU64,
    presence: Option<Arc<dyn PresenceStore>>,
    pub(crate) server_side: ServerSide,
}

impl Namespace {
    pub(crate) fn new(path: impl Into<String>, presence: Option<Arc<dyn PresenceStore>>) -> Self {
        Self { path: path.into(), presence, ..Self::default() }
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
    }

    /// Takes out this connection, and not one that has come since under the same id: a client that
    /// leaves the namespace and comes back on the same line keeps its id.
    pub(crate) fn forget(&self, connection: &Connection) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(entry) = clients.entry(connection.id())
            && is(entry.get(), connection)
        {
            entry.remove();
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

    /// Hands a frame to all members of a group that have room for it, in one go, and returns those
    /// who must be sent to one by one.
    pub(crate) fn send_to_group(&self, frame: &Frame, group: Group) -> Vec<Arc<Connection>> {
        let Some(hub) = self.hub() else { return Vec::new() };
        let members = hub.members(&group);
        // Held to the end: nobody goes apart or comes back in between.
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        let everyone = || members.iter().filter_map(|id| clients.get(id).and_then(Weak::upgrade));

        if !group.can_be_sent_to(|id| clients.contains_key(&id)) {
            return everyone().collect();
        }
        let mut apart = Vec::new();
        for member in everyone() {
            if member.link.is_apart() {
                apart.push(member);
            } else if !member.link.claim_with_others() {
                // Its own queue takes it from here, and takes it out of the next group.
                return everyone().collect();
            }
        }
        hub.send_to_group(frame.clone(), group);
        apart
    }

    /// Takes a client out of group sends, or lets it take part again.
    pub(crate) fn set_apart(&self, connection: &Connection, apart: bool) {
        let Some(hub) = self.hub() else { return };
        let clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        connection.link.set_apart(apart);
        // One that is gone must not take out who came back under its id.
        if !clients.get(&connection.id()).is_some_and(|here| is(here, connection)) {
            return;
        }
        match apart {
            true => hub.join(connection.id(), vec![rooms::apart()]),
            false => hub.leave(connection.id(), vec![rooms::apart()]),
        }
    }

    pub(crate) fn everyone(&self) -> Vec<Arc<Connection>> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        clients.values().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn count_slow_client(&self) {
        self.slow_clients.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn slow_clients(&self) -> u64 {
        self.slow_clients.load(Ordering::Relaxed)
    }
}

fn is(client: &Weak<Connection>, connection: &Connection) -> bool {
    std::ptr::eq(client.as_ptr(), connection)
}
