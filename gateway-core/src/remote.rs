//! [`RemoteSocket`]: a client as one finds it, in whichever process of the application it is.

use std::{any::Any, fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    connection::Connection,
    error::{EmitError, SocketsError},
    namespace::Namespace,
    platform::SocketId,
    provider::Key,
    report::short,
    server::{Rooms, Server},
    socket::Socket,
    wire::Payload,
};

/// What [`fetch_sockets`](crate::Broadcast::fetch_sockets) finds (socket.io: `RemoteSocket`): a
/// client's id, who it is, the rooms it was in when it was found, and what one may do with it from
/// afar.
///
/// `U` is its identity, what handlers take as [`Identity<U>`](crate::Identity). It is written and
/// read again where the client is in another process, so it must be both; with `()`, clients are found
/// without. What handlers keep in [`SocketData`](crate::SocketData) stays in the process that keeps
/// it: [`Server::sockets`](crate::Server::sockets) has it.
///
/// ```
/// # use gateway_core::prelude::*;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Clone, Serialize, Deserialize)]
/// pub struct User {
///     #[serde(rename = "sub")]
///     pub id: u64,
/// }
///
/// /// NestJS: `(await server.fetchSockets()).filter(s => s.data.userId === id)`.
/// async fn remind(server: &Server, id: u64) -> Result<(), WsException> {
///     for socket in server.to("lobby").fetch_sockets::<User>().await? {
///         if socket.identity().id == id && !socket.rooms().contains(&"muted".to_owned()) {
///             socket.emit("reminder", "say something").await?;
///         }
///     }
///     Ok(())
/// }
/// ```
pub struct RemoteSocket<U> {
    connection: Arc<Connection>,
    identity: Arc<U>,
    rooms: Vec<String>,
}

/// What an identity must be to be found in another process.
#[diagnostic::on_unimplemented(
    message = "sockets cannot be fetched with `{Self}`",
    label = "must be written and read again, where a socket is in another process",
    note = "write `#[derive(serde::Serialize, serde::Deserialize)]` above `struct {Self}`; \
            `fetch_sockets::<()>()` asks for no identity"
)]
#[doc(hidden)]
pub trait Fetched: Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<U: Serialize + DeserializeOwned + Send + Sync + 'static> Fetched for U {}

impl<U> RemoteSocket<U> {
    /// What the client itself calls `socket.id`.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.connection.id()
    }

    /// Who the client is.
    #[must_use]
    pub fn identity(&self) -> &U {
        &self.identity
    }

    /// The rooms it was in when it was found, in no order.
    #[must_use]
    pub fn rooms(&self) -> &[String] {
        &self.rooms
    }

    /// Sends it an event, as [`Broadcast::emit`](crate::Broadcast::emit) does.
    ///
    /// # Errors
    /// When the payload cannot be encoded, or the client is gone.
    pub async fn emit(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<(), EmitError> {
        if self.connection.is_closed() {
            return Err(EmitError::Disconnected);
        }
        let namespace = Arc::clone(&self.connection.gateway().namespace);
        Server::new(namespace).to(self.id()).emit(event, payload).await
    }

    /// Lets it enter rooms: a name, or several.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn join(&self, rooms: impl Rooms) -> Result<(), SocketsError> {
        Ok(self.here().join(rooms).await?)
    }

    /// Lets it leave rooms: a name, or several.
    ///
    /// # Errors
    /// When its process cannot be told.
    pub async fn leave(&self, rooms: impl Rooms) -> Result<(), SocketsError> {
        self.here().leave(rooms).await;
        Ok(())
    }

    /// Ends its connection to this namespace.
    ///
    /// # Errors
    /// When its process cannot be told.
    pub async fn disconnect(&self) -> Result<(), SocketsError> {
        self.here().disconnect();
        Ok(())
    }

    fn here(&self) -> Socket {
        Socket::new(Arc::clone(&self.connection))
    }
}

impl<U> Clone for RemoteSocket<U> {
    fn clone(&self) -> Self {
        Self {
            connection: Arc::clone(&self.connection),
            identity: Arc::clone(&self.identity),
            rooms: self.rooms.clone(),
        }
    }
}

impl<U> fmt::Debug for RemoteSocket<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RemoteSocket")
            .field("id", &self.id())
            .field("rooms", &self.rooms)
            .finish_non_exhaustive()
    }
}

/// These clients with their identities. All of them have one, and of one type: that is asked first,
/// so that it is an error also while nobody is there.
pub(crate) fn found<U: Fetched>(
    namespace: &Namespace,
    clients: Vec<Arc<Connection>>,
) -> Result<Vec<RemoteSocket<U>>, SocketsError> {
    let (asked, given) = (Key::of::<U>(), namespace.identity);
    if asked != given && asked != Key::of::<()>() {
        return Err(SocketsError::Identity {
            namespace: namespace.path().to_owned(),
            asked: short(asked.name),
            given: short(given.name),
        });
    }
    let nobody = || (Arc::new(()) as Arc<dyn Any + Send + Sync>).downcast().ok();
    let clients = clients.into_iter().filter_map(|connection| {
        let session = connection.session();
        let identity = session.and_then(|session| session.identity()).or_else(nobody)?;
        let rooms = connection.rooms();
        Some(RemoteSocket { connection, identity, rooms })
    });
    Ok(clients.collect())
}
