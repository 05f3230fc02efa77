//! [`RemoteSocket`]: a client that was found, in whichever process of the application it is.

use std::{any::Any, fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cluster::{Answer, Asked, Question},
    defaults::CLUSTER_TIMEOUT,
    inject::Key,
    socket::{
        broadcast::{Audience, Broadcast},
        connection::Connection,
        error::{EmitError, SocketsError},
        event::Event,
        namespace::Namespace,
        rooms::Rooms,
    },
    type_names::short,
    wire::{self, Payload},
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
    place: Place,
    id: Arc<str>,
    identity: Arc<U>,
    rooms: Vec<String>,
}

#[derive(Clone)]
enum Place {
    Here(Arc<Connection>),
    /// In another process, in the same namespace.
    There(Arc<Namespace>),
}

/// What stands for the names of all other processes, where none of them can be reached.
pub(super) const EVERYBODY_ELSE: &str = "all other processes";

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
    /// The id that the client itself knows as `socket.id`. As a text, because those of Node servers in the same cluster
    /// have another form than a [`SocketId`](crate::SocketId), which it can be parsed as otherwise.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
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

    /// Sends it an event, like [`Broadcast::emit`].
    ///
    /// # Errors
    /// If the payload cannot be encoded, or is too large for another process; if the client was in this process, and is
    /// gone.
    pub async fn emit(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<(), EmitError> {
        self.if_there()?.emit(event, payload).await
    }

    /// Sends it a declared event, like [`emit`](Self::emit).
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit).
    pub async fn send<E: Event + ?Sized>(&self, event: &E) -> Result<(), EmitError> {
        self.if_there()?.send(event).await
    }

    /// Makes it join one room, or several.
    ///
    /// # Errors
    /// If the client is gone, or cannot join ([`SocketsError::Join`]), as for
    /// [`Socket::join`](crate::Socket::join), if it is in this process; otherwise those of
    /// [`Broadcast::sockets_join`].
    pub async fn join(&self, rooms: impl Rooms) -> Result<(), SocketsError> {
        match &self.place {
            Place::Here(connection) => Ok(connection.join(&rooms.into_names())?),
            Place::There(_) => self.alone().sockets_join(rooms).await,
        }
    }

    /// Makes it leave one room, or several.
    ///
    /// # Errors
    /// Those of [`Broadcast::sockets_leave`], if it is in another process.
    pub async fn leave(&self, rooms: impl Rooms) -> Result<(), SocketsError> {
        match &self.place {
            Place::Here(connection) => connection.leave(rooms.into_names()),
            Place::There(_) => self.alone().sockets_leave(rooms).await?,
        }
        Ok(())
    }

    /// Ends its connection to this namespace.
    ///
    /// # Errors
    /// Those of [`Broadcast::disconnect_sockets`], if it is in another process.
    pub async fn disconnect(&self) -> Result<(), SocketsError> {
        match &self.place {
            Place::Here(connection) => connection.disconnect(),
            Place::There(_) => self.alone().disconnect_sockets().await?,
        }
        Ok(())
    }

    /// Ends its whole connection, with all its namespaces, like [`Socket::close_connection`](crate::Socket::close_connection).
    ///
    /// # Errors
    /// Those of [`Broadcast::close_connections`], if it is in another process.
    pub async fn close_connection(&self) -> Result<(), SocketsError> {
        match &self.place {
            Place::Here(connection) => connection.hang_up(),
            Place::There(_) => self.alone().close_connections().await?,
        }
        Ok(())
    }

    /// It, unless it was here and is gone.
    fn if_there(&self) -> Result<Broadcast, EmitError> {
        match &self.place {
            Place::Here(connection) if connection.is_closed() => Err(EmitError::Disconnected),
            Place::Here(_) => Ok(self.alone().local()),
            Place::There(_) => Ok(self.alone()),
        }
    }

    /// The room that this socket alone is in.
    fn alone(&self) -> Broadcast {
        let namespace = match &self.place {
            Place::Here(connection) => connection.namespace(),
            Place::There(namespace) => namespace,
        };
        Broadcast::new(Arc::clone(namespace)).to(&*self.id)
    }
}

