//! [`Server`]: all clients of a namespace, as gateways hold it.

use std::{fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use smallvec::smallvec;

use crate::{
    error::EmitError,
    namespace::Namespace,
    outbox::{NotSent, Overflow},
    platform::{Frame, Group, Names, SocketId},
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

    /// A client by its id.
    #[must_use]
    pub fn socket(&self, id: SocketId) -> Option<Socket> {
        self.namespace.client(id).map(Socket::new)
    }

    /// All clients, in no order.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.namespace.everyone().into_iter().map(Socket::new).collect()
    }

    /// How many clients there are.
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

/// An emit to many, under construction: rooms are added with [`to`](Self::to), taken away with
/// [`except`](Self::except).
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn tell(server: Server) -> Result<(), EmitError> {
/// server.to("staff").to("guests").except("muted").emit("notice", "closing soon").await
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is sent before `emit`"]
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

    /// Ends the connection to this namespace of every socket this reaches.
    pub fn disconnect(self) {
        for socket in self.sockets() {
            socket.disconnect();
        }
    }

    /// The sockets this would reach, in no order.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        let Some(hub) = self.namespace.hub() else { return Vec::new() };
        let members = hub.reached(&self.group);
        self.namespace.pick(&members).into_iter().map(Socket::new).collect()
    }
}

/// Queues a frame for one member; says whether its queue is growing.
fn deliver(member: &Arc<crate::connection::Connection>, frame: &Frame) -> bool {
    match member.send(frame.clone()) {
        Ok(()) => {
            member.namespace().metrics.deliveries.increment(1);
            member.outbox.is_overflowing()
        }
        Err(NotSent::Gone) => false,
        Err(NotSent::Full) => {
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
