//! [`Server`]: a gateway's handle to all clients of its namespace.

use std::{fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use smallvec::smallvec;

use crate::{
    inject::{Injected, Need, Provider},
    options::Overflow,
    platform::{Frame, Group, Names, Refused, Sent, SocketId},
    socket::{
        connection::Connection,
        error::{EmitError, JoinError, SocketsError},
        handle::{Socket, check_event},
        namespace::Namespace,
        remote_socket::{self, Fetched, RemoteSocket},
        server_side::ServerSideEvents,
    },
    wire::{Payload, room_names},
};

/// All clients of a gateway's namespace (NestJS: `@WebSocketServer() server`). Cheap to clone.
///
/// A gateway has a field of this type for its own namespace; services inject the gateway.
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

    /// The namespace's path.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.namespace.path()
    }

    /// Sends an event to everyone. See [`Broadcast::emit`].
    ///
    /// # Errors
    /// If the payload cannot be encoded.
    pub async fn emit(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<(), EmitError> {
        self.everyone().emit(event, payload).await
    }

    /// Everyone in any of these rooms; nobody if the list is empty. A socket's id is the name of a room that the
    /// socket is in from the start; others are in it only if the application lets them join a room of that name.
    pub fn to(&self, rooms: impl Rooms) -> Broadcast {
        self.everyone().to(rooms)
    }

    /// Everyone except those in these rooms.
    pub fn except(&self, rooms: impl Rooms) -> Broadcast {
        self.everyone().except(rooms)
    }

    /// All sockets of one user in this namespace, on all devices. The `id` is the one that the
    /// [authenticator](crate::Authenticated::user) gave.
    pub fn user(&self, id: impl fmt::Display) -> Broadcast {
        let mut broadcast = self.everyone();
        broadcast.group.add(smallvec![room_names::of_user(&id.to_string())]);
        broadcast
    }

    /// All clients, each with its identity and its rooms. See [`Broadcast::fetch_sockets`].
    ///
    /// # Errors
    /// If their identity is not a `U`.
    pub async fn fetch_sockets<U: Fetched>(&self) -> Result<Vec<RemoteSocket<U>>, SocketsError> {
        self.everyone().fetch_sockets().await
    }

    /// Makes all clients join rooms. See [`Broadcast::sockets_join`].
    ///
    /// # Errors
    /// When not all of them could be told.
    pub async fn sockets_join(&self, rooms: impl Rooms) -> Result<(), SocketsError> {
        self.everyone().sockets_join(rooms).await
    }

    /// Makes all clients leave rooms. See [`Broadcast::sockets_leave`].
    ///
    /// # Errors
    /// When not all of them could be told.
    pub async fn sockets_leave(&self, rooms: impl Rooms) -> Result<(), SocketsError> {
        self.everyone().sockets_leave(rooms).await
    }

    /// Ends all clients' connections to this namespace. See [`Broadcast::disconnect_sockets`].
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

    /// All clients of this process, in no particular order.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.namespace.everyone().into_iter().map(Socket::new).collect()
    }

    /// How many clients this process has.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        self.namespace.len()
    }

    /// The rooms that have a member.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        self.namespace.hub().rooms().into_iter().filter_map(room_names::shown).collect()
    }

    /// How many clients have been disconnected because they did not read what they were sent.
    #[must_use]
    pub fn slow_clients_disconnected(&self) -> u64 {
        self.namespace.slow_clients()
    }

    /// Sends an event to every process of the application, this one included, where
    /// [`server_side_events`](Self::server_side_events) of the same name yield it. Clients do not hear of it.
    ///
    /// It arrives at most once, like everything that is emitted: a good way to say that there is something new,
    /// but no place to keep it.
    ///
    /// # Errors
    /// If the payload cannot be encoded.
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
    /// [`server_side_emit`](Self::server_side_emit) (NestJS: `server.on(..)` for what `serverSideEmit(..)`
    /// sends).
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

impl Injected for Server {
    fn need() -> Need {
        Need::Server
    }

