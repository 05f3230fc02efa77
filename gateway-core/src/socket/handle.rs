//! [`Socket`]: a handler's handle to one client.

use std::{fmt, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::{
    auth::handshake::Handshake,
    clock,
    limits::reached,
    platform::{Answer, Frame, Outstanding, SocketId, Transport},
    socket::{
        connection::Connection,
        error::{AckError, EmitError, JoinError},
        server::{Broadcast, Rooms},
    },
    wire::{InboundArguments, Payload},
};

/// One client in one namespace (NestJS: `@ConnectedSocket() client`). Cheap to clone.
///
/// ```
/// # use gateway_core::prelude::*;
/// # struct ChatGateway;
/// # impl ChatGateway {
/// async fn join_room(&self, socket: Socket, MessageBody(room): MessageBody<String>) -> Result<(), WsException> {
///     socket.join(&room).await?;
///     socket.to(&room).emit("user-joined", &room).await?;
///     Ok(())
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Socket {
    connection: Arc<Connection>,
}

impl Socket {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// The id that the client itself knows as `socket.id`.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.connection.id()
    }

    /// The namespace's path.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.connection.namespace().path()
    }

    /// Whether the client is still connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        !self.connection.is_closed()
    }

    /// How the client is connected right now; `None` once it is gone.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        self.connection.link.transport()
    }

    /// What the client sent when it connected.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.connection.handshake
    }

    /// The socket's own `T`, created with `T::default()` the first time it is asked for, and the same one
    /// from then on (socket.io: `socket.data`).
    #[must_use]
    pub fn data<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.connection.data()
    }

    /// Sends an event; waits while the client's queue is full, for at most
    /// [`emit_timeout`](crate::AppBuilder::emit_timeout).
    ///
    /// `Ok` means that the event is on its way, in order; only an acknowledgement shows that it has arrived.
    ///
    /// # Errors
    /// If the payload cannot be encoded, the client is gone, or its queue stayed full.
    pub async fn emit(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<(), EmitError> {
        let frame = self.encode(event.as_ref(), &payload)?;
        let patience = self.connection.emit_timeout();
        self.connection.send_waiting(frame, patience).await?;
        self.count_delivery();
        Ok(())
    }

    /// Sends an event, or fails at once if the client's queue is full.
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit); [`EmitError::Full`] without waiting.
    pub fn try_emit(&self, event: impl AsRef<str>, payload: impl Payload) -> Result<(), EmitError> {
        let frame = self.encode(event.as_ref(), &payload)?;
        self.connection.send(frame)?;
        self.count_delivery();
        Ok(())
    }

    /// Sends an event and waits for its acknowledgement, for at most
    /// [`ack_timeout`](crate::AppBuilder::ack_timeout). A tuple takes all arguments of the acknowledgement, any
    /// other type the first; they are read in the same way as a [`MessageBody`](crate::MessageBody).
    ///
    /// # Errors
    /// If the event was not sent, the client did not answer, or its answer is not a `T`.
    pub async fn emit_with_ack<T: DeserializeOwned>(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<T, AckError> {
        self.request(event, payload).await?.answer().await
    }

    /// The first half of [`emit_with_ack`](Self::emit_with_ack): sends the event like [`emit`](Self::emit), and
    /// lets the caller decide when to wait for the acknowledgement. Several requests in a row are sent in that
    /// order, and none of them waits for the answer to the one before.
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit); [`EmitError::TooManyAsks`] if too many answers are already awaited.
    pub async fn request(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<PendingAck, EmitError> {
        let namespace = self.connection.namespace();
        let Some(asked) = self.connection.link.ask(namespace.caps.outstanding_asks) else {
            reached::outstanding_asks(namespace.path());
            return Err(EmitError::TooManyAsks);
        };
        let frame = self.encode(event.as_ref(), &payload)?;
        let answer = self.connection.send_with_ack(frame, self.connection.emit_timeout()).await?;
        self.count_delivery();
        let connection = Arc::clone(&self.connection);
        let patience = connection.namespace().settings.ack_timeout;
        Ok(PendingAck { answer, connection, sent: clock::now(), patience, _asked: asked })
    }

    /// Resolves once the client is gone, for tasks that serve one socket.
    pub async fn disconnected(&self) {
        self.connection.gone().await;
    }

    /// Joins one room, or several.
    ///
    /// # Errors
    /// If the client is gone, would be in too many rooms, or a name is too long. It has then joined none of
    /// them.
    pub async fn join(&self, rooms: impl Rooms) -> Result<(), JoinError> {
        self.connection.join(&rooms.into_names())
    }

    /// Leaves one room, or several.
    pub async fn leave(&self, rooms: impl Rooms) {
        self.connection.leave(rooms.into_names());
    }

    /// The rooms that it is in, in no particular order; once it is gone, those that it was in.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        self.connection.rooms()
    }

    /// Whether it is in a room.
    #[must_use]
    pub fn in_room(&self, room: &str) -> bool {
        self.connection.rooms().iter().any(|name| name == room)
    }

    /// Everyone in these rooms except this socket.
    pub fn to(&self, rooms: impl Rooms) -> Broadcast {
        self.broadcast().to(rooms)
    }

    /// Everyone in the namespace except this socket.
    pub fn broadcast(&self) -> Broadcast {
        let namespace = Arc::clone(self.connection.namespace());
        Broadcast::new(namespace).except(self.id().to_string())
    }

    /// The user's id, if an authenticator gave one.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.connection.user()
    }

    /// Ends the connection to this namespace. The client stays in its other namespaces, and does not reconnect by
    /// itself.
    pub fn disconnect(&self) {
        self.connection.disconnect();
    }

    fn encode(&self, event: &str, payload: &impl Payload) -> Result<Frame, EmitError> {
        check_event(event)?;
        let frame = self.connection.namespace().hub().encode_event(event, payload)?;
        self.connection.namespace().metrics.emits.increment(1);
        Ok(frame)
    }

    fn count_delivery(&self) {
        self.connection.namespace().metrics.deliveries.increment(1);
    }
}

