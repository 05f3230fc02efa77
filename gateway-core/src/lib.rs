//! Declarative Socket.IO gateways: what NestJS developers know as `@WebSocketGateway`, as Rust attributes on
//! top of [socketioxide], [axum] and [tokio]. Socket.IO 4 clients connect unchanged.
//!
//! ```no_run
//! # mod app {
//! use gateway_core::prelude::*;
//!
//! #[web_socket_gateway(namespace = "/chat")]
//! pub struct ChatGateway {
//!     server: Server, // everyone in this namespace
//! }
//!
//! #[web_socket_gateway]
//! impl ChatGateway {
//!     #[subscribe_message("say")]
//!     async fn say(&self, MessageBody(text): MessageBody<String>) -> Result<usize, WsException> {
//!         self.server.emit("said", &text).await?;
//!         Ok(text.len())
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), AppError> {
//!     App::builder().run("127.0.0.1:3000").await
//! }
//! # }
//! ```
//!
//! ```js
//! const socket = io("http://127.0.0.1:3000/chat");
//! socket.on("said", (text) => console.log(text));
//! await socket.emitWithAck("say", "Hello"); // 5
//! ```
//!
//! Nothing is registered by hand: every gateway that is linked into the program is found. Whatever does not fit
//! together is reported before the port is opened, all of it at once. And every message is answered, whatever
//! becomes of it: with what the handler returns, or with an error that has a code.
//!
//! # A tour, in the order of reading
//!
//! 1. **Declare a gateway**: `#[web_socket_gateway]` has the table of all its options, `#[subscribe_message]` that of
//!    what a handler may return. Hooks: `#[on_connection]`, `#[on_disconnect]`, `#[after_init]`.
//! 2. **Read the message**: [`MessageBody`] for its payload, [`Valid`] for one with rules; [`Socket`], [`Handshake`],
//!    [`SocketData`], [`Ack`], [`Bytes`]; extractors of your own with [`FromMessage`].
//! 3. **Answer**: with a value, with several as [`Args`], with an event as [`WsResponse`], with many as [`WsStream`].
//!    Errors are [`WsException`]s, or types of your own that derive `WsError`; the framework's codes are in
//!    [`code`](mod@code).
//! 4. **Send**: [`Server`] to everyone, to rooms and to users; [`Socket`] to one client; [`Broadcast`] narrows it down,
//!    asks for acknowledgements, and finds the sockets themselves ([`RemoteSocket`]).
//! 5. **Let people in**: an [`Authenticator`] decides before a client is told that it is connected. [`JwtAuthenticator`]
//!    and [`JwtService`] do it with tokens; handlers and axum routes then take the [`Identity`].
//! 6. **Share services**: `#[injectable]` structs and what [`AppBuilder::provide`] is given become `Arc` fields of
//!    gateways and services. [`Inject`] takes one in a handler or in a route, and [`Server<G>`](Server) is the server of
//!    the gateway `G`, wherever it is needed. Routes read JSON with [`Body`].
//! 7. **Around handlers**: [`Guard`], [`Interceptor`], [`Pipe`], [`ExceptionFilter`], on a handler, a gateway or
//!    everywhere. Ready-made: [`Roles`], [`Throttle`], [`Timeout`], [`Logging`].
//! 8. **Know who is online**: [`Presence`] and [`OnPresence`].
//! 9. **Tell users what they must not miss**: a [`Feed`] of your own store ([`FeedStore`]) sends it until a device has
//!    acknowledged it; [`feed_events`] streams it without a socket.
//! 10. **Run it**: [`AppBuilder::run`] prints the routes, serves, and drains when the process is asked to stop
//!     ([`Stopping`]). [`AppBuilder`] has the options of the server, routes, readiness and health checks. What clients may take is in [`Limits`], every default in [`defaults`].
//! 11. **Test it**: the crate `gateway-test` connects clients to the application in the process of the test, without a
//!     port and with fakes in the place of services and guards.
//!
//! # Guide
//!
//! [Coming from NestJS](guide) goes through NestJS's tutorial and its table of common errors, example by example. The
//! repository has more: a folder `examples/`, one file each; a demo; pages on limits and threats, on deployment behind
//! balancers, and on what NestJS does and this framework does not.
//!
//! # Features
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `macros` | yes | the attributes. Without it, a library of extractors, guards or filters builds without `syn` |
//! | `jwt` | yes | [`JwtService`] and [`JwtAuthenticator`], with cryptography written in Rust |
//! | `validate` | yes | [`Valid`], with rules from [garde](https://docs.rs/garde) |
//! | `client` | no | `AppBuilder::serve_client`: the official JavaScript client, at `/socket.io/socket.io.js` |
//! | `contract` | no | [`contract()`](https://docs.rs/gateway-core/latest/gateway_core/fn.contract.html): the events and their types for clients, as TypeScript, AsyncAPI and a lock file |
//! | `prometheus` | no | `AppBuilder::prometheus`: what is counted, for Prometheus to read |
//! | `jwks-url` | no | `JwtService::jwks_url`, which fetches keys over HTTP, with TLS from rustls and ring (needs a C compiler) |
//! | `redis` | no | `AppBuilder::cluster`: several instances that act as one, through Redis |
//! | `tls` | no | `AppBuilder::tls`, which encrypts the application's own port, with rustls and ring (needs a C compiler) |
//! | `redis-tls` | no | `rediss://` URLs, with TLS from rustls and ring (needs a C compiler) |
//!
//! # Other crates in the interface
//!
//! Types of other crates are part of the interface where everybody uses that crate for the purpose:
//! axum 0.8 (`Router`, its extractors), bytes 1 ([`Bytes`]), http 1 (the headers and the URI of a
//! [`Handshake`]), serde 1, serde_json 1 (`Value`), garde 0.23 where [`Valid`] is used, and schemars 1 with the feature
//! `contract`. Nothing from socketioxide is: it can be updated without applications noticing.
//!
//! [socketioxide]: https://docs.rs/socketioxide
//! [axum]: https://docs.rs/axum
//! [tokio]: https://docs.rs/tokio

#![cfg_attr(docsrs, feature(doc_cfg))]
// What can go wrong is part of the interface.
#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc)]
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
// Without an engine nothing calls what others would. With all features, all of it is looked at.
#[cfg_attr(not(feature = "redis"), allow(dead_code))]
#[cfg_attr(not(any(test, feature = "redis")), path = "cluster/off.rs")]
mod cluster;
#[cfg(feature = "contract")]
mod contract;
#[cfg(test)]
mod counted;
mod debts;
mod declare;
pub mod defaults;
#[cfg_attr(not(feature = "contract"), path = "description/off.rs")]
mod description;
mod disconnect_reason;
mod dispatch;
mod exception;
mod excerpt;
mod feed;
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
#[cfg_attr(not(feature = "redis"), allow(dead_code))]
mod socket;
#[doc(hidden)]
pub mod testing;
mod type_names;
mod wire;

#[cfg(feature = "contract")]
pub use crate::app::contract::contract;
#[cfg(feature = "jwt")]
pub use crate::auth::InvalidKey;
#[cfg(feature = "jwks-url")]
pub use crate::auth::{JwksError, JwksUrl};
#[cfg(feature = "validate")]
pub use crate::call::extract::valid::Rules;
#[cfg(feature = "redis")]
pub use crate::cluster::redis::Redis;
#[cfg(feature = "contract")]
pub use crate::contract::{Change, Contract, Gap, InvalidLock, Lock, Verdict};
#[cfg(feature = "macros")]
pub use crate::declare::attributes::*;
#[cfg(feature = "tls")]
pub use crate::platform::{Tls, TlsError};
pub use crate::{
    app::{
        App, BoundApp,
        builder::AppBuilder,
        error::{AppError, exit_code},
        health_check::health_check,
        stop_signal::stop_signal,
        stopping::Stopping,
    },
    auth::{
        Authenticator, JwtAuthenticator, JwtService, handshake::Handshake, session::Authenticated,
    },
    builtin::{Logging, Roles, Throttle, Timeout},
    call::{
        ack::Ack,
        context::ExecutionContext,
        extract::{
            Body, BodyRejection, EventName, FromMessage, Identity, Inject, MessageBody, SocketData,
            http::AppServices, occasion, valid::Valid,
        },
        filter::{Catchable, ErrorBody, ErrorReply, ExceptionFilter},
        guard::Guard,
        interceptor::{Interceptor, Next},
        pipe::{ArgumentMetadata, Pipe},
        reply::{Reply, StreamItem, WsResponse, WsStream},
    },
    declare::registry::Gateway,
    disconnect_reason::DisconnectReason,
    exception::{AsyncResult, FieldError, WsError, WsException, code},
    feed::{Feed, FeedError, FeedStore, Unseen, feed_events},
    inject::{Injectable, factory::Factory},
    limits::Limits,
    options::{Overflow, Sessions},
    platform::{InvalidSocketId, PeerAddress, SocketId, Transport},
    presence::{OnPresence, OnlineUsers, Presence, PresenceChange, PresenceChanges, PresenceError},
    socket::{
        acks::Acks,
        broadcast::Broadcast,
        error::{AckError, EmitError, JoinError, RequestError, SocketsError},
        event::{Acknowledged, Event},
        handle::{PendingAck, Socket, Volatile},
        observer::{Observer, Target},
        remote_socket::{AvailableSockets, Fetched, RemoteSocket},
        rooms::Rooms,
        server::Server,
        server_side::{Missed, ServerSideAnswers, ServerSideEvents, ServerSideRequest},
    },
    wire::{Args, Argument, ArgumentList, Arguments, Binary, EncodedArguments, Number, Payload},
};
pub use bytes::Bytes;
/// The version of [garde](https://docs.rs/garde) whose rules [`Valid`] applies.
#[cfg(feature = "validate")]
pub use garde;
/// The version of [schemars](https://docs.rs/schemars) whose schemas a [`Contract`] is made of.
#[cfg(feature = "contract")]
pub use schemars;

// A page of the repository, too: README links to it.
#[cfg(any(doc, doctest))]
#[doc = include_str!("../docs/coming-from-nestjs.md")]
pub mod guide {}
