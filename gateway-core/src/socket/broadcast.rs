//! [`Broadcast`]: many sockets at once, in all processes of the application.

use std::{fmt, marker::PhantomData, sync::Arc};

use serde::de::DeserializeOwned;
use smallvec::smallvec;

use crate::{
    cluster::{Adapter, Message},
    defaults::{CLUSTER_LARGEST, CLUSTER_TIMEOUT},
    platform::{Frame, Group},
    socket::{
        acks::Acks,
        connection::Connection,
        error::{EmitError, JoinError, SocketsError},
        event::{Acknowledged, EmittedBy, Event},
        handle::Socket,
        namespace::Namespace,
        remote_socket::{AvailableSockets, Fetched, RemoteSocket},
        rooms::Rooms,
        server::Own,
    },
    wire::{Payload, room_names},
};

/// A set of sockets to emit to, or to do something else with. [`to`](Self::to) adds rooms,
/// [`except`](Self::except) takes rooms away.
///
/// With a cluster, it reaches the sockets of all processes of the application. Those of this process come first, and never
/// wait for the others. [`local`](Self::local) leaves the others out.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn tell(server: Server) -> Result<(), EmitError> {
/// server.to("staff").to("guests").except("muted").emit("notice", "closing soon").await
/// # }
/// ```
#[must_use = "nothing happens before `emit`, or another of its methods"]
pub struct Broadcast<G = Own> {
    audience: Audience,
    gateway: PhantomData<fn() -> G>,
}

/// Who is meant, whichever gateway they are of.
#[derive(Clone)]
pub(super) struct Audience {
    pub(super) namespace: Arc<Namespace>,
    pub(super) group: Group,
    local: bool,
    is_volatile: bool,
}

impl<G> Broadcast<G> {
    pub(crate) fn new(namespace: Arc<Namespace>) -> Self {
        let audience =
            Audience { namespace, group: Group::default(), local: false, is_volatile: false };
        Self { audience, gateway: PhantomData }
    }

    /// Adds the sockets in these rooms; each socket receives the event once. An empty list, as in `to([])`, means
    /// nobody, and not everyone.
    pub fn to(mut self, rooms: impl Rooms) -> Self {
        self.audience.group.add(rooms.into_names());
        self
    }

    /// Leaves out the sockets in these rooms. An empty list leaves out nobody.
    pub fn except(mut self, rooms: impl Rooms) -> Self {
        self.audience.group.except.extend(rooms.into_names());
        self
    }

    /// Adds all sockets of a user.
    pub(super) fn of_user(mut self, id: &str) -> Self {
        self.audience.group.add(smallvec![room_names::of_user(id)]);
        self
    }

    /// Only the sockets of this process (socket.io: `local`).
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # async fn warn(server: Server) -> Result<(), EmitError> {
    /// // Each process tells its own clients, when its own time has come.
    /// server.to("lobby").local().emit("restarting", 30).await
    /// # }
    /// ```
    pub fn local(mut self) -> Self {
        self.audience.local = true;
        self
    }

    /// For events that are worthless once a newer one is there, such as a cursor that moves, or somebody typing (socket.io:
    /// `volatile`): [`emit`](Self::emit) then passes over sockets to which more than a little is still on its way, because
    /// they read too slowly or are just being sent something large. For them it is not kept, so a slow reader never falls
    /// behind for it, nor is disconnected. How many were passed over is counted in `gateway_dropped_volatile_total`.
    ///
    /// Other processes are told that it is volatile, and are not told of it at all while they cannot be reached. An event
    /// that asks for acknowledgements is sent as if it were not volatile.
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # async fn follow(socket: Socket) -> Result<(), EmitError> {
    /// socket.to("board").volatile().emit("cursor", [120, 80]).await
    /// # }
    /// ```
    pub fn volatile(mut self) -> Self {
        self.audience.is_volatile = true;
        self
    }

    /// Sends the event. It is encoded once and queued for every member before this returns, without waiting for
    /// any of them. The gateway's [`Overflow`](crate::Overflow) decides about members whose queue is full.
    ///
    /// Other processes are sent it in the order of this process's emits. While they cannot be reached, it is kept for
    /// them, for some seconds.
    ///
    /// # Errors
    /// If the payload cannot be encoded, or is too large for other processes.
    pub async fn emit(
        self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<(), EmitError> {
        let frame = self.audience.encode(event.as_ref(), &payload)?;
        self.audience.emit(frame).await;
        Ok(())
    }

    /// Sends a declared event, like [`emit`](Self::emit). The compiler sees to it that the gateway of a `Server<G>` lists
    /// it in its `emits(..)`.
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit).
    ///
    /// ```
    /// # mod app {
    /// # use gateway_core::prelude::*;
    /// # use serde::Serialize;
    /// #[derive(Serialize, Event)]
    /// #[event("goal")]
    /// pub struct Goal {
    ///     minute: u8,
    /// }
    ///
    /// #[web_socket_gateway(namespace = "/match", emits(Goal))]
    /// pub struct MatchGateway;
    ///
    /// async fn score(fans: Server<MatchGateway>) -> Result<(), EmitError> {
    ///     fans.to("home").to("away").send(&Goal { minute: 90 }).await
    /// }
    /// # }
    /// ```
    pub async fn send<E: Event + EmittedBy<G> + ?Sized>(self, event: &E) -> Result<(), EmitError> {
        let frame = self.audience.encode(E::NAME, &event.sent())?;
        self.audience.emit(frame).await;
        Ok(())
    }

