//! Extractors: what a handler may take as an argument, chosen by type.
//!
//! Knows the context of one call; not how it came or where the result goes.

mod connection;
mod http;
mod message;

use std::future::Future;

pub use connection::{Identity, Inject, SocketData};
pub(crate) use http::HttpAuthenticators;
pub use message::{Event, MessageBody};

use crate::{context::ExecutionContext, exception::WsException, facts::ArgumentFacts};

/// A type that handlers can take as an argument.
///
/// `G` is the gateway, for extractors that depend on it; `On` is the [`occasion`] (a message, a
/// client that comes or goes, the start), for those that exist on some only. An extractor
/// of your own leaves both open (NestJS: `createParamDecorator`):
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of this handler",
    label = "not an extractor for a {On}",
    note = "the payload is taken as `MessageBody<T>`, or `MessageBody<Valid<T>>` if `T` derives \
            `garde::Validate`; a service as `Inject<T>`",
    note = "a type of your own can implement `FromMessage<G, On>`",
    note = "`MessageBody`, `Ack` and `Event` need a message, `DisconnectReason` needs \
            `#[on_disconnect]`, and what is about a client does not exist in `#[after_init]`"
)]
pub trait FromMessage<G, On = Message>: Sized {
    /// Makes the argument, or says why the handler cannot run.
    ///
    /// # Errors
    /// The exception the client is told, by way of the filters.
    fn from_message(
        context: &mut ExecutionContext,
    ) -> impl Future<Output = Result<Self, WsException>> + Send;

    /// What the start report and the table of routes should know of it.
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
        /// A client has come in: `#[on_connection]`.
        Connection
    }
    occasion! {
        /// A client has gone: `#[on_disconnect]`.
        Disconnection
    }
    occasion! {
        /// The gateway was made: `#[after_init]`.
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

/// An extractor that may fail without stopping the handler: `None` when it does.
impl<G, On, T: FromMessage<G, On>> FromMessage<G, On> for Option<T> {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(T::from_message(context).await.ok())
    }

    fn describe(facts: &mut ArgumentFacts) {
        T::describe(facts);
    }
}

/// An extractor whose failure the handler looks at itself.
impl<G, On, T: FromMessage<G, On>> FromMessage<G, On> for Result<T, WsException> {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(T::from_message(context).await)
    }

    fn describe(facts: &mut ArgumentFacts) {
        T::describe(facts);
    }
}

/// Makes one argument that has pipes of its own.
#[doc(hidden)]
pub async fn extract_at<G, On, T: FromMessage<G, On>>(
    context: &mut ExecutionContext,
    parameter: usize,
) -> Result<T, WsException> {
    context.parameter = Some(parameter);
    let argument = T::from_message(context).await;
    context.parameter = None;
    argument
}

/// Makes one argument.
#[doc(hidden)]
pub async fn extract<G, On, T: FromMessage<G, On>>(
    context: &mut ExecutionContext,
) -> Result<T, WsException> {
    T::from_message(context).await
}
