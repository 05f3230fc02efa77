//! [`Socket`]: one client, as handlers hold it.

use std::{fmt, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::{
    connection::Connection,
    error::{AckError, Disconnected, EmitError},
    handshake::Handshake,
    platform::{Answer, Frame, SocketId, Transport},
    server::{Broadcast, Rooms},
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

    /// What the client itself calls `socket.id`.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.connection.id()
    }

    /// The path of the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.connection.namespace().path()
    }

    /// Whether the client is still there.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        !self.connection.is_closed()
    }

    /// How the client is connected right now; `None` once it is gone.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        self.connection.link.transport()
    }

    /// What the client brought along when it connected.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.connection.handshake
    }

    /// The socket's own `T`, made with `T::default()` when it is first asked for, and the same one
    /// from then on (socket.io: `socket.data`).
    #[must_use]
    pub fn data<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.connection.data()
    }

    /// Sends an event; waits while the client's queue is full, at most for
    /// [`emit_timeout`](crate::AppBuilder::emit_timeout).
    ///
    /// `Ok` says that the event is on its way, in order; only an acknowledgement says that it came.
    ///
    /// # Errors
    /// When the payload cannot be encoded, the client is gone, or its queue stayed full.
    pub async fn emit(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<(), EmitError> {
        let frame = self.encode(event.as_ref(), &payload)?;
        let patience = self.connection.gateway().settings.emit_timeout;
        self.connection.send_waiting(frame, patience).await?;
        self.count_delivery();
        Ok(())
    }

    /// Sends an event, or says at once that the client's queue is full.
    ///
    /// # Errors
    /// As [`emit`](Self::emit); [`EmitError::Full`] without waiting.
    pub fn try_emit(&self, event: impl AsRef<str>, payload: impl Payload) -> Result<(), EmitError> {
        let frame = self.encode(event.as_ref(), &payload)?;
        self.connection.send(frame)?;
        self.count_delivery();
        Ok(())
    }

    /// Sends an event and waits for its acknowledgement, at most for
    /// [`ack_timeout`](crate::AppBuilder::ack_timeout). A tuple takes all arguments of the
    /// acknowledgement, any other type the first.
    ///
    /// # Errors
    /// When the event was not sent, the client did not answer, or with something else than a `T`.
    pub async fn emit_with_ack<T: DeserializeOwned>(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<T, AckError> {
        self.request(event, payload).await?.answer().await
    }

    /// The first half of [`emit_with_ack`](Self::emit_with_ack): sends the event as
    /// [`emit`](Self::emit) does, and leaves it to the caller when to look for the acknowledgement.
    /// Several in a row leave in that order, and none waits for the answer to the one before.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub async fn request(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<PendingAck, EmitError> {
        let frame = self.encode(event.as_ref(), &payload)?;
        let settings = &self.connection.gateway().settings;
        let answer = self.connection.send_with_ack(frame, settings.emit_timeout).await?;
        self.count_delivery();
        let connection = Arc::clone(&self.connection);
        Ok(PendingAck { answer, connection, sent: Instant::now(), patience: settings.ack_timeout })
    }

    /// Resolves once the client is gone; for tasks that serve one socket.
    pub async fn disconnected(&self) {
        self.connection.gone().await;
    }

    /// Enters rooms: a name, or several.
    ///
    /// # Errors
    /// When the client is gone; nothing is left behind then.
    pub async fn join(&self, rooms: impl Rooms) -> Result<(), Disconnected> {
        if self.connection.join(rooms.into_names()) { Ok(()) } else { Err(Disconnected) }
    }

    /// Leaves rooms: a name, or several.
    pub async fn leave(&self, rooms: impl Rooms) {
        self.connection.leave(rooms.into_names());
    }

    /// The rooms it is in, in no order; once it is gone, those it was in.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        self.connection.rooms()
    }

    /// Whether it is in a room.
    #[must_use]
    pub fn in_room(&self, room: &str) -> bool {
        self.connection.rooms().iter().any(|name| name == room)
    }

    /// Everyone in these rooms but this socket.
    pub fn to(&self, rooms: impl Rooms) -> Broadcast {
        self.broadcast().to(rooms)
    }

    /// Everyone in the namespace but this socket.
    pub fn broadcast(&self) -> Broadcast {
        let namespace = Arc::clone(&self.connection.gateway().namespace);
        Broadcast::new(namespace).except(self.id().to_string())
    }

    /// The id of the user, when an authenticator gave one.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.connection.session()?.user().map(str::to_owned)
    }

    /// Ends the connection to this namespace. The client's other namespaces live on, and it does
    /// not come back by itself.
    pub fn disconnect(&self) {
        self.connection.disconnect();
    }

    fn encode(&self, event: &str, payload: &impl Payload) -> Result<Frame, EmitError> {
        check_event(event)?;
        let hub = self.connection.namespace().hub().ok_or(EmitError::Disconnected)?;
        let frame = hub.encode_event(event, payload)?;
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
#[must_use = "an acknowledgement nobody waits for is lost"]
pub struct PendingAck {
    answer: Answer,
    connection: Arc<Connection>,
    sent: Instant,
    patience: Duration,
}

impl PendingAck {
    /// Waits so long, from the sending on, instead of
    /// [`ack_timeout`](crate::AppBuilder::ack_timeout).
    pub fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Waits for it. A tuple takes all its arguments, any other type the first.
    ///
    /// # Errors
    /// When the client did not answer, or with something else than a `T`.
    pub async fn answer<T: DeserializeOwned>(self) -> Result<T, AckError> {
        let Self { answer, connection, sent, patience } = self;
        let packet = tokio::select! {
            // What came in time counts, even where the client has left since and this task has used
            // up its turn.
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
            .map_err(|error| AckError::Decode(error.field.message))
    }
}

impl fmt::Debug for PendingAck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PendingAck")
            .field("socket", &self.connection.id())
            .finish_non_exhaustive()
    }
}

/// Names that mean something else to a client than an event: its `socket.on("disconnect")` would
/// fire.
pub(crate) fn check_event(event: &str) -> Result<(), EmitError> {
    match event {
        "connect" | "connect_error" | "disconnect" | "disconnecting" | "newListener"
        | "removeListener" => Err(EmitError::ReservedEvent(event.to_owned())),
        _ => Ok(()),
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.connection, &other.connection)
    }
}

impl Eq for Socket {}

impl fmt::Debug for Socket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Socket")
            .field("id", &self.id())
            .field("namespace", &self.namespace())
            .finish()
    }
}
