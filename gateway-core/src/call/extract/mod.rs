//! Extractors: what a handler may take as an argument, chosen by type.
//!
//! It knows the context of one call, but not how the call came about or where the result goes.

mod body;
mod connection;
pub(crate) mod facts;
pub(crate) mod http;
mod message;
pub(crate) mod parameter;
#[cfg_attr(not(feature = "validate"), path = "valid_off.rs")]
pub(crate) mod valid;

pub use body::{Body, BodyRejection};
pub use connection::{Identity, Inject, SocketData};
pub use message::{EventName, MessageBody};

use crate::{
    call::context::ExecutionContext,
    call::extract::facts::ArgumentFacts,
    exception::{AsyncResult, WsException},
};

/// A type that handlers can take as an argument.
///
/// `G` is the gateway, for extractors that depend on it. `On` is the [`occasion`] (a message, a client that
/// connects or leaves, startup), for extractors that are available on some occasions only. An extractor of
/// your own is generic over both (NestJS: `createParamDecorator`):
///
/// ```
/// use gateway_core::prelude::*;
///
/// pub struct UserAgent(pub String);
///
/// impl<G, On> FromMessage<G, On> for UserAgent {
///     async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
///         match context.handshake().header("user-agent") {
///             Some(agent) => Ok(Self(agent.to_owned())),
///             None => Err(WsException::new("who are you?").with_code("NO_USER_AGENT")),
///         }
///     }
/// }
/// ```
///
/// # Extractors that answer
///
/// An extractor may contain others, the [`Ack`](crate::Ack) among them. A handler that takes it then answers by
/// itself, as with the `Ack` as its own argument: it returns `()` or events, and if nothing is sent, the client
/// reads `NO_REPLY`. The compiler does not see an `Ack` in there, so a second one, or a value returned beside it,
/// is an error of the call: `INTERNAL` for the client unless it has been answered, and the reason in the log.
///
/// ```
/// use gateway_core::{occasion::Message, prelude::*};
///
/// /// Says what becomes of a job.
/// pub struct Job {
///     ack: Ack,
/// }
///
/// impl<G> FromMessage<G, Message> for Job {
///     async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
///         let ack = <Ack as FromMessage<G, Message>>::from_message(context).await?;
///         Ok(Self { ack })
///     }
/// }
///
/// impl Job {
///     pub async fn accept(self) -> Result<(), EmitError> {
///         self.ack.send("accepted").await
///     }
/// }
/// ```
///
/// To know only whether the client is waiting, ask [`ExecutionContext::wants_ack`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of this handler",
    label = "not an extractor for a {On}",
    note = "take the payload as `MessageBody<T>`, or as `MessageBody<Valid<T>>` if `T` derives \
            `garde::Validate` from garde 0.23 (another version's is a different trait), and a service as \
            `Inject<T>`",
    note = "a type of your own can implement `FromMessage<G, On>`",
    note = "`MessageBody`, `Ack` and `EventName` need a message, `DisconnectReason` needs \
            `#[on_disconnect]`, and in `#[after_init]` there is no client"
)]
pub trait FromMessage<G, On = Message>: Sized {
    /// Extracts the argument. If that fails, the handler does not run.
    ///
    /// # Errors
    /// The exception that goes to the filters, which decide what the client is told.
    fn from_message(context: &mut ExecutionContext) -> impl AsyncResult<Self> + Send;

    /// What the start report and the table of routes should know about it.
    #[doc(hidden)]
    fn describe(_facts: &mut ArgumentFacts) {}
}

macro_rules! occasion {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// ```
        #[doc = concat!("use gateway_core::occasion::", stringify!($name), ";")]
        #[doc = concat!("fn takes<T: gateway_core::FromMessage<(), ", stringify!($name), ">>() {}")]
        #[doc = concat!("takes::<Option<Result<gateway_core::", occasion!(@example $name), ", gateway_core::WsException>>>();")]
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {}
    };
    (@example Init) => { "Server" };
    (@example $name:ident) => { "Socket" };
}

pub mod occasion {
    //! The occasions on which a gateway's methods are called, as types: [`FromMessage`]'s `On`.
    //!
    //! [`FromMessage`]: crate::FromMessage

    occasion! {
        /// A message: `#[subscribe_message]`.
        Message
    }
    occasion! {
        /// A client has connected: `#[on_connection]`.
        Connection
    }
    occasion! {
        /// A client has left: `#[on_disconnect]`.
        Disconnection
    }
    occasion! {
        /// The gateway has been built: `#[after_init]`.
        Init
    }

    /// The occasions that are about a client.
    #[diagnostic::on_unimplemented(
        message = "there is no client in `#[after_init]`",
        label = "this is about one client",
        note = "`#[after_init]` runs before the first client connects: take `Server` or `Inject<T>` \
                there, and what is about a client in `#[on_connection]`"
    )]
    pub trait OfClient {}

    impl OfClient for Message {}
    impl OfClient for Connection {}
    impl OfClient for Disconnection {}
}

use occasion::Message;

/// An extractor that may fail without stopping the handler: the argument is then `None`.
impl<G, On, T: FromMessage<G, On>> FromMessage<G, On> for Option<T> {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(T::from_message(context).await.ok())
    }

    fn describe(facts: &mut ArgumentFacts) {
        facts.optionally(T::describe);
    }
}

/// An extractor whose failure the handler deals with itself.
impl<G, On, T: FromMessage<G, On>> FromMessage<G, On> for Result<T, WsException> {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(T::from_message(context).await)
    }

    fn describe(facts: &mut ArgumentFacts) {
        facts.optionally(T::describe);
    }
}