impl<U> Clone for RemoteSocket<U> {
    fn clone(&self) -> Self {
        Self {
            place: self.place.clone(),
            id: Arc::clone(&self.id),
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

/// The sockets of those processes that have answered: what
/// [`Broadcast::fetch_available`] finds.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn find(server: Server) -> Result<(), SocketsError> {
/// let found = server.to("lobby").fetch_available::<()>().await?;
/// println!("{} found, without those of {:?}", found.sockets.len(), found.unanswered);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AvailableSockets<U> {
    /// The sockets, in no particular order.
    pub sockets: Vec<RemoteSocket<U>>,
    /// The processes that have not answered, by their names.
    pub unanswered: Vec<String>,
    /// How many sockets were left out because their identity, as another process has told it, is not a `U`.
    pub unreadable: usize,
    why: Option<SocketsError>,
}

impl<U: Fetched> AvailableSockets<U> {
    /// Those that a group reaches.
    pub(super) async fn of(group: &Audience) -> Result<Self, SocketsError> {
        let namespace = &group.namespace;
        let is_nobody = knows_as::<U>(namespace)?;
        let sockets = here(group.reached());
        let mut found = Self { sockets, unanswered: Vec::new(), unreadable: 0, why: None };
        let Some(adapter) = group.adapter() else { return Ok(found) };
        if !is_nobody && namespace.identity.codec.is_none() {
            return Err(SocketsError::NotSerializable {
                namespace: namespace.path().to_owned(),
                identity: short(namespace.identity.key.name),
            });
        }
        match adapter.ask(Question::Sockets { group: group.group.clone() }, CLUSTER_TIMEOUT) {
            Ok(asked) => found.add_others(asked, namespace, is_nobody).await,
            Err(down) => {
                found.unanswered.push(EVERYBODY_ELSE.to_owned());
                found.why = Some(down.into());
            }
        }
        Ok(found)
    }

    async fn add_others(&mut self, mut asked: Asked, namespace: &Arc<Namespace>, is_nobody: bool) {
        while let Some(answer) = asked.next().await {
            let Answer::Sockets(sockets) = answer else { continue };
            for found in sockets {
                let identity = if is_nobody { "null" } else { &*found.identity };
                match wire::read::<U>(identity) {
                    Ok(identity) => self.sockets.push(RemoteSocket {
                        place: Place::There(Arc::clone(namespace)),
                        id: found.id.as_str().into(),
                        identity: Arc::new(identity),
                        rooms: found.into_rooms(),
                    }),
                    Err(error) => {
                        self.unreadable += 1;
                        self.why = Some(SocketsError::Unreadable { reason: error.to_string() });
                    }
                }
            }
        }
        self.unanswered = asked.silent();
        if !self.unanswered.is_empty() {
            self.why = Some(SocketsError::Unanswered { instances: self.unanswered.clone() });
        }
    }

    /// The sockets, where these are all.
    pub(super) fn all(self) -> Result<Vec<RemoteSocket<U>>, SocketsError> {
        self.why.map_or(Ok(self.sockets), Err)
    }
}

/// Checks that the namespace's clients are known as a `U`, and says whether that is nobody in particular: so a wrong type is
/// an error even while nobody is connected.
fn knows_as<U: Fetched>(namespace: &Namespace) -> Result<bool, SocketsError> {
    let (asked, given, nobody) = (Key::of::<U>(), namespace.identity.key, Key::of::<()>());
    if asked == given || asked == nobody {
        return Ok(asked == nobody);
    }
    Err(SocketsError::Identity {
        namespace: namespace.path().to_owned(),
        asked: short(asked.name),
        given: short(given.name),
    })
}

/// Clients of this process with their identities. All of them have one, of the same type.
fn here<U: Fetched>(clients: Vec<Arc<Connection>>) -> Vec<RemoteSocket<U>> {
    let nobody = || (Arc::new(()) as Arc<dyn Any + Send + Sync>).downcast().ok();
    let clients = clients.into_iter().filter_map(|connection| {
        let session = connection.session();
        let identity = session.and_then(|session| session.identity()).or_else(nobody)?;
        let (id, rooms) = (connection.id().to_string().into(), connection.rooms());
        Some(RemoteSocket { place: Place::Here(connection), id, identity, rooms })
    });
    clients.collect()
}
