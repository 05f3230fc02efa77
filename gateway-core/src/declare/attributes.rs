//! The attributes, documented here where users find them: `gateway-macros` only knows how to read them.

/// Makes a struct a gateway, and the methods of its `impl` blocks handlers.
///
/// On the **struct**, it declares the gateway, whose fields are injected. On an **`impl` block**, it takes no
/// arguments (except `crate`) and registers the handlers in the block; a gateway may have several blocks, in
/// several files. Gateways need not be listed anywhere else: an application finds those of every crate that
/// is linked in. A library is linked in once something in it is named, as in `use my_gateways as _;`;
/// [`AppBuilder::expect`](crate::AppBuilder::expect) makes a missing gateway a startup error.
///
/// A gateway has **one namespace**, because its `Server` and its `Presence` belong to that namespace, and
/// because it is built once. If two namespaces do the same, write a gateway for each; what they share can be
/// a service, or a `macro_rules!` that writes both.
///
/// | option | | default |
/// |---|---|---|
/// | `namespace = "/chat"` | what clients connect to | `"/"` |
/// | `authenticate = A` | an [`Authenticator`](crate::Authenticator), built by injection; decides who is let in | the application's, or everyone |
/// | `reauthenticate = "event"` | the event by which a client renews its session, with a new token | `"reauthenticate"` |
/// | `cors(origins = [..], credentials = true)` | which pages from other origins may connect, on either transport | the [application's](crate::AppBuilder::cors); else the server's own origin only |
/// | `presence`, `presence(grace = Duration::from_secs(3))` | keeps track of which users are online, and announces changes through [`OnPresence`](crate::OnPresence) | not kept; a grace of 5 s |
/// | `emits(NewMessage, UserJoined<'_>)` | the [events](trait@crate::Event) that it sends: others are an error, where the compiler can tell and, in debug builds, where it cannot. `impl` blocks may list theirs | sends anything |
/// | `serial` | messages of one socket run strictly one at a time, in order | they start in order and interleave at `await`s |
/// | `concurrency = 64` | handlers of one socket that run at once; later messages wait | 64 |
/// | `inbox(messages = 8192, bytes = 4194304)` | how many messages of one socket may wait; beyond that they are answered with `OVERLOADED` | 8,192 messages or 4 MiB |
/// | `outbox_packets = 8192` | how many packets to one socket may wait to be sent | 8,192 packets |
/// | `outbox_bytes = 4194304` | how many bytes to one socket may wait to be sent; a larger packet is sent once nothing else waits | 4 MiB |
/// | `overflow = Overflow::DropNewest` | what a room emit does about a member that does not read: [`Overflow`](crate::Overflow) | `Overflow::Disconnect` |
/// | `sessions = Newest` | a user has one session at a time: the one before is told [`REPLACED`](crate::code::REPLACED), and disconnected | `Sessions::All` |
/// | `handler_grace = Duration::from_secs(30)` | how long a handler may outlive its client before it is dropped | 30 s |
/// | `rooms_per_socket = 100` | how many rooms one socket may be in; joining another is an error | the application's [limit](crate::Limits::rooms_per_socket) |
/// | `outstanding_asks = 100` | how many events to one socket may wait for their acknowledgement; another is not sent | the application's [limit](crate::Limits::outstanding_asks) |
/// | `sockets_per_user = 5` | how many sockets one user may have; another is not let in | the application's [limit](crate::Limits::sockets_per_user) |
/// | `handler_time = Duration::from_secs(10)` | how long a message may take before its handler is dropped and answered with `TIMEOUT`; streams are exempt | the application's [limit](crate::Limits::handler_time) |
/// | `crate = path` | where `gateway_core` is, for a crate that does not depend on it directly: `crate = my_library::gateway_core`, also on the `impl` blocks | the dependency, whatever Cargo.toml calls it |
///
/// An option takes a literal, any expression (evaluated when the application is built), or a
/// closure over a provided service: `namespace = |config: &Config| config.namespace.clone()`.
///
/// Fields are injected by type: [`Server`](crate::Server) is the gateway's own namespace, and `Server<G>` that of the
/// gateway `G`,
/// [`Presence<U>`](crate::Presence) the users online in it, `Arc<T>` and `Arc<dyn Trait>` are services that
/// were [provided](crate::AppBuilder::provide) or are [`injectable`]; `Option<Arc<T>>` is `None` if the service
/// is neither (NestJS: `@Optional()`). A field that belongs to the gateway alone is marked `#[init]`
/// (`Default::default()`), `#[init(expression)]`, or `#[init(|config: &Config| Cache::new(config.size))]`, a closure over
/// services.
///
/// ```
/// # mod app {
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// use gateway_core::prelude::*;
/// # #[injectable]
/// # pub struct Log;
/// # impl Log { pub fn write(&self, _: &str) {} }
///
/// #[web_socket_gateway(namespace = "/chat", serial)]
/// pub struct ChatGateway {
///     server: Server,
///     log: Arc<Log>,
///     #[init]
///     messages: AtomicU64,
/// }
///
/// #[web_socket_gateway]
/// impl ChatGateway {
///     #[on_connection]
///     async fn connected(&self, socket: Socket) {
///         self.log.write(&format!("somebody came into {}", socket.namespace()));
///     }
///
///     #[subscribe_message("say")]
///     async fn say(&self, MessageBody(text): MessageBody<String>) -> Result<u64, WsException> {
///         self.server.emit("said", &text).await?;
///         Ok(self.messages.fetch_add(1, Ordering::Relaxed) + 1)
///     }
/// }
/// # }
/// ```
pub use gateway_macros::web_socket_gateway;

