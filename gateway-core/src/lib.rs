//! Declarative Socket.IO gateways: what NestJS developers know as `@WebSocketGateway`, as Rust
//! attributes on [socketioxide], [axum] and [tokio].
//!
//! [socketioxide]: https://docs.rs/socketioxide
//! [axum]: https://docs.rs/axum
//! [tokio]: https://docs.rs/tokio

mod ack;
mod app;
#[cfg(feature = "macros")]
mod attributes;
mod auth;
mod boot;
mod connection;
mod context;
mod error;
mod exception;
mod extract;
mod facts;
mod filter;
mod gateway;
mod handshake;
mod inbox;
mod namespace;
mod outbox;
mod pipeline;
mod platform;
pub mod prelude;
#[doc(hidden)]
pub mod private;
mod provider;
mod registry;
mod reply;
mod report;
mod server;
mod socket;
mod table;
mod wire;

#[cfg(feature = "macros")]
pub use crate::attributes::*;
#[cfg(feature = "jwt")]
pub use crate::auth::{JwtAuthenticator, JwtService};
pub use crate::{
    ack::Ack,
    app::{App, AppBuilder, AppError, BoundApp},
    auth::Authenticator,
    context::ExecutionContext,
    error::{AckError, Disconnected, EmitError},
    exception::{FieldError, WsException, code},
    extract::{Event, FromMessage, Identity, Inject, MessageBody, SocketData, occasion},
    filter::{ErrorReply, ExceptionFilter},
    handshake::Handshake,
    outbox::Overflow,
    platform::{DisconnectReason, InvalidSocketId, SocketId, Transport},
    reply::{StreamItem, WsResponse, WsStream},
    server::{Broadcast, Rooms, Server},
    socket::Socket,
    wire::{Args, Argument, ArgumentList, Arguments, Payload},
};
pub use bytes::Bytes;

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
