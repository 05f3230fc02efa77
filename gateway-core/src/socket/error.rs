//! What can go wrong when something is sent.

use crate::{
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
            Self::Identity { .. } | Self::Disconnected => unsaid(),
        }
    }
}

inventory::submit!(ErrorRegistration::of::<JoinError>());
inventory::submit!(ErrorRegistration::of::<SocketsError>());
