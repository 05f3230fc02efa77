//! The open namespaces of an application, for what concerns a client in all of them.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use futures_util::future::join_all;

use crate::{
    platform::SocketId,
    socket::{connection::Connection, namespace::Namespace},
};

/// Shared by all of them.
#[derive(Clone, Default)]
pub(crate) struct Namespaces(Arc<RwLock<Vec<Weak<Namespace>>>>);

impl Namespaces {
    /// One more is open.
    pub(super) fn add(&self, namespace: &Arc<Namespace>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::downgrade(namespace));
    }

    /// A client in all namespaces that it is in: its sockets have one id, that of their session.
    fn clients(&self, id: SocketId) -> Vec<Arc<Connection>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(|namespace| namespace.upgrade()?.client(id)).collect()
    }
}

impl fmt::Debug for Namespaces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.read().unwrap_or_else(PoisonError::into_inner).len();
        formatter.debug_tuple("Namespaces").field(&count).finish()
    }
}

impl Connection {
    /// Ends the client's whole connection, after what it was sent before: in each of its namespaces it is told, so that it
    /// does not come back by itself.
    pub(crate) fn hang_up(self: &Arc<Self>) {
        /// How long a client that is in no namespace any more may take to end the session by itself.
        const PATIENCE: Duration = Duration::from_secs(1);

        let clients = self.namespace().settings.namespaces.clients(self.id());
        for client in &clients {
            client.disconnect();
        }
        // Whoever has no gateway yet, or has left the namespace, may still have a session.
        self.disconnect();
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            let told = clients.iter().map(|client| client.deliver_all());
            join_all(told).await;
            if tokio::time::timeout(PATIENCE, connection.link.ended()).await.is_err() {
                connection.cut_line();
            }
        });
    }
}
