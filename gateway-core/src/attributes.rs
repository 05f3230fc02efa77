//! The attributes, documented where they are used: `gateway-macros` only knows how to read them.

/// Makes a struct a gateway, and the methods of its `impl` blocks handlers.
///
/// On the **struct** it declares the gateway; the fields are injected. On an **`impl` block** it
/// stands without arguments and registers the handlers in it; a gateway may have several blocks, in
/// several files. Nothing else has to list them: an application finds the gateways of every crate
/// that is linked in.
///
/// | option | | default |
/// |---|---|---|
/// | `namespace = "/chat"` | what clients connect to | `"/"` |
/// | `authenticate = A` | an [`Authenticator`](crate::Authenticator), built by injection; decides who is let in | the application's, or everyone |
/// | `reauthenticate = "event"` | the event by which a client renews its session, with a new token | `"reauthenticate"` |
/// | `cors(origins = [..], credentials = true)` | which pages of other origins may connect, on either transport | the own origin only |
/// | `presence`, `presence(grace = Duration::from_secs(3))` | it is kept which users are there, and told by [`OnPresence`](crate::OnPresence) | not kept; a grace of 5 s |
/// | `serial` | messages of one socket run strictly one at a time, in order | they start in order and interleave at `await`s |
/// | `concurrency = 64` | handlers of one socket that run at once; later messages wait | 64 |
/// | `inbox(messages = 8192, bytes = 4194304)` | messages of one socket that wait; past it the answer is `OVERLOADED` | 8,192 messages or 4 MiB |
/// | `overflow = Overflow::DropNewest` | what a room emit does with a member that does not read: [`Overflow`](crate::Overflow) | `Overflow::Disconnect` |
/// | `crate = path` | where `gateway_core` is, when it was renamed | `::gateway_core` |
///
/// An option takes a literal, any expression (evaluated when the application is built), or a
/// closure over a provided service: `namespace = |config: &Config| config.namespace.clone()`.
///
/// Fields are injected by type: [`Server`](crate::Server) is the gateway's own namespace,
/// [`Presence<U>`](crate::Presence) who is there in it, `Arc<T>` and `Arc<dyn Trait>` are services that were [provided](crate::AppBuilder::provide) or are
/// [`injectable`]. A field that is only the gateway's own is marked `#[init]`
/// (`Default::default()`) or `#[init(expression)]`.
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
///         self.log.write(&format!("{} came in", socket.id()));
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
/// The method is `async`, takes `&self`, and any [extractors](crate::FromMessage) in any order.
/// What it returns is the client's answer:
///
/// | returns | the client gets |
/// |---|---|
/// | `()` | an empty acknowledgement |
/// | `T: Serialize` | an acknowledgement with the value |
/// | [`Args<T>`](crate::Args) | an acknowledgement with several arguments |
/// | [`WsResponse<T>`](crate::WsResponse) | an event back, and an empty acknowledgement |
/// | [`WsStream<S>`](crate::WsStream) | many events, and an empty acknowledgement at their end |
/// | `Result` of these | `Err` goes to the [filters](macro@use_filters) |
///
/// Acknowledgements are sent to clients that asked for one. With `serial`, messages of this event
/// and one socket run strictly one at a time; those behind wait, so that nothing overtakes.
///
/// Event names are printable ASCII without `"` and `\`, and not a number: other names end the
/// client's connection before any handler sees them.
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
/// }
/// # }
/// ```
pub use gateway_macros::subscribe_message;

/// Makes a method the hook for clients that come in (NestJS: `handleConnection`).
///
/// It runs to its end before the first message of the client is handled. `Err` tells the client
/// why, by the [filters](macro@use_filters), and disconnects it.
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

/// Makes a method the hook for clients that have gone (NestJS: `handleDisconnect`).
///
/// It runs exactly once for every client whose `on_connection` was started, when that has ended and
/// all earlier messages of the client have started (on a `serial` gateway: ended). It may take the
/// [`DisconnectReason`](crate::DisconnectReason), and [`Socket::rooms`](crate::Socket::rooms) still
/// says which rooms the client was in.
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

/// Makes a method the hook for the gateway itself (NestJS: `afterInit`): it runs to its end when
/// the application is built, before the first client is let in. `Err` is an error of the start.
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

/// Makes a struct a service: its fields are injected like a gateway's, and it is injected as
/// `Arc<T>` itself (NestJS: `@Injectable()`). Built once.
///
/// `#[injectable(as dyn Trait)]` makes it the `Arc<dyn Trait>` too.
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

/// Names [exception filters](crate::ExceptionFilter), on a gateway's struct or on a handler (NestJS:
/// `@UseFilters`).
///
/// A bare path is a type, built by injection; anything else is an expression, evaluated once at the
/// start (a constant goes in parentheses). The last one listed is asked first.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// #[injectable]
/// pub struct Silent;
///
/// impl ExceptionFilter for Silent {
///     type Catch = std::num::ParseIntError;
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

/// Names [guards](crate::Guard), on a gateway's struct, on a handler, or on an `#[on_connection]`
/// method (NestJS: `@UseGuards`).
///
/// The list is written as for [`use_filters`](macro@use_filters). Guards are asked before anything
/// else happens, global → gateway → handler.
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

/// Names [interceptors](crate::Interceptor), on a gateway's struct or on a handler (NestJS:
/// `@UseInterceptors`).
///
/// The list is written as for [`use_filters`](macro@use_filters). The first one is the outermost,
/// global outside of gateway outside of handler.
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

/// Names [pipes](crate::Pipe), on a gateway's struct, on a handler, or on one of its arguments
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

/// States a typed fact about a gateway or a handler, for guards and interceptors to read with
/// [`ExecutionContext::metadata`](crate::ExecutionContext::metadata) (NestJS: `SetMetadata`,
/// `Reflector.getAllAndOverride`). A handler's own goes before its gateway's.
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
