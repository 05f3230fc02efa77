//! What gateways need, for `use gateway_core::prelude::*;`.
//!
//! ```
//! use gateway_core::prelude::*;
//! # let _ = App::builder();
//! ```
//!
//! Your own names, and names that are imported explicitly, shadow those from a glob. If two globs bring the
//! same name, as `axum::middleware::*` brings another `Next`, import the one you mean explicitly:
//!
//! ```
//! use axum::middleware::*;
//! use gateway_core::prelude::{Next, *};
//! # fn around(_: Next<'_>) {}
//! ```

pub use bytes::Bytes;

pub use crate::{
    Ack, AckError, Acks, App, AppBuilder, AppError, Args, Argument, ArgumentMetadata, Arguments,
    Authenticated, Authenticator, AvailableSockets, Body, Broadcast, DisconnectReason, EmitError,
    ErrorReply, Event, EventName, ExceptionFilter, ExecutionContext, Feed, FeedStore, FieldError,
    FromMessage, Guard, Handshake, Identity, Inject, Interceptor, JoinError, JwtAuthenticator,
    JwtService, Limits, Logging, MessageBody, Missed, Next, OnPresence, OnlineUsers, Overflow,
    PendingAck, Pipe, Presence, PresenceChange, PresenceChanges, PresenceError, RemoteSocket,
    Reply, RequestError, Roles, Server, ServerSideAnswers, ServerSideEvents, ServerSideRequest,
    Sessions::{self, Newest},
    Socket, SocketData, SocketId, SocketsError, Stopping, Throttle, Timeout, Transport, Unseen,
    Valid, WsError, WsException, WsResponse, WsStream, code,
};
#[cfg(feature = "macros")]
pub use crate::{
    after_init, injectable, on_connection, on_disconnect, set_metadata, subscribe_message,
    use_filters, use_guards, use_interceptors, use_pipes, web_socket_gateway,
};
