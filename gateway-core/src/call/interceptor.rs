//! Interceptors: what happens around a handler.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::{
    call::{context::ExecutionContext, reply::Reply},
    exception::{AsyncResult, WsException},
};

/// Runs around a handler (NestJS: `NestInterceptor`): before it, after it, or instead of it.
///
/// Applied with `#[use_interceptors(..)]` on a gateway or a handler, or for all gateways with
/// [`use_global_interceptors`](crate::AppBuilder::use_global_interceptors). The first one listed is
/// the outermost; the pipes and the handler are inside. [`Reply::map`] inspects and changes the reply,
/// including the items of a stream.
///
/// ```
/// use gateway_core::prelude::*;
/// use serde_json::json;
///
/// #[injectable]
/// pub struct Envelope;
///
/// impl Interceptor for Envelope {
///     async fn intercept(
///         &self,
///         _: &ExecutionContext,
///         next: Next<'_>,
///     ) -> Result<Reply, WsException> {
///         Ok(next.handle().await?.map(|value| json!({ "data": value })))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an interceptor",
    label = "expected a type that implements `Interceptor`",
    note = "write `impl Interceptor for {Self}` with `async fn intercept(&self, .., next: Next<'_>) -> Result<Reply, WsException>`"
)]
pub trait Interceptor: Send + Sync + 'static {
    /// Runs around everything that comes after it, which is `next`.
    ///
    /// # Errors
    /// The interceptor's own exception, or the one that `next` returned.
    fn intercept(
        &self,
        context: &ExecutionContext,
        next: Next<'_>,
    ) -> impl AsyncResult<Reply> + Send;

    /// Checks, once and at startup, that the interceptor can work as it was constructed. Does nothing by
    /// default.
    ///
    /// # Errors
    /// What is wrong with it. The application then does not start, and its start report contains the text.
    fn check_at_start(&self) -> Result<(), String> {
        Ok(())
    }
}

/// An [`Interceptor`] of any type.
#[doc(hidden)]
pub trait ErasedInterceptor: Send + Sync {
    #[doc(hidden)]
    fn intercept<'a>(
        &'a self,
        context: &'a ExecutionContext,
        next: Next<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, WsException>> + Send + 'a>>;

    #[doc(hidden)]
    fn check_at_start(&self) -> Result<(), String>;
}

impl<T: Interceptor> ErasedInterceptor for T {
    fn intercept<'a>(
        &'a self,
        context: &'a ExecutionContext,
        next: Next<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, WsException>> + Send + 'a>> {
        Box::pin(Interceptor::intercept(self, context, next))
    }

    fn check_at_start(&self) -> Result<(), String> {
        Interceptor::check_at_start(self)
    }
}

type Handler<'a> = Pin<Box<dyn Future<Output = Result<Reply, WsException>> + Send + 'a>>;

/// What comes after an interceptor: the remaining interceptors, then the pipes and the handler (NestJS:
/// `CallHandler`).
///
/// ```
/// # use gateway_core::prelude::*;
/// # struct Slow;
/// impl Interceptor for Slow {
///     async fn intercept(
///         &self,
///         _: &ExecutionContext,
///         next: Next<'_>,
///     ) -> Result<Reply, WsException> {
///         next.handle().await
///     }
/// }
/// ```
pub struct Next<'a> {
    interceptors: &'a [Arc<dyn ErasedInterceptor>],
    context: &'a ExecutionContext,
    handler: Handler<'a>,
}

impl<'a> Next<'a> {
    pub(crate) fn new(
        interceptors: &'a [Arc<dyn ErasedInterceptor>],
        context: &'a ExecutionContext,
        handler: Handler<'a>,
    ) -> Self {
        Self { interceptors, context, handler }
    }

    /// Runs what comes next. An interceptor that does not call this answers in the handler's place.
    ///
    /// # Errors
    /// The exceptions of the handler, and of the interceptors in between.
    pub async fn handle(self) -> Result<Reply, WsException> {
        match self.interceptors.split_first() {
            Some((first, rest)) => {
                let next = Next { interceptors: rest, ..self };
                first.intercept(self.context, next).await
            }
            None => self.handler.await,
        }
    }
}

impl std::fmt::Debug for Next<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Next")
            .field("left", &self.interceptors.len())
            .finish_non_exhaustive()
    }
}