/// Makes a method the handler of an event (NestJS: `@SubscribeMessage`).
///
/// The method is `async` and takes `&self` and any [extractors](crate::FromMessage), in any order.
/// What it returns decides the client's answer:
///
/// | returns | the client gets |
/// |---|---|
/// | `()` | an empty acknowledgement |
/// | `T: Serialize` | an acknowledgement with the value |
/// | [`Args<T>`](crate::Args) | an acknowledgement with several arguments |
/// | [`WsResponse<T>`](crate::WsResponse) | an event back, and an empty acknowledgement |
/// | `Option` or `Vec` of `WsResponse<T>` | that event or none, or all of them in order, and an empty acknowledgement |
/// | [`WsStream<S>`](crate::WsStream) | many events, and an empty acknowledgement at their end |
/// | `Result` of these | `Err` goes to the [filters](macro@use_filters) |
///
/// The error of a `Result` is a [`WsException`](crate::WsException), or any `std::error::Error`. If it derives
/// [`WsError`](derive@crate::WsError), the client reads its code; any other error, including an
/// `anyhow::Error` or a `Box<dyn Error + Send + Sync>`, reads as "Internal server error".
///
/// Acknowledgements are sent only to clients that asked for one. With `serial`, messages of this event from
/// one socket run strictly one at a time; later messages wait behind them, so that nothing overtakes.
///
/// The event is a string literal, or a constant: `#[subscribe_message(events::SEND)]`. Names are printable
/// ASCII without `"` and `\`, and not a number: any other name ends the client's connection before a handler
/// sees it. A literal is checked at compile time, a constant at startup.
///
/// `_` in the place of the event stands for every event that has no handler of its own, as in a `match` (socket.io:
/// `socket.onAny`, for those that nothing else listens to). [`EventName`](crate::EventName) says which one it is. A gateway has
/// one such handler, or none: then these events are answered with [`UNKNOWN_EVENT`](crate::code::UNKNOWN_EVENT), which
/// the filters see. In the metrics, they are counted together. To see all events of all gateways and to answer none,
/// [observe](crate::AppBuilder::observe) them.
///
/// A handler that spawns a task gives it the gateway as an `Arc`, which `&self` is not:
/// `Inject(me): Inject<Self>`, and then `tokio::spawn(async move { me.work().await })`.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// # #[web_socket_gateway]
/// # pub struct Calculator;
/// #[web_socket_gateway]
/// impl Calculator {
///     #[subscribe_message("add")]
///     async fn add(&self, MessageBody((a, b)): MessageBody<(i64, i64)>) -> i64 {
///         a + b
///     }
///
///     #[subscribe_message("add-later")]
///     async fn add_later(&self, Inject(me): Inject<Self>, MessageBody(sum): MessageBody<i64>) {
///         tokio::spawn(async move { me.remember(sum).await });
///     }
///
/// #   async fn remember(&self, _: i64) {}
///
///     #[subscribe_message(_)]
///     async fn any_other(&self, EventName(name): EventName) -> String {
///         format!("there is no operation {name}")
///     }
/// }
/// # }
/// ```
///
/// A stream of events, which ends with its client:
///
/// ```
/// # mod app {
/// use futures_util::{Stream, StreamExt, stream};
/// # use gateway_core::prelude::*;
/// # #[web_socket_gateway]
/// # pub struct Calculator;
/// #[web_socket_gateway]
/// impl Calculator {
///     #[subscribe_message("count-down")]
///     async fn count_down(
///         &self,
///         MessageBody(from): MessageBody<u32>,
///     ) -> WsStream<impl Stream<Item = WsResponse<u32>> + use<>> {
///         WsStream::new(stream::iter((0..from).rev()).map(|n| WsResponse::new("tick", n)))
///     }
/// }
/// # }
/// ```
pub use gateway_macros::subscribe_message;

