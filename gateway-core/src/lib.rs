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
mod deadlines;
mod enhancers;
mod error;
mod exception;
mod extract;
mod facts;
mod filter;
mod front;
mod gateway;
mod guard;
mod handshake;
mod health;
mod inbox;
mod interceptor;
mod metadata;
mod metrics;
mod namespace;
mod origins;
mod outbox;
mod pipe;
mod pipeline;
mod platform;
pub mod prelude;
mod presence;
#[doc(hidden)]
pub mod private;
mod provider;
mod ready;
mod registry;
mod remote;
mod reply;
mod report;
mod rooms;
mod server;
mod server_side;
mod session;
mod socket;
mod stop;
mod table;
#[cfg(feature = "validate")]
mod valid;
mod wire;

#[cfg(feature = "macros")]
pub use crate::attributes::*;
#[cfg(feature = "jwt")]
pub use crate::auth::{InvalidKey, JwtAuthenticator, JwtService};
#[cfg(feature = "validate")]
pub use crate::valid::Valid;
pub use crate::{
    ack::Ack,
    app::{App, AppBuilder, AppError, BoundApp},
    auth::Authenticator,
    context::ExecutionContext,
    error::{AckError, Disconnected, EmitError, SocketsError},
    exception::{FieldError, WsException, code},
    extract::{Event, FromMessage, Identity, Inject, MessageBody, SocketData, occasion},
    filter::{ErrorReply, ExceptionFilter},
    guard::Guard,
    handshake::Handshake,
    interceptor::{Interceptor, Next},
    outbox::Overflow,
    pipe::{ArgumentMetadata, Pipe},
    platform::{DisconnectReason, InvalidSocketId, SocketId, Transport},
    presence::{OnPresence, Presence, PresenceError},
    ready::{Logging, Roles, Throttle, Timeout},
    remote::RemoteSocket,
    reply::{Reply, StreamItem, WsResponse, WsStream},
    server::{Broadcast, Rooms, Server},
    server_side::{Missed, ServerSideEvents},
    session::Authenticated,
    socket::{PendingAck, Socket},
    stop::stop_signal,
    wire::{Args, Argument, ArgumentList, Arguments, Payload},
};
pub use bytes::Bytes;

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Those of the guide for people who know NestJS, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/coming-from-nestjs.md")]
struct ComingFromNestJs;