/// The acknowledgement of an event that was sent with [`Socket::request`].
///
/// ```
/// # use std::time::Duration;
/// # use gateway_core::prelude::*;
/// # async fn deliver(socket: &Socket, parcels: &[String]) -> Result<(), AckError> {
/// let mut pending = Vec::new();
/// for parcel in parcels {
///     pending.push(socket.request("parcel", parcel).await?);
/// }
/// for ack in pending {
///     let _signature: String = ack.within(Duration::from_secs(60)).answer().await?;
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "an acknowledgement that is not awaited is lost"]
pub struct PendingAck {
    answer: Answer,
    connection: Arc<Connection>,
    sent: Instant,
    patience: Duration,
    _asked: Outstanding,
}

impl PendingAck {
    /// Waits this long, counted from when the event was sent, instead of
    /// [`ack_timeout`](crate::AppBuilder::ack_timeout).
    pub fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Waits for the acknowledgement. A tuple takes all its arguments, any other type the first.
    ///
    /// # Errors
    /// If the client did not answer, or its answer is not a `T`.
    pub async fn answer<T: DeserializeOwned>(self) -> Result<T, AckError> {
        let Self { answer, connection, sent, patience, _asked } = self;
        let packet = tokio::select! {
            // What came in time counts, even if the client has left since and this task has used up its turn.
            biased;
            packet = tokio::task::unconstrained(answer.packet()) => packet,
            () = connection.gone() => None,
            () = tokio::time::sleep(patience.saturating_sub(sent.elapsed())) => {
                return Err(AckError::Timeout);
            }
        };
        let packet = packet.ok_or(EmitError::Disconnected)?;
        InboundArguments::acknowledgement(packet.text(), packet.attachments())
            .decode()
            .map_err(|error| AckError::Decode(error.to_string()))
    }
}

impl fmt::Debug for PendingAck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PendingAck")
            .field("user", &self.connection.user())
            .finish_non_exhaustive()
    }
}

/// Checks that an event of this name may be emitted.
pub(crate) fn check_event(event: &str) -> Result<(), EmitError> {
    gateway_names::emitted(event).map_err(|_| EmitError::ReservedEvent(event.to_owned()))
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.connection, &other.connection)
    }
}

impl Eq for Socket {}

/// Without its id, which is a key to the session, because arguments of functions end up in logs.
impl fmt::Debug for Socket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Socket")
            .field("namespace", &self.namespace())
            .field("user", &self.user())
            .finish_non_exhaustive()
    }
}