/// Makes a method the hook for clients that connect (NestJS: `handleConnection`).
///
/// It runs to completion before the client's first message is handled. `Err` tells the client why, through
/// the [filters](macro@use_filters), and disconnects it.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// # #[web_socket_gateway]
/// # pub struct Club;
/// #[web_socket_gateway]
/// impl Club {
///     #[on_connection]
///     async fn at_the_door(&self, socket: Socket, handshake: Handshake) -> Result<(), WsException> {
///         if handshake.query("invitation").is_none() {
///             return Err(WsException::new("members only"));
///         }
///         Ok(socket.join("bar").await?)
///     }
/// }
/// # }
/// ```
pub use gateway_macros::on_connection;

/// Makes a method the hook for clients that have left (NestJS: `handleDisconnect`).
///
/// It runs exactly once for every client whose `on_connection` was started: after that has ended, and after
/// all earlier messages of the client have started (on a `serial` gateway: ended). It may take the
/// [`DisconnectReason`](crate::DisconnectReason), and [`Socket::rooms`](crate::Socket::rooms) still returns
/// the rooms that the client was in.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// # #[web_socket_gateway]
/// # pub struct Club { server: Server }
/// #[web_socket_gateway]
/// impl Club {
///     #[on_disconnect]
///     async fn good_bye(&self, socket: Socket, reason: DisconnectReason) -> Result<(), WsException> {
///         Ok(self.server.to(socket.rooms()).emit("left", reason.as_str()).await?)
///     }
/// }
/// # }
/// ```
pub use gateway_macros::on_disconnect;

/// Makes a method the hook for the gateway itself (NestJS: `afterInit`): it runs to completion when the
/// application is built, before the first client is let in. `Err` is a startup error.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// # #[web_socket_gateway]
/// # pub struct Club;
/// #[web_socket_gateway]
/// impl Club {
///     #[after_init]
///     async fn open(&self, server: Server) {
///         println!("{} is open", server.namespace());
///     }
/// }
/// # }
/// ```
pub use gateway_macros::after_init;

/// Makes a struct a service (NestJS: `@Injectable()`): its fields are injected like a gateway's, and the
/// service itself is injected as `Arc<T>`. It is built once.
///
/// `#[injectable(as dyn Trait)]` also makes it available as `Arc<dyn Trait>`.
///
/// ```
/// # mod app {
/// use std::sync::Arc;
/// use gateway_core::prelude::*;
///
/// pub trait Clock: Send + Sync {
///     fn now(&self) -> u64;
/// }
///
/// #[injectable(as dyn Clock)]
/// pub struct SystemClock;
///
/// impl Clock for SystemClock {
///     fn now(&self) -> u64 {
///         0
///     }
/// }
///
/// #[injectable]
/// pub struct Greeter {
///     clock: Arc<dyn Clock>,
/// }
/// # impl Greeter { pub fn at(&self) -> u64 { self.clock.now() } }
/// # }
/// ```
pub use gateway_macros::injectable;