    /// Sends a declared event and waits for the acknowledgements of all sockets that it reaches, like
    /// [`emit_with_ack`](Self::emit_with_ack). The event's declaration says what they answer.
    ///
    /// # Errors
    /// If the payload cannot be encoded, or is too large for other processes.
    pub async fn request<E: Acknowledged + EmittedBy<G> + ?Sized>(
        self,
        event: &E,
    ) -> Result<Acks<E::Ack>, EmitError> {
        let frame = self.audience.encode(E::NAME, &event.sent())?;
        Ok(Acks::of(&self.audience, frame).await)
    }

    /// Sends the event and waits for the acknowledgements of all sockets that it reaches (socket.io:
    /// `timeout(..).emitWithAck(..)`), until each of them has answered or left, for at most
    /// [`ack_timeout`](crate::AppBuilder::ack_timeout); for half a second more, if they are in other processes. It is not
    /// an error if some do not answer: the [`Acks`] tell who did not.
    ///
    /// An answer is read as an `R` in the same way as by [`Socket::emit_with_ack`]. A socket for which too many answers
    /// are already awaited ([`Limits::outstanding_asks`](crate::Limits::outstanding_asks)) is not sent the event. In
    /// other processes, it may overtake what was emitted before, or be overtaken: it takes another way.
    ///
    /// # Errors
    /// If the payload cannot be encoded, or is too large for other processes.
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # async fn vote(server: Server) -> Result<(), EmitError> {
    /// let votes = server.to("jury").emit_with_ack::<bool>("guilty?", ()).await?;
    /// let guilty = votes.answers.iter().filter(|(_, guilty)| *guilty).count();
    /// println!("{guilty} of {} say yes, {} say nothing", votes.answers.len(), votes.missing.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn emit_with_ack<R: DeserializeOwned>(
        self,
        event: impl AsRef<str>,
        payload: impl Payload,
    ) -> Result<Acks<R>, EmitError> {
        let frame = self.audience.encode(event.as_ref(), &payload)?;
        Ok(Acks::of(&self.audience, frame).await)
    }

    /// The sockets that this would reach, each with its identity and its rooms, in no particular order (socket.io:
    /// `fetchSockets`). `U` is the identity that the gateway's authenticator gives, or `()`.
    ///
    /// # Errors
    /// If the clients' identity is not a `U`, even while there are no clients; if another process has not answered within
    /// [two seconds](crate::defaults::CLUSTER_TIMEOUT). What is found is never only a part:
    /// [`fetch_available`](Self::fetch_available) gives that.
    pub async fn fetch_sockets<U: Fetched>(self) -> Result<Vec<RemoteSocket<U>>, SocketsError> {
        AvailableSockets::of(&self.audience).await?.all()
    }

    /// As [`fetch_sockets`](Self::fetch_sockets), but those of the processes that have answered, and who has not.
    ///
    /// # Errors
    /// If the clients' identity is not a `U`, even while there are no clients.
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # async fn count(server: Server) -> Result<(), SocketsError> {
    /// let found = server.to("lobby").fetch_available::<()>().await?;
    /// let at_least = if found.unanswered.is_empty() { "" } else { "at least " };
    /// println!("{at_least}{} in the lobby", found.sockets.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fetch_available<U: Fetched>(self) -> Result<AvailableSockets<U>, SocketsError> {
        AvailableSockets::of(&self.audience).await
    }

    /// Makes every socket that this reaches join rooms, too (socket.io: `socketsJoin`). When this returns, all of them
    /// have, in all processes.
    ///
    /// # Errors
    /// If some sockets of this process are in too many rooms, or a name is too long; the others have then joined. If other
    /// processes have not told within [two seconds](crate::defaults::CLUSTER_TIMEOUT) that it is done, or cannot be
    /// reached: it is then done here.
    pub async fn sockets_join(self, rooms: impl Rooms) -> Result<(), SocketsError> {
        let rooms = rooms.into_names();
        let mut joined = Ok(());
        for connection in self.audience.reached() {
            match connection.join(&rooms) {
                // Who has gone in between is in no room.
                Ok(()) | Err(JoinError::Disconnected) => {}
                // It holds for all of them.
                Err(error @ JoinError::NameTooLong { .. }) => return Err(error.into()),
                Err(error) => joined = Err(error.into()),
            }
        }
        self.audience.have_others(|group| Message::Join { group, rooms }).await?;
        joined
    }

    /// Makes every socket that this reaches leave rooms (socket.io: `socketsLeave`). When this returns, all of them have,
    /// in all processes.
    ///
    /// # Errors
    /// If other processes have not told within [two seconds](crate::defaults::CLUSTER_TIMEOUT) that it is done, or cannot
    /// be reached: it is then done here.
    pub async fn sockets_leave(self, rooms: impl Rooms) -> Result<(), SocketsError> {
        let rooms = rooms.into_names();
        for connection in self.audience.reached() {
            connection.leave(rooms.clone());
        }
        self.audience.have_others(|group| Message::Leave { group, rooms }).await
    }

    /// Ends the connection of every socket that this reaches to this namespace (socket.io:
    /// `disconnectSockets`), after what it was sent before.
    ///
    /// # Errors
    /// If other processes have not told within [two seconds](crate::defaults::CLUSTER_TIMEOUT) that it is done, or cannot
    /// be reached: it is then done here.
    pub async fn disconnect_sockets(self) -> Result<(), SocketsError> {
        for connection in self.audience.reached() {
            connection.disconnect();
        }
        self.audience.have_others(|group| Message::Disconnect { group, close: false }).await
    }

    /// Ends the whole connection of every socket that this reaches, with all its namespaces (socket.io:
    /// `disconnectSockets(true)`), like [`Socket::close_connection`].
    ///
    /// # Errors
    /// If other processes have not told within [two seconds](crate::defaults::CLUSTER_TIMEOUT) that it is done, or cannot
    /// be reached: it is then done here.
    pub async fn close_connections(self) -> Result<(), SocketsError> {
        for connection in self.audience.reached() {
            connection.hang_up();
        }
        self.audience.have_others(|group| Message::Disconnect { group, close: true }).await
    }

    /// The sockets **of this process** that it would reach, in no particular order. Those of all processes are
    /// [fetched](Self::fetch_sockets); what is to be done with all of them is done by
    /// [`sockets_join`](Self::sockets_join) and its neighbours, not by a loop over these.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.audience.reached().into_iter().map(Socket::new).collect()
    }
}

