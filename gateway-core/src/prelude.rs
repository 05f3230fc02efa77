//! What an application's gateways use: `use gateway_core::prelude::*;`.
//!
//! ```
//! use gateway_core::prelude::*;
//! # let _ = App::builder();
//! ```

pub use bytes::Bytes;

#[cfg(feature = "validate")]
pub use crate::Valid;
pub use crate::{
    Ack, AckError, App, AppError, Args, ArgumentMetadata, Arguments, Authenticated, Authenticator,
    Broadcast, DisconnectReason, Disconnected, EmitError, ErrorReply, Event, ExceptionFilter,
    ExecutionContext, FieldError, FromMessage, Guard, Handshake, Identity, Inject, Interceptor,
    Logging, MessageBody, Missed, Next, OnPresence, Overflow, PendingAck, Pipe, Presence,
    PresenceError, RemoteSocket, Reply, Roles, Server, ServerSideEvents, Socket, SocketData,
    SocketId, SocketsError, Throttle, Timeout, Transport, WsException, WsResponse, WsStream,
};
#[cfg(feature = "jwt")]
pub use crate::{JwtAuthenticator, JwtService};
#[cfg(feature = "macros")]
pub use crate::{
    after_init, injectable, on_connection, on_disconnect, set_metadata, subscribe_message,
    use_filters, use_guards, use_interceptors, use_pipes, web_socket_gateway,
};
