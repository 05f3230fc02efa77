//! Pipes: what a payload passes through before it is read into the handler's type.

use std::{future::Future, pin::Pin};

use crate::{
    exception::{AsyncResult, WsException},
    wire::Argument,
};

/// Transforms or refuses one argument of a message (NestJS: `PipeTransform`).
///
/// Applied with `#[use_pipes(..)]` on a gateway, a handler or one of its arguments, or for all
/// gateways with [`use_global_pipes`](crate::AppBuilder::use_global_pipes). They run in the order global,
/// gateway, handler, argument. Pipes see the payload as it arrived, before it is read into the type of
/// the [`MessageBody`](crate::MessageBody); for a tuple, they are given each argument in turn.
///
/// Rules that belong to a type are better written on the type: see [`Valid`](crate::Valid).
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
    /// Returns the argument that the handler is to receive.
    ///
    /// # Errors
    /// The exception that goes to the filters, which decide what the client is told.
    fn transform(
        &self,
        value: Argument,
        metadata: &ArgumentMetadata<'_>,
    ) -> impl AsyncResult<Argument> + Send;
}

/// What a pipe may know about the argument it is given.
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

    /// The name of the type that it will be read into, for logs.
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
