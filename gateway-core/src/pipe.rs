//! Pipes: what a payload goes through before it is read into the handler's type.

use std::{future::Future, pin::Pin};

use crate::{exception::WsException, wire::Argument};

/// Transforms or refuses one argument of a message (NestJS: `PipeTransform`).
///
/// Named with `#[use_pipes(..)]` on a gateway, a handler or one of its arguments, or for all
/// gateways with [`use_global_pipes`](crate::AppBuilder::use_global_pipes); run in the order global,
/// gateway, handler, argument. Pipes see the payload as it came, before it is read into the type of
/// the [`MessageBody`](crate::MessageBody); of a tuple, each argument by itself.
///
/// Rules for a type are better written on the type: [`Valid`](crate::Valid).
///
/// ```
/// use gateway_core::{Argument, prelude::*};
///
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
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pipe",
    label = "expected a type that implements `Pipe`",
    note = "write `impl Pipe for {Self}` with `async fn transform(&self, value: Argument, ..) -> Result<Argument, WsException>`"
)]
pub trait Pipe: Send + Sync + 'static {
    /// The argument the handler is to get.
    ///
    /// # Errors
    /// The exception the client is told, by way of the filters.
    fn transform(
        &self,
        value: Argument,
        metadata: &ArgumentMetadata<'_>,
    ) -> impl Future<Output = Result<Argument, WsException>> + Send;
}

/// What a pipe may know of the argument it is given.
///
/// ```
/// # use gateway_core::{Argument, prelude::*};
/// # struct Log;
/// impl Pipe for Log {
///     async fn transform(
///         &self,
///         value: Argument,
///         metadata: &ArgumentMetadata<'_>,
///     ) -> Result<Argument, WsException> {
///         println!("argument {} of {}", metadata.index(), metadata.event());
///         Ok(value)
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ArgumentMetadata<'a> {
    pub(crate) index: usize,
    pub(crate) event: &'a str,
    pub(crate) type_name: &'static str,
}

impl<'a> ArgumentMetadata<'a> {
    /// Its position in the message, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The event's name.
    #[must_use]
    pub fn event(&self) -> &'a str {
        self.event
    }

    /// The name of the type it is going to be read into, for logs.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }
}

/// A [`Pipe`] of any type.
#[doc(hidden)]
pub trait ErasedPipe: Send + Sync {
    #[doc(hidden)]
    fn transform<'a>(
        &'a self,
        value: Argument,
        metadata: &'a ArgumentMetadata<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Argument, WsException>> + Send + 'a>>;
}

impl<T: Pipe> ErasedPipe for T {
    fn transform<'a>(
        &'a self,
        value: Argument,
        metadata: &'a ArgumentMetadata<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Argument, WsException>> + Send + 'a>> {
        Box::pin(Pipe::transform(self, value, metadata))
    }
}