/// Applies [exception filters](crate::ExceptionFilter) to a gateway, on its struct, or to a handler (NestJS:
/// `@UseFilters`).
///
/// A bare path is a type, built by injection; anything else is an expression, evaluated once at startup (a
/// constant goes in parentheses). The filter listed last is asked first.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// #[injectable]
/// pub struct Silent;
///
/// impl ExceptionFilter for Silent {
///     type Catch = std::num::ParseIntError;
///     type Body = serde_json::Value;
///
///     async fn catch(
///         &self,
///         _: &std::num::ParseIntError,
///         context: &ExecutionContext,
///     ) -> Result<ErrorReply, WsException> {
///         let exception = WsException::new("not a number");
///         Ok(ErrorReply::standard(&exception, context).without_event())
///     }
/// }
///
/// #[web_socket_gateway]
/// #[use_filters(Silent)]
/// pub struct Numbers;
///
/// #[web_socket_gateway]
/// impl Numbers {
///     #[subscribe_message("parse")]
///     async fn parse(&self, MessageBody(text): MessageBody<String>) -> Result<i32, WsException> {
///         Ok(text.parse()?)
///     }
/// }
/// # }
/// ```
pub use gateway_macros::use_filters;

/// Applies [guards](crate::Guard) to a gateway, on its struct, to a handler, or to an `#[on_connection]`
/// method (NestJS: `@UseGuards`).
///
/// The list is written as for [`use_filters`](macro@use_filters). Guards are asked before anything
/// else happens, in the order global → gateway → handler.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// #[injectable]
/// pub struct WsJwtGuard;
///
/// impl Guard for WsJwtGuard {
///     async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
///         match context.user() {
///             Some(_) => Ok(true),
///             None => Err(WsException::unauthorized("not logged in")),
///         }
///     }
/// }
///
/// #[web_socket_gateway]
/// #[use_guards(WsJwtGuard)]
/// pub struct Vault;
///
/// #[web_socket_gateway]
/// impl Vault {
///     #[subscribe_message("open")]
///     #[use_guards(Roles::any(["admin"]))]
///     async fn open(&self) {}
/// }
/// # }
/// ```
pub use gateway_macros::use_guards;

/// Applies [interceptors](crate::Interceptor) to a gateway, on its struct, or to a handler (NestJS:
/// `@UseInterceptors`).
///
/// The list is written as for [`use_filters`](macro@use_filters). The first one is the outermost; global
/// interceptors run outside the gateway's, and those outside the handler's.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// use std::time::Duration;
///
/// #[web_socket_gateway]
/// #[use_interceptors(Logging)]
/// pub struct Reports;
///
/// #[web_socket_gateway]
/// impl Reports {
///     #[subscribe_message("yearly")]
///     #[use_interceptors(Timeout::after(Duration::from_secs(2)))]
///     async fn yearly(&self) {}
/// }
/// # }
/// ```
pub use gateway_macros::use_interceptors;

/// Applies [pipes](crate::Pipe) to a gateway, on its struct, to a handler, or to one of its arguments
/// (NestJS: `@UsePipes`, `@MessageBody(pipe)`).
///
/// The list is written as for [`use_filters`](macro@use_filters). They run in the order global →
/// gateway → handler → argument, before the payload is read into its type.
///
/// ```
/// # mod app {
/// # use gateway_core::{Argument, prelude::*};
/// #[injectable]
/// pub struct Trim;
///
/// impl Pipe for Trim {
///     async fn transform(
///         &self,
///         value: Argument,
///         _: &ArgumentMetadata<'_>,
///     ) -> Result<Argument, WsException> {
///         Ok(match value {
///             Argument::String(text) => Argument::from(text.trim()),
///             other => other,
///         })
///     }
/// }
///
/// # #[web_socket_gateway]
/// # pub struct Names;
/// #[web_socket_gateway]
/// impl Names {
///     #[subscribe_message("rename")]
///     async fn rename(&self, #[use_pipes(Trim)] MessageBody(name): MessageBody<String>) -> String {
///         name
///     }
/// }
/// # }
/// ```
pub use gateway_macros::use_pipes;

