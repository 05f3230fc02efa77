//! What can go wrong when something is sent.

use crate::{
    cluster::{ClusterDown, NotAll},
    exception::{DerivedError, ErrorRegistration, WsError, WsException, code, unsaid},
    platform::{EncodeError, Refused},
};

/// Why an event or an acknowledgement was not sent.
///
/// ```
/// # use gateway_core::prelude::*;
/// # fn notify(socket: &Socket) {
/// match socket.try_emit("tick", 1) {
///     Ok(()) => {}
///     Err(EmitError::Full) => println!("the client is behind; it may miss this tick"),
///     Err(error) => println!("{error}"),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The payload cannot be encoded.
    #[error("{0}")]
    Encode(String),
    /// The protocol reserves the event's name for itself.
    #[error("`{0}` is reserved by the protocol and cannot be emitted")]
    ReservedEvent(String),
    /// The gateway lists what it emits, and does not list this. Only where the application is built with
    /// `debug_assertions`, as it is for tests: otherwise the event is sent, and counted in
    /// `gateway_undeclared_events_total`.
    #[error(
        "the gateway of `{namespace}` does not emit `{event}`; declare it, and add it to `emits(..)`"
    )]
    Undeclared {
        /// The event's name.
        event: String,
        /// The namespace's path.
        namespace: String,
    },
    /// The client is gone.
    #[error("the client is disconnected")]
    Disconnected,
    /// The client does not read fast enough, and its queue is full.
    #[error("the client's queue is full")]
    Full,
    /// As many events already wait for the client's acknowledgement as
    /// [`Limits::outstanding_asks`](crate::Limits::outstanding_asks), or its gateway, allows.
    #[error("the client leaves too many events unacknowledged")]
    TooManyAsks,
    /// It is too large to be handed on to the application's other processes. Nobody has been sent it, here or there.
    #[error("{bytes} bytes are more than other processes can be sent, which is {most}")]
    TooLarge {
        /// How many bytes it has, with its attachments.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
}

impl From<EncodeError> for EmitError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error.to_string())
    }
}

impl From<Refused> for EmitError {
    fn from(reason: Refused) -> Self {
        match reason {
            Refused::Full => Self::Full,
            Refused::Gone => Self::Disconnected,
        }
    }
}

/// Why an event was not acknowledged.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn ask(socket: Socket) {
/// match socket.emit_with_ack::<bool>("continue?", ()).await {
///     Ok(answer) => println!("{answer}"),
///     Err(AckError::Timeout) => println!("no answer"),
///     Err(error) => println!("{error}"),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// The event itself was not sent, or the client left before it answered.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The client did not answer in time.
    #[error("the client did not acknowledge in time")]
    Timeout,
    /// The client's answer does not have the expected form.
    #[error("the acknowledgement does not have the expected form: {0}")]
    Decode(String),
}

impl From<Refused> for AckError {
    fn from(reason: Refused) -> Self {
        Self::Emit(reason.into())
    }
}

/// Why sockets could not be found, or could not be told what to do.
///
/// While the application is one process, only the first three occur. With a cluster, an operation on sockets reaches
/// those of this process in any case; the other errors say what is not known about the rest. With `?` in a handler, the
/// client reads [`UNAVAILABLE`](code::UNAVAILABLE) where trying again may help.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn count(server: Server) {
/// match server.fetch_sockets::<String>().await {
///     Ok(sockets) => println!("{} sockets", sockets.len()),
///     Err(error @ SocketsError::Identity { .. }) => println!("{error}"),
///     Err(error) => println!("try again: {error}"),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SocketsError {
    /// The namespace's clients are known as another type, or are not authenticated.
    #[error("the clients of `{namespace}` are known as `{given}`, not as `{asked}`")]
    Identity {
        /// The namespace's path.
        namespace: String,
        /// The type that was asked for.
        asked: String,
        /// The type that the authenticator gives; `()` if there is none.
        given: String,
    },
    /// The client is gone.
    #[error("the client is disconnected")]
    Disconnected,
    /// Some of them could not join a room.
    #[error(transparent)]
    Join(JoinError),
    /// Some processes of the application did not say in time that they have done it, or what they have.
    #[error("no answer from {}", instances.join(", "))]
    Unanswered {
        /// The names of the processes.
        instances: Vec<String>,
    },
    /// The application's other processes cannot be reached at the moment. In this process it has been done; in the
    /// others, it will be if they can be reached again soon.
    #[error("the other processes cannot be reached")]
    ClusterDown,
    /// No process can tell the others who its clients are.
    #[error(
        "the clients of `{namespace}` are known as `{identity}`, which cannot be told to other processes: derive \
         `serde::Serialize` for it, and name its authenticator with `authenticate = ..` on a gateway"
    )]
    NotSerializable {
        /// The namespace's path.
        namespace: String,
        /// The type that the authenticator gives.
        identity: String,
    },
    /// Another process has told who a client is in a form that is not that of the type asked for: it runs another
    /// version, or another framework.
    #[error(
        "the identity of a client of another process does not have the expected form: {reason}"
    )]
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
}

