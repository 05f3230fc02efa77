//! What can go wrong when something is sent.

use crate::platform::{EncodeError, Refused};

/// An event or an acknowledgement that was not sent.
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
    /// The payload has no encoded form.
    #[error("{0}")]
    Encode(String),
    /// The event's name is one the protocol keeps for itself.
    #[error("`{0}` is reserved by the protocol and cannot be emitted")]
    ReservedEvent(String),
    /// The client is gone.
    #[error("the client is disconnected")]
    Disconnected,
    /// The client does not read fast enough, and its queue is full.
    #[error("the client's queue is full")]
    Full,
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

/// An event whose acknowledgement did not come.
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
    /// The event itself was not sent.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The client did not answer in time, or left.
    #[error("the client did not acknowledge in time")]
    Timeout,
    /// The client answered with something else.
    #[error("the acknowledgement has not the expected form: {0}")]
    Decode(String),
}

impl From<Refused> for AckError {
    fn from(reason: Refused) -> Self {
        Self::Emit(reason.into())
    }
}

/// Sockets that were not found, or could not be told what to do.
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
    /// The clients of the namespace are known as something else, or as nobody.
    #[error("the clients of `{namespace}` are known as `{given}`, not as `{asked}`")]
    Identity {
        /// The namespace's path.
        namespace: String,
        /// The type that was asked for.
        asked: String,
        /// The type that the authenticator gives; `()` where there is none.
        given: String,
    },
    /// The client is gone.
    #[error("the client is disconnected")]
    Disconnected,
}

impl From<Disconnected> for SocketsError {
    fn from(_: Disconnected) -> Self {
        Self::Disconnected
    }
}

/// The socket is no longer connected.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn enter(socket: Socket) -> Result<(), Disconnected> {
/// socket.join("lobby").await
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client is disconnected")]
pub struct Disconnected;