/// Attaches a value to a gateway or a handler, for guards and interceptors to read by its type with
/// [`ExecutionContext::metadata`](crate::ExecutionContext::metadata) (NestJS: `SetMetadata`,
/// `Reflector.getAllAndOverride`). A handler's own value takes precedence over its gateway's.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// pub struct Needs(pub &'static str);
///
/// #[injectable]
/// pub struct Permissions;
///
/// impl Guard for Permissions {
///     async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
///         let needs = context.metadata::<Needs>();
///         Ok(needs.is_none_or(|Needs(role)| context.roles().iter().any(|own| own == role)))
///     }
/// }
///
/// #[web_socket_gateway]
/// #[use_guards(Permissions)]
/// pub struct Board;
///
/// #[web_socket_gateway]
/// impl Board {
///     #[subscribe_message("wipe")]
///     #[set_metadata(Needs("moderator"))]
///     async fn wipe(&self) {}
/// }
/// # }
/// ```
pub use gateway_macros::set_metadata;

/// Makes an application's own error type define what clients are told about it, without a filter.
///
/// | `#[ws(..)]` on a variant, or on a struct | what the client reads |
/// |---|---|
/// | `code = "CLOSED"` | that code, and the error's text as `Display` writes it |
/// | `code = "CLOSED", message = "It is closed"` | that code, and that message |
/// | `transparent` | what the error inside says, which derives `WsError` too |
/// | nothing | "Internal server error"; the details are logged |
///
/// On an enum, a `code` or a `message` applies to all variants that have none of their own.
/// `#[ws(with = Self::exception)]` leaves everything to a method `fn(&self) -> WsException`, and
/// `#[ws(crate = path)]` says where `gateway_core` is, for a crate that does not depend on it directly.
///
/// The type implements `std::error::Error`, through `thiserror` or by hand. It may be a handler's error or be
/// converted by `?`, with the same result. It is kept as the [`source`](crate::WsException::source), so that a
/// filter can still catch it.
///
/// ```
/// # mod app {
/// use gateway_core::prelude::*;
///
/// #[derive(Debug, thiserror::Error, WsError)]
/// pub enum TicketError {
///     #[error("ticket {0} is closed")]
///     #[ws(code = "CLOSED")]
///     Closed(u64),
///     #[error("no row {0} in `tickets`")]
///     #[ws(code = "NOT_FOUND", message = "There is no such ticket")]
///     NotFound(u64),
///     #[error("the ticket store is unavailable")]
///     Store(#[from] std::io::Error),
/// }
///
/// #[web_socket_gateway(namespace = "/tickets")]
/// pub struct TicketGateway;
///
/// #[web_socket_gateway]
/// impl TicketGateway {
///     #[subscribe_message("reopen")]
///     async fn reopen(&self, MessageBody(id): MessageBody<u64>) -> Result<(), TicketError> {
///         Err(TicketError::Closed(id))
///     }
/// }
/// # }
/// # use gateway_core::WsException;
/// # let exception = WsException::from(app::TicketError::Closed(7));
/// # assert_eq!((exception.code(), exception.message()), ("CLOSED", "ticket 7 is closed"));
/// # assert_eq!(WsException::from(app::TicketError::NotFound(7)).message(), "There is no such ticket");
/// # assert!(WsException::from(app::TicketError::Store(std::io::Error::other("gone"))).is_internal());
/// ```
pub use gateway_macros::WsError;

/// Declares an event that clients are sent: its name, and what they acknowledge it with. See [`Event`](trait@crate::Event).
///
/// ```
/// # mod app {
/// use gateway_core::prelude::*;
/// use serde::Serialize;
///
/// /// Two arguments, as JavaScript's `emit("moved", x, y)` would send them.
/// #[derive(Serialize, Event)]
/// #[event("moved", args)]
/// pub struct Moved(i32, i32);
///
/// # async fn to(socket: &Socket) -> Result<(), EmitError> {
/// socket.send(&Moved(3, 4)).await
/// # }
/// # }
/// ```
pub use gateway_macros::Event;