impl From<NotAll> for SocketsError {
    fn from(error: NotAll) -> Self {
        match error {
            NotAll::Down => Self::ClusterDown,
            NotAll::Silent(instances) => Self::Unanswered { instances },
        }
    }
}

impl From<ClusterDown> for SocketsError {
    fn from(ClusterDown: ClusterDown) -> Self {
        Self::ClusterDown
    }
}

/// Why [`Server::server_side_request`](crate::Server::server_side_request) has not even asked.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn loads(server: Server) {
/// match server.server_side_request::<f64>("load", ()).await {
///     Ok(loads) => println!("{:?}", loads.answers),
///     Err(RequestError::ClusterDown) => println!("this process is on its own"),
///     Err(error) => println!("{error}"),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The payload cannot be encoded, or is too large.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The application's other processes cannot be reached at the moment.
    #[error("the other processes cannot be reached")]
    ClusterDown,
}

impl From<JoinError> for SocketsError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Disconnected => Self::Disconnected,
            error => Self::Join(error),
        }
    }
}

/// Why a socket has not joined rooms.
///
/// With `?` in a handler, the client reads [`BAD_PAYLOAD`](code::BAD_PAYLOAD) for a name that is too long, and
/// [`TOO_MANY_ROOMS`](code::TOO_MANY_ROOMS) for too many rooms.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn enter(socket: Socket, room: String) -> Result<bool, WsException> {
/// match socket.join(&room).await {
///     Err(JoinError::TooManyRooms { .. }) => Ok(false),
///     joined => Ok(joined.map(|()| true)?),
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The client is gone.
    #[error("the client is disconnected")]
    Disconnected,
    /// A room's name has more bytes than [`Limits::room_name_bytes`](crate::Limits::room_name_bytes) allows.
    #[error("a room name is longer than {most} bytes")]
    NameTooLong {
        /// How many it may have.
        most: usize,
    },
    /// The socket would be in more rooms than [`Limits::rooms_per_socket`](crate::Limits::rooms_per_socket),
    /// or its gateway, allows.
    #[error("a client may be in at most {most} rooms")]
    TooManyRooms {
        /// How many it may be in.
        most: usize,
    },
}

#[diagnostic::do_not_recommend]
impl DerivedError for JoinError {}

#[diagnostic::do_not_recommend]
impl WsError for JoinError {
    fn exception(&self) -> WsException {
        let told = |code| WsException::new(self.to_string()).with_code(code);
        match self {
            Self::Disconnected => unsaid(),
            Self::NameTooLong { .. } => told(code::BAD_PAYLOAD),
            Self::TooManyRooms { .. } => told(code::TOO_MANY_ROOMS),
        }
    }
}

#[diagnostic::do_not_recommend]
impl DerivedError for SocketsError {}

#[diagnostic::do_not_recommend]
impl WsError for SocketsError {
    fn exception(&self) -> WsException {
        match self {
            Self::Join(error) => error.exception(),
            // Which processes there are is nothing for clients.
            Self::Unanswered { .. } | Self::ClusterDown => WsException::out_of_reach(),
            Self::Identity { .. }
            | Self::Disconnected
            | Self::NotSerializable { .. }
            | Self::Unreadable { .. } => unsaid(),
        }
    }
}

#[diagnostic::do_not_recommend]
impl DerivedError for RequestError {}

#[diagnostic::do_not_recommend]
impl WsError for RequestError {
    fn exception(&self) -> WsException {
        match self {
            Self::Emit(_) => unsaid(),
            Self::ClusterDown => WsException::out_of_reach(),
        }
    }
}

inventory::submit!(ErrorRegistration::of::<JoinError>());
inventory::submit!(ErrorRegistration::of::<SocketsError>());
inventory::submit!(ErrorRegistration::of::<RequestError>());
