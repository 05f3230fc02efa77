//! Interceptors: what happens around a handler.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::{context::ExecutionContext, exception::WsException, reply::Reply};

/// Runs around a handler (NestJS: `NestInterceptor`): before it, after it, or instead of it.
///
/// Named with `#[use_interceptors(..)]` on a gateway or a handler, or for all gateways with
/// [`use_global_interceptors`](crate::AppBuilder::use_global_interceptors). The first one listed is
/// the outermost; the pipes and the handler are inside. The reply can be looked at and changed with
/// [`Reply::map`], the items of a stream included.
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
    /// Runs around the rest, which is `next`.
    ///
    /// # Errors
    /// Its own, or that of the rest.
    fn intercept(
        &self,
        context: &ExecutionContext,
        next: Next<'_>,
    ) -> impl Future<Output = Result<Reply, WsException>> + Send;
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
}

impl<T: Interceptor> ErasedInterceptor for T {
    fn intercept<'a>(
        &'a self,
        context: &'a ExecutionContext,
        next: Next<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, WsException>> + Send + 'a>> {
        Box::pin(Interceptor::intercept(self, context, next))
    }
}

type Handler<'a> = Pin<Box<dyn Future<Output = Result<Reply, WsException>> + Send + 'a>>;

/// What comes after an interceptor: the other interceptors, then pipes and handler (NestJS:
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

    /// Runs it. An interceptor that does not call this answers in the handler's place.
    ///
    /// # Errors
    /// Those of the handler, and of the interceptors in between.
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