impl Audience {
    /// What is to be sent to them. Observers are told of it now.
    fn encode(&self, event: &str, payload: &impl Payload) -> Result<Frame, EmitError> {
        self.namespace.may_emit(event)?;
        let frame = self.namespace.hub().encode_event(event, payload)?;
        if self.adapter().is_some() {
            check_size(frame.size())?;
        }
        self.namespace.tell_sent(&frame, event, &self.group, self.local);
        self.namespace.metrics.emits.increment(1);
        Ok(frame)
    }

    async fn emit(self, frame: Frame) {
        let Self { namespace, group, local, is_volatile } = self;
        let sending = match namespace.adapter_unless(local) {
            None => namespace.begin_sending(frame, group, is_volatile),
            Some(adapter) => {
                let others =
                    Message::Event { group: group.clone(), packet: frame.packet(), is_volatile };
                let sending = namespace.begin_sending(frame, group, is_volatile);
                adapter.say(others);
                sending
            }
        };
        namespace.finish_sending(sending).await;
    }

    pub(super) fn reached(&self) -> Vec<Arc<Connection>> {
        self.namespace.reached(&self.group)
    }

    /// The way to the other processes, if there may be any that it is meant for.
    pub(super) fn adapter(&self) -> Option<&Adapter> {
        self.namespace.adapter_unless(self.local)
    }

    /// Has the other processes do what was done here, and waits until they have.
    async fn have_others(self, message: impl FnOnce(Group) -> Message) -> Result<(), SocketsError> {
        let Self { namespace, group, local, .. } = self;
        let Some(adapter) = namespace.adapter_unless(local) else { return Ok(()) };
        adapter.say(message(group));
        Ok(adapter.settle(CLUSTER_TIMEOUT).await?)
    }
}

impl<G> Clone for Broadcast<G> {
    fn clone(&self) -> Self {
        Self { audience: self.audience.clone(), gateway: PhantomData }
    }
}

/// Whether other processes can be sent so much at once.
pub(super) fn check_size(bytes: usize) -> Result<(), EmitError> {
    match bytes {
        ..=CLUSTER_LARGEST => Ok(()),
        _ => Err(EmitError::TooLarge { bytes, most: CLUSTER_LARGEST }),
    }
}

impl<G> fmt::Debug for Broadcast<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Audience { namespace, group, local, is_volatile } = &self.audience;
        formatter
            .debug_struct("Broadcast")
            .field("namespace", &namespace.path())
            .field("rooms", &group.rooms)
            .field("except", &group.except)
            .field("local", local)
            .field("volatile", is_volatile)
            .finish()
    }
}
