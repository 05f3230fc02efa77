//! [`Server`]: all clients of a namespace, as gateways hold it.

use std::{fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use smallvec::smallvec;

use crate::{
    connection::Connection,
    error::{EmitError, SocketsError},
    namespace::Namespace,
    outbox::Overflow,
    platform::{Frame, Group, Names, Refused, SocketId},
    remote::{self, Fetched, RemoteSocket},
    rooms,
    server_side::ServerSideEvents,
    socket::{Socket, check_event},
    wire::Payload,
};

/// All clients of a gateway's namespace (NestJS: `@WebSocketServer() server`). Cheap to clone.
///
/// A field of this type is given the gateway's own namespace; services inject the gateway.
///
/// ```
/// # mod app {
/// use gateway_core::prelude::*;
///
/// #[web_socket_gateway(namespace = "/news")]
/// pub struct NewsGateway {
///     server: Server,
/// }
///
/// impl NewsGateway {
///     /// Called by whoever injects `Arc<NewsGateway>`.
///     pub async fn publish(&self, headline: &str) -> Result<(), EmitError> {
///         self.server.to("subscribers").emit("headline", headline).await
///     }
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Server {
    namespace: Arc<Namespace>,
}

impl Server {
    pub(crate) fn new(namespace: Arc<Namespace>) -> Self {
        Self { namespace }
    }

    /// The path of the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.namespace.path()
    }

    /// Sends an event to everyone. See [`Broadcast::emit`].
    ///
    /// # Errors
    /// When the payload cannot be encoded.
    pub async fn emit(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<(), EmitError> {
        self.everyone().emit(event, payload).await
    }

    /// Everyone in any of these rooms; a socket's id names the room with that socket alone.
    pub fn to(&self, rooms: impl Rooms) -> Broadcast {
        self.everyone().to(rooms)
    }

    /// Everyone but those in these rooms.
    pub fn except(&self, rooms: impl Rooms) -> Broadcast {
        self.everyone().except(rooms)
    }

    /// All sockets of one user in this namespace, on whichever device: the `id` is what the
    /// [authenticator](crate::Authenticated::user) called the user.
    pub fn user(&self, id: impl fmt::Display) -> Broadcast {
        let mut broadcast = self.everyone();
        broadcast.group.rooms.push(rooms::of_user(&id.to_string()));
        broadcast
    }

    /// All clients, each with its identity and its rooms. See [`Broadcast::fetch_sockets`].
    ///
    /// # Errors
    /// When they are known as something else than a `U`.
    pub async fn fetch_sockets<U: Fetched>(&self) -> Result<Vec<RemoteSocket<U>>, SocketsError> {
        self.everyone().fetch_sockets().await
    }

    /// Lets all clients enter rooms. See [`Broadcast::sockets_join`].
    ///
    /// # Errors
    /// When not all of them could be told.
    pub async fn sockets_join(&self, rooms: impl Rooms) -> Result<(), SocketsError> {
        self.everyone().sockets_join(rooms).await
    }

    /// Lets all clients leave rooms. See [`Broadcast::sockets_leave`].
    ///
    /// # Errors
    /// When not all of them could be told.
    pub async fn sockets_leave(&self, rooms: impl Rooms) -> Result<(), SocketsError> {
        self.everyone().sockets_leave(rooms).await
    }

    /// Ends the connection of all clients to this namespace. See [`Broadcast::disconnect_sockets`].
    ///
    /// # Errors
    /// When not all of them could be told.
    pub async fn disconnect_sockets(&self) -> Result<(), SocketsError> {
        self.everyone().disconnect_sockets().await
    }

    /// A client of this process by its id.
    #[must_use]
    pub fn socket(&self, id: SocketId) -> Option<Socket> {
        self.namespace.client(id).map(Socket::new)
    }

    /// All clients of this process, in no order.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.namespace.everyone().into_iter().map(Socket::new).collect()
    }

    /// How many clients this process has.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        self.namespace.everyone().len()
    }

    /// The rooms that have a member.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        self.namespace
            .hub()
            .map(|hub| hub.rooms())
            .unwrap_or_default()
            .into_iter()
            .filter_map(rooms::shown)
            .collect()
    }

    /// How many clients have been disconnected because they did not read what they were sent.
    #[must_use]
    pub fn slow_clients_disconnected(&self) -> u64 {
        self.namespace.slow_clients()
    }

    /// Tells every process of the application, this one included: what
    /// [`server_side_events`](Self::server_side_events) of the same name yield there. Clients hear
    /// nothing of it.
    ///
    /// At most once, like all that is emitted: a good way to say that there is something new, and
    /// no place to keep it.
    ///
    /// # Errors
    /// When the payload cannot be encoded.
    pub async fn server_side_emit(
        &self,
        event: impl AsRef<str>,
        payload: impl Serialize,
    ) -> Result<(), EmitError> {
        let payload = serde_json::to_string(&payload);
        let payload = payload.map_err(|error| EmitError::Encode(error.to_string()))?;
        self.namespace.server_side.deliver(event.as_ref(), payload.into());
        Ok(())
    }

    /// Every event of this name that any process of the application emits from now on with
    /// [`server_side_emit`](Self::server_side_emit) (NestJS: `server.on(..)` of what
    /// `serverSideEmit(..)` sends).
    #[must_use]
    pub fn server_side_events<T: DeserializeOwned>(
        &self,
        event: impl AsRef<str>,
    ) -> ServerSideEvents<T> {
        self.namespace.server_side.listen(event.as_ref())
    }

    fn everyone(&self) -> Broadcast {
        Broadcast::new(Arc::clone(&self.namespace))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("namespace", &self.namespace()).finish()
    }
}

