//! [`Socket`]: a handler's handle to one client.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::{
    auth::handshake::Handshake,
    clock,
    limits::reached,
    platform::{Answer, Frame, Outstanding, SocketId, Transport},
    socket::{
        broadcast::Broadcast,
        connection::Connection,
        error::{AckError, EmitError, JoinError},
        event::{Acknowledged, Event},
        rooms::Rooms,
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
        self.wait_and_send(frame).await
    }

    /// Sends a declared event, like [`emit`](Self::emit).
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit).
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # use serde::Serialize;
    /// #[derive(Serialize, Event)]
    /// #[event("welcome")]
    /// struct Welcome<'a> {
    ///     motd: &'a str,
    /// }
    ///
    /// async fn greet(socket: &Socket) -> Result<(), EmitError> {
    ///     socket.send(&Welcome { motd: "hello" }).await
    /// }
    /// ```
    pub async fn send<E: Event + ?Sized>(&self, event: &E) -> Result<(), EmitError> {
        let frame = self.encode(E::NAME, &event.sent())?;
        self.wait_and_send(frame).await
    }

    /// Sends an event, or fails at once if the client's queue is full.
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit); [`EmitError::Full`] without waiting.
    pub fn try_emit(&self, event: impl AsRef<str>, payload: impl Payload) -> Result<(), EmitError> {
        self.send_at_once(self.encode(event.as_ref(), &payload)?)
    }

    /// Sends a declared event, like [`try_emit`](Self::try_emit).
    ///
    /// # Errors
    /// Those of [`try_emit`](Self::try_emit).
    pub fn try_send<E: Event + ?Sized>(&self, event: &E) -> Result<(), EmitError> {
        self.send_at_once(self.encode(E::NAME, &event.sent())?)
    }

    /// For events that are dropped where they would have to wait (socket.io: `socket.volatile`). See
    /// [`Broadcast::volatile`].
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # async fn tick(socket: &Socket, price: f64) -> Result<(), EmitError> {
    /// socket.volatile().emit("price", price).await
    /// # }
    /// ```
    pub fn volatile(&self) -> Volatile<'_> {
        Volatile(self)
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
        self.emit_for_ack(event, payload).await?.answer().await
    }

    /// The first half of [`emit_with_ack`](Self::emit_with_ack): sends the event like [`emit`](Self::emit), and
    /// lets the caller decide when to wait for the acknowledgement. Several in a row are sent in that order, and none of
    /// them waits for the answer to the one before.
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit); [`EmitError::TooManyAsks`] if too many answers are already awaited.
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # async fn deliver(socket: &Socket, parcels: &[String]) -> Result<(), AckError> {
    /// let mut pending = Vec::new();
    /// for parcel in parcels {
    ///     pending.push(socket.emit_for_ack::<String>("parcel", parcel).await?);
    /// }
    /// for ack in pending {
    ///     println!("signed by {}", ack.answer().await?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn emit_for_ack<T: DeserializeOwned>(
        &self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<PendingAck<T>, EmitError> {
        let asked = self.may_ask()?;
        let frame = self.encode(event.as_ref(), &payload)?;
        self.ask(frame, asked).await
    }

    /// Sends a declared event that clients acknowledge, like [`emit_for_ack`](Self::emit_for_ack). The event's declaration
    /// says what is answered.
    ///
    /// # Errors
    /// Those of [`emit_for_ack`](Self::emit_for_ack).
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # use serde::Serialize;
    /// #[derive(Serialize, Event)]
    /// #[event("continue?", ack = bool)]
    /// struct Continue;
    ///
    /// async fn goes_on(socket: &Socket) -> Result<bool, AckError> {
    ///     socket.request(&Continue).await?.answer().await
    /// }
    /// ```
    pub async fn request<E: Acknowledged + ?Sized>(
        &self,
        event: &E,
    ) -> Result<PendingAck<E::Ack>, EmitError> {
        self.request_as(event).await
    }

    /// The same, with the acknowledgement to be read as another type.
    pub(crate) async fn request_as<T, E: Acknowledged + ?Sized>(
        &self,
        event: &E,
    ) -> Result<PendingAck<T>, EmitError> {
        let asked = self.may_ask()?;
        let frame = self.encode(E::NAME, &event.sent())?;
        self.ask(frame, asked).await
    }

    /// Counts a question until its answer is awaited no more.
    fn may_ask(&self) -> Result<Outstanding, EmitError> {
        let namespace = self.connection.namespace();
        self.connection.link.ask(namespace.caps.outstanding_asks).ok_or_else(|| {
            reached::outstanding_asks(namespace.path());
            EmitError::TooManyAsks
        })
    }

    async fn ask<T>(&self, frame: Frame, asked: Outstanding) -> Result<PendingAck<T>, EmitError> {
        let answer = self.connection.send_with_ack(frame, self.connection.emit_timeout()).await?;
        self.count_delivery();
        let connection = Arc::clone(&self.connection);
        let patience = connection.namespace().settings.ack_timeout;
        let sent = clock::now();
        Ok(PendingAck { answer, connection, sent, patience, _asked: asked, read: PhantomData })
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

    /// Ends the client's whole connection, with all its namespaces (NestJS: `client.disconnect(true)`), after what it was
    /// sent before. It is told so in each namespace, and does not reconnect by itself; a client that does not end the
    /// connection then is cut off after a second.
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # struct Gateway;
    /// # impl Gateway {
    /// async fn log_out(&self, socket: Socket) {
    ///     socket.close_connection();
    /// }
    /// # }
    /// ```
    pub fn close_connection(&self) {
        self.connection.hang_up();
    }

    fn encode(&self, event: &str, payload: &impl Payload) -> Result<Frame, EmitError> {
        self.connection.namespace().may_emit(event)?;
        let frame = self.connection.namespace().hub().encode_event(event, payload)?;
        // Who is gone is sent nothing.
        if self.connection.is_observed() && self.is_connected() {
            self.connection.tell_sent(&frame, "");
        }
        self.connection.namespace().metrics.emits.increment(1);
        Ok(frame)
    }

    async fn wait_and_send(&self, frame: Frame) -> Result<(), EmitError> {
        self.connection.send_waiting(frame, self.connection.emit_timeout()).await?;
        self.count_delivery();
        Ok(())
    }

    fn send_at_once(&self, frame: Frame) -> Result<(), EmitError> {
        self.connection.send(frame)?;
        self.count_delivery();
        Ok(())
    }

    fn send_if_free(&self, frame: Frame) -> Result<(), EmitError> {
        if self.connection.send_if_free(frame)? {
            self.count_delivery();
        }
        Ok(())
    }

    fn count_delivery(&self) {
        self.connection.namespace().metrics.deliveries.increment(1);
    }
}