    fn resolve(provider: &mut Provider) -> Self {
        let namespace = provider.scoped::<Arc<Namespace>>();
        Self::new(namespace.expect("boot checked that the service is a gateway"))
    }
}

/// A set of sockets to emit to, or to do something else with. [`to`](Self::to) adds rooms,
/// [`except`](Self::except) takes rooms away.
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

    /// Adds the sockets in these rooms; each socket receives the event once. An empty list, as in `to([])`, means
    /// nobody, and not everyone.
    pub fn to(mut self, rooms: impl Rooms) -> Self {
        self.group.add(rooms.into_names());
        self
    }

    /// Leaves out the sockets in these rooms. An empty list leaves out nobody.
    pub fn except(mut self, rooms: impl Rooms) -> Self {
        self.group.except.extend(rooms.into_names());
        self
    }

    /// Sends the event. It is encoded once and queued for every member before this returns, without waiting for
    /// any of them. The gateway's [`Overflow`] decides about members whose queue is full.
    ///
    /// # Errors
    /// If the payload cannot be encoded.
    pub async fn emit(
        self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<(), EmitError> {
        check_event(event.as_ref())?;
        let hub = self.namespace.hub();
        let frame = hub.encode_event(event.as_ref(), &payload)?;
        self.namespace.metrics.emits.increment(1);
        let namespace = Arc::clone(&self.namespace);
        let alone = move |frame: &Frame, ids: &[SocketId]| {
            let members = namespace.pick(ids).into_iter();
            members.fold(false, |crowded, member| deliver(&member, frame) | crowded)
        };
        let Sent { together, crowded } = hub.send_to_group(frame, self.group, alone).await;
        self.namespace.metrics.deliveries.increment(together);
        // A loop of emits must give way to the tasks that empty the queues it fills.
        if crowded {
            tokio::task::yield_now().await;
        } else {
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// The sockets that this would reach, each with its identity and its rooms, in no particular order (socket.io:
    /// `fetchSockets`). `U` is the identity that the gateway's authenticator gives, or `()`.
    ///
    /// # Errors
    /// If the clients' identity is not a `U`, even while there are no clients.
    pub async fn fetch_sockets<U: Fetched>(self) -> Result<Vec<RemoteSocket<U>>, SocketsError> {
        remote_socket::found(&self.namespace, self.reached())
    }

    /// Makes every socket that this reaches join rooms, too (socket.io: `socketsJoin`).
    ///
    /// # Errors
    /// If not all of them could be told, or some of them are in too many rooms; the others have then joined.
    pub async fn sockets_join(self, rooms: impl Rooms) -> Result<(), SocketsError> {
        let rooms = rooms.into_names();
        let mut joined = Ok(());
        for connection in self.reached() {
            match connection.join(&rooms) {
                // Who has gone in between is in no room.
                Ok(()) | Err(JoinError::Disconnected) => {}
                // It holds for all of them.
                Err(error @ JoinError::NameTooLong { .. }) => return Err(error.into()),
                Err(error) => joined = Err(error.into()),
            }
        }
        joined
    }

    /// Makes every socket that this reaches leave rooms (socket.io: `socketsLeave`).
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

    /// Ends the connection of every socket that this reaches to this namespace (socket.io:
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

    /// The sockets of this process that it would reach, in no particular order.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.reached().into_iter().map(Socket::new).collect()
    }

    fn reached(&self) -> Vec<Arc<Connection>> {
        self.namespace.pick(&self.namespace.hub().reached(&self.group))
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
            match member.namespace().options.overflow {
                Overflow::Disconnect => member.give_up(),
                Overflow::DropNewest => member.namespace().count_dropped_packet(),
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

/// The name of one room, or of several.
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
        smallvec![room_names::stored(self.to_owned())]
    }
}

impl Rooms for String {
    fn into_names(self) -> Names {
        smallvec![room_names::stored(self)]
    }
}

impl Rooms for &String {
    fn into_names(self) -> Names {
        smallvec![room_names::stored(self.clone())]
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
