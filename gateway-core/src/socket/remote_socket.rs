//! [`RemoteSocket`]: a client that was found, in whichever process of the application it is.

use std::{any::Any, fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    inject::Key,
    platform::SocketId,
    socket::{
        connection::Connection,
        error::{EmitError, SocketsError},
        handle::Socket,
        namespace::Namespace,
        server::{Rooms, Server},
    },
    type_names::short,
    wire::Payload,
};

/// What [`fetch_sockets`](crate::Broadcast::fetch_sockets) finds (socket.io: `RemoteSocket`): a client's id,
/// who it is, the rooms that it was in when it was found, and what can be done with it from another process.
///
/// `U` is its identity, which handlers take as [`Identity<U>`](crate::Identity). If the client is in another
/// process, the identity is serialized there and deserialized here, so it must support both; with `()`, clients
/// are found without their identity. What handlers keep in [`SocketData`](crate::SocketData) stays in its
/// process: [`Server::sockets`](crate::Server::sockets) gives access to it.
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

/// An identity that can be found in another process, where it is serialized, and here, where it is
/// deserialized. Every type that supports both implements this.
///
/// ```
/// use gateway_core::{Fetched, Server, SocketsError};
///
/// async fn identities<U: Fetched + Clone>(server: &Server) -> Result<Vec<U>, SocketsError> {
///     let sockets = server.fetch_sockets::<U>().await?;
///     Ok(sockets.iter().map(|socket| socket.identity().clone()).collect())
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "sockets cannot be fetched with `{Self}`",
    label = "must be serialized and deserialized if a socket is in another process",
    note = "write `#[derive(serde::Serialize, serde::Deserialize)]` above `struct {Self}`; \
            `fetch_sockets::<()>()` asks for no identity"
)]
pub trait Fetched: Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<U: Serialize + DeserializeOwned + Send + Sync + 'static> Fetched for U {}

impl<U> RemoteSocket<U> {
    /// The id that the client itself knows as `socket.id`.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.connection.id()
    }

    /// Who the client is.
    #[must_use]
    pub fn identity(&self) -> &U {
        &self.identity
    }

    /// The rooms that it was in when it was found, in no particular order.
    #[must_use]
    pub fn rooms(&self) -> &[String] {
        &self.rooms
    }

    /// Sends it an event, like [`Broadcast::emit`](crate::Broadcast::emit).
    ///
    /// # Errors
    /// If the payload cannot be encoded, or the client is gone.
    pub async fn emit(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<(), EmitError> {
        if self.connection.is_closed() {
            return Err(EmitError::Disconnected);
        }
        let namespace = Arc::clone(self.connection.namespace());
        Server::new(namespace).to(self.id()).emit(event, payload).await
    }

    /// Makes it join one room, or several.
    ///
    /// # Errors
    /// If the client is gone; [`SocketsError::Join`] if it cannot join, as for [`Socket::join`].
    pub async fn join(&self, rooms: impl Rooms) -> Result<(), SocketsError> {
        Ok(self.here().join(rooms).await?)
    }

    /// Makes it leave one room, or several.
    ///
    /// # Errors
    /// If its process cannot be told.
    pub async fn leave(&self, rooms: impl Rooms) -> Result<(), SocketsError> {
        self.here().leave(rooms).await;
        Ok(())
    }

    /// Ends its connection to this namespace.
    ///
    /// # Errors
    /// If its process cannot be told.
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

/// These clients with their identities. All of them have one, of the same type; that is checked first, so that a
/// wrong type is an error even while nobody is connected.
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
