//! Declarative Socket.IO gateways: what NestJS developers know as `@WebSocketGateway`, as Rust attributes on
//! top of [socketioxide], [axum] and [tokio]. Socket.IO 4 clients connect unchanged.
//!
//! ```no_run
//! # mod app {
//! use std::sync::Arc;
//! use gateway_core::prelude::*;
//!
//! #[web_socket_gateway(namespace = "/chat")]
//! pub struct ChatGateway {
//!     server: Server,         // this gateway's namespace
//!     words: Arc<BadWords>,   // injected by type
//! }
//!
//! #[web_socket_gateway]
//! impl ChatGateway {
//!     #[subscribe_message("join")]
//!     async fn join(&self, socket: Socket, MessageBody(room): MessageBody<String>) -> Result<(), WsException> {
//!         Ok(socket.join(room).await?)
//!     }
//!
//!     /// `Ok` is the client's acknowledgement, `Err` goes to the exception filters.
//!     #[subscribe_message("say")]
//!     async fn say(
//!         &self,
//!         MessageBody((room, text)): MessageBody<(String, String)>,
//!     ) -> Result<usize, WsException> {
//!         if self.words.are_in(&text) {
//!             return Err(WsException::new("mind your language").with_code("BAD_WORDS"));
//!         }
//!         self.server.to(room).emit("said", &text).await?;
//!         Ok(text.len())
//!     }
//! }
//!
//! #[injectable]
//! pub struct BadWords;
//!
//! impl BadWords {
//!     fn are_in(&self, text: &str) -> bool {
//!         text.contains("damn")
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), AppError> {
//!     App::builder().build().await?.serve("127.0.0.1:3000").await
//! }
//! # }
//! ```
//!
//! # Start here
//!
//! | | |
//! |---|---|
//! | declaring a gateway, and all its options | `#[web_socket_gateway]` |
//! | what a handler takes | [`MessageBody`], [`Socket`], [`Identity`], [`Inject`], [`Handshake`], [`SocketData`], [`Ack`]; extractors of your own: [`FromMessage`] |
//! | what a handler returns | the table at `#[subscribe_message]`; [`WsResponse`], [`WsStream`], [`Args`] |
//! | who is let in | [`Authenticator`], [`JwtAuthenticator`], [`JwtService`] |
//! | around handlers | [`Guard`], [`Interceptor`], [`Pipe`], [`ExceptionFilter`]; ready-made: [`Roles`], [`Throttle`], [`Timeout`], [`Logging`] |
//! | errors | [`WsException`], and the codes in [`code`](mod@code) |
//! | sending | [`Server`] to many, [`Socket`] to one, [`Server::fetch_sockets`] |
//! | who is online | [`Presence`], [`OnPresence`], [`OnlineUsers`], [`PresenceChanges`] |
//! | the application: services, routes, options, shutting down | [`AppBuilder`], [`App`], [`BoundApp`] |
//! | sizes, times and limits | the options of the gateway, [`Limits`], and [`defaults`] |
//!
//! The [guide for people who know NestJS](guide) goes through NestJS's tutorial, example by example.
//!
//! # Features
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `macros` | yes | the attributes. Without it, a library of extractors, guards or filters builds without `syn` |
//! | `jwt` | yes | [`JwtService`] and [`JwtAuthenticator`], with cryptography written in Rust |
//! | `validate` | yes | [`Valid`], with rules from [garde](https://docs.rs/garde) |
//! | `jwks-url` | no | `JwtService::jwks_url`, which fetches keys over HTTP, with TLS from rustls and ring (needs a C compiler) |
//!
//! # Other crates in the interface
//!
//! Types of other crates are part of the interface where everybody uses that crate for the purpose:
//! axum 0.8 (`Router`, its extractors), bytes 1 ([`Bytes`]), http 1 (the headers and the URI of a
//! [`Handshake`]), serde 1, serde_json 1 (`Value`), and garde 0.23 where [`Valid`] is used. Nothing from
//! socketioxide is: it can be updated without applications noticing.
//!
//! [socketioxide]: https://docs.rs/socketioxide
//! [axum]: https://docs.rs/axum
//! [tokio]: https://docs.rs/tokio

#![cfg_attr(docsrs, feature(doc_cfg))]
// The documentation links to the attributes, which do not exist then.
#![cfg_attr(not(feature = "macros"), allow(rustdoc::broken_intra_doc_links))]

mod app;
mod auth;
mod boot;
mod builtin;
mod call;
#[cfg(test)]
mod captured_log;
mod clock;
#[cfg(test)]
mod counted;
mod debts;
mod declare;
pub mod defaults;
mod disconnect_reason;
mod dispatch;
mod exception;
mod excerpt;
mod inject;
mod limits;
mod log_limiter;
mod metrics;
mod options;
mod platform;
pub mod prelude;
mod presence;
#[doc(hidden)]
pub mod private;
mod socket;
mod type_names;
mod wire;

#[cfg(feature = "jwt")]
pub use crate::auth::InvalidKey;
#[cfg(feature = "jwks-url")]
pub use crate::auth::{JwksError, JwksUrl};
#[cfg(feature = "validate")]
pub use crate::call::extract::valid::Rules;
#[cfg(feature = "macros")]
pub use crate::declare::attributes::*;
pub use crate::{
    app::{
        App, BoundApp,
        builder::AppBuilder,
        error::{AppError, exit_code},
        stop_signal::stop_signal,
    },
    auth::{
        Authenticator, JwtAuthenticator, JwtService, handshake::Handshake, session::Authenticated,
    },
    builtin::{Logging, Roles, Throttle, Timeout},
    call::{
        ack::Ack,
        context::ExecutionContext,
        extract::{
            Event, FromMessage, Identity, Inject, MessageBody, SocketData, http::AppServices,
            occasion, valid::Valid,
        },
        filter::{Catchable, ErrorReply, ExceptionFilter},
        guard::Guard,
        interceptor::{Interceptor, Next},
        pipe::{ArgumentMetadata, Pipe},
        reply::{Reply, StreamItem, WsResponse, WsStream},
    },
    declare::registry::Gateway,
    disconnect_reason::DisconnectReason,
    exception::{AsyncResult, FieldError, WsError, WsException, code},
    inject::Injectable,
    limits::Limits,
    options::Overflow,
    platform::{InvalidSocketId, SocketId, Transport},
    presence::{OnPresence, OnlineUsers, Presence, PresenceChange, PresenceChanges, PresenceError},
    socket::{
        error::{AckError, EmitError, JoinError, SocketsError},
        handle::{PendingAck, Socket},
        remote_socket::{Fetched, RemoteSocket},
        server::{Broadcast, Rooms, Server},
        server_side::{Missed, ServerSideEvents},
    },
    wire::{Args, Argument, ArgumentList, Arguments, Binary, Number, Payload},
};
pub use bytes::Bytes;
/// The version of [garde](https://docs.rs/garde) whose rules [`Valid`] applies.
#[cfg(feature = "validate")]
pub use garde;

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

// Included for its examples as well, which are compiled with all others.
#[cfg(any(doc, doctest))]
#[doc = include_str!("guide.md")]
pub mod guide {}