/// One client, for events that it may miss: [`Socket::volatile`].
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn follow(socket: &Socket, positions: &[u32]) -> Result<(), EmitError> {
/// for position in positions {
///     socket.volatile().emit("position", position).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use = "nothing happens before `emit`"]
pub struct Volatile<'a>(&'a Socket);

impl Volatile<'_> {
    /// Sends an event, unless more than a little is still on its way to the client: it is then dropped, and counted in
    /// `gateway_dropped_volatile_total`.
    ///
    /// # Errors
    /// If the payload cannot be encoded, or the client is gone.
    pub async fn emit(
        self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<(), EmitError> {
        let Self(socket) = self;
        socket.send_if_free(socket.encode(event.as_ref(), &payload)?)
    }

    /// Sends a declared event, like [`emit`](Self::emit).
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit).
    pub async fn send<E: Event + ?Sized>(self, event: &E) -> Result<(), EmitError> {
        let Self(socket) = self;
        socket.send_if_free(socket.encode(E::NAME, &event.sent())?)
    }
}

/// The acknowledgement of an event that was sent with [`Socket::request`] or [`Socket::emit_for_ack`], which is read as a
/// `T`. A tuple takes all its arguments, any other type the first.
///
/// ```
/// # use std::time::Duration;
/// # use gateway_core::prelude::*;
/// # async fn deliver(socket: &Socket, parcels: &[String]) -> Result<(), AckError> {
/// let mut pending = Vec::new();
/// for parcel in parcels {
///     pending.push(socket.emit_for_ack("parcel", parcel).await?);
/// }
/// for ack in pending {
///     let _signature: String = ack.within(Duration::from_secs(60)).answer().await?;
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "an acknowledgement that is not awaited is lost"]
pub struct PendingAck<T> {
    answer: Answer,
    connection: Arc<Connection>,
    sent: Instant,
    patience: Duration,
    _asked: Outstanding,
    read: PhantomData<fn() -> T>,
}

impl<T> PendingAck<T> {
    /// Waits this long, counted from when the event was sent, instead of
    /// [`ack_timeout`](crate::AppBuilder::ack_timeout).
    pub fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Waits for the acknowledgement.
    ///
    /// # Errors
    /// If the client did not answer, or its answer is not a `T`.
    pub async fn answer(self) -> Result<T, AckError>
    where
        T: DeserializeOwned,
    {
        let Self { answer, connection, sent, patience, _asked, read: _ } = self;
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

impl<T> fmt::Debug for PendingAck<T> {
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