/// Sockets to emit to, or to do something else with: rooms are added with [`to`](Self::to), taken away
/// with [`except`](Self::except).
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn tell(server: Server) -> Result<(), EmitError> {
/// server.to("staff").to("guests").except("muted").emit("notice", "closing soon").await
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing happens before `emit`, or another of its methods"]
pub struct Broadcast {
    namespace: Arc<Namespace>,
    group: Group,
}

impl Broadcast {
    pub(crate) fn new(namespace: Arc<Namespace>) -> Self {
        Self { namespace, group: Group::default() }
    }

    /// Also those in these rooms; each socket gets the event once.
    pub fn to(mut self, rooms: impl Rooms) -> Self {
        self.group.rooms.extend(rooms.into_names());
        self
    }

    /// But not those in these rooms.
    pub fn except(mut self, rooms: impl Rooms) -> Self {
        self.group.except.extend(rooms.into_names());
        self
    }

    /// Sends the event. Encoded once, and queued for every member before this returns; it never
    /// waits for a member. One whose queue is full is handled as the gateway's [`Overflow`] says.
    ///
    /// # Errors
    /// When the payload cannot be encoded.
    pub async fn emit(
        self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<(), EmitError> {
        check_event(event.as_ref())?;
        let Some(hub) = self.namespace.hub() else { return Ok(()) };
        let frame = hub.encode_event(event.as_ref(), &payload)?;
        self.namespace.metrics.emits.increment(1);
        let mut crowded = false;
        let (together, left) = hub.send_to_group(frame, self.group);
        self.namespace.metrics.deliveries.increment(together);
        if let Some(left) = left {
            for member in self.namespace.pick(&left.ids) {
                crowded |= deliver(&member, &left.frame);
            }
        }
        // A loop of emits must let the tasks run that empty the queues it fills.
        if crowded {
            tokio::task::yield_now().await;
        } else {
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// The sockets this would reach, each with its identity and its rooms, in no order (socket.io:
    /// `fetchSockets`). `U` is the identity that the gateway's authenticator gives, or `()`.
    ///
    /// # Errors
    /// When the clients are known as something else than a `U`; also while there are none.
    pub async fn fetch_sockets<U: Fetched>(self) -> Result<Vec<RemoteSocket<U>>, SocketsError> {
        remote::found(&self.namespace, self.reached())
    }

    /// Lets every socket this reaches enter rooms, too (socket.io: `socketsJoin`).
    ///
    /// # Errors
    /// When not all of them could be told.
    pub async fn sockets_join(self, rooms: impl Rooms) -> Result<(), SocketsError> {
        let rooms = rooms.into_names();
        for connection in self.reached() {
            // Who has gone in between is in no room.
            connection.join(rooms.clone());
        }
        Ok(())
    }

    /// Lets every socket this reaches leave rooms (socket.io: `socketsLeave`).
    ///
    /// # Errors
    /// When not all of them could be told.
    pub async fn sockets_leave(self, rooms: impl Rooms) -> Result<(), SocketsError> {
        let rooms = rooms.into_names();
        for connection in self.reached() {
            connection.leave(rooms.clone());
        }
        Ok(())
    }

    /// Ends the connection to this namespace of every socket this reaches (socket.io:
    /// `disconnectSockets`).
    ///
    /// # Errors
    /// When not all of them could be told.
    pub async fn disconnect_sockets(self) -> Result<(), SocketsError> {
        for connection in self.reached() {
            connection.disconnect();
        }
        Ok(())
    }

    /// The sockets of this process that it would reach, in no order.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.reached().into_iter().map(Socket::new).collect()
    }

    fn reached(&self) -> Vec<Arc<Connection>> {
        let Some(hub) = self.namespace.hub() else { return Vec::new() };
        self.namespace.pick(&hub.reached(&self.group))
    }
}

/// Queues a frame for one member; says whether its queue is growing.
fn deliver(member: &Arc<Connection>, frame: &Frame) -> bool {
    match member.send(frame.clone()) {
        Ok(()) => {
            member.namespace().metrics.deliveries.increment(1);
            member.outbox.is_overflowing()
        }
        Err(Refused::Gone) => false,
        Err(Refused::Full) => {
            match member.gateway().overflow {
                Overflow::Disconnect => member.give_up(),
                Overflow::DropNewest => tracing::warn!(
                    namespace = member.namespace().path(),
                    socket = %member.id(),
                    "a client that does not read fast enough misses a packet"
                ),
            }
            true
        }
    }
}

impl fmt::Debug for Broadcast {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Broadcast")
            .field("namespace", &self.namespace.path())
            .field("rooms", &self.group.rooms)
            .field("except", &self.group.except)
            .finish()
    }
}

/// One room's name, or several.
///
/// ```
/// # fn takes(_: impl gateway_core::Rooms) {}
/// takes("lobby");
/// takes(format!("room:{}", 7));
/// takes(["a", "b"]);
/// takes(vec![String::from("a")]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name rooms",
    label = "expected a string, an array or a `Vec` of strings, or a `SocketId`"
)]
pub trait Rooms {
    #[doc(hidden)]
    fn into_names(self) -> Names;
}

impl Rooms for &str {
    fn into_names(self) -> Names {
        smallvec![rooms::stored(self.to_owned())]
    }
}

impl Rooms for String {
    fn into_names(self) -> Names {
        smallvec![rooms::stored(self)]
    }
}

impl Rooms for &String {
    fn into_names(self) -> Names {
        smallvec![rooms::stored(self.clone())]
    }
}

impl Rooms for SocketId {
    fn into_names(self) -> Names {
        smallvec![self.to_string()]
    }
}

impl<R: Rooms> Rooms for Vec<R> {
    fn into_names(self) -> Names {
        self.into_iter().flat_map(Rooms::into_names).collect()
    }
}

impl<R: Rooms, const N: usize> Rooms for [R; N] {
    fn into_names(self) -> Names {
        self.into_iter().flat_map(Rooms::into_names).collect()
    }
}

impl<R: Rooms + Clone> Rooms for &[R] {
    fn into_names(self) -> Names {
        self.iter().cloned().flat_map(Rooms::into_names).collect()
    }
}
