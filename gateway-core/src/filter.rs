//! Exception filters: what a client is told when something went wrong.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use futures_util::FutureExt;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{context::ExecutionContext, exception::WsException};

/// Decides what a client is told about an exception (NestJS: `ExceptionFilter` with `@Catch`).
///
/// Named with `#[use_filters(..)]` on a gateway or a handler, or for all gateways with
/// [`use_global_filters`](crate::AppBuilder::use_global_filters). The most specific level is asked
/// first, and within a level the last one listed; one whose [`Catch`](Self::Catch) does not match
/// is passed over. Without any, the client gets the event `exception`. A filter that panics is
/// replaced by that default.
///
/// ```
/// use gateway_core::prelude::*;
/// use serde_json::json;
///
/// #[injectable]
/// pub struct WsExceptionFilter;
///
/// impl ExceptionFilter for WsExceptionFilter {
///     type Catch = WsException;
///
///     async fn catch(
///         &self,
///         exception: &WsException,
///         _: &ExecutionContext,
///     ) -> Result<ErrorReply, WsException> {
///         Ok(ErrorReply::new("error", &json!({ "message": exception.message() })))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an exception filter",
    label = "expected a type that implements `ExceptionFilter`",
    note = "write `impl ExceptionFilter for {Self}` with `type Catch = WsException`"
)]
pub trait ExceptionFilter: Send + Sync + 'static {
    /// What it catches: [`WsException`] for everything, or the type of an error that an exception
    /// was made of, by `?` or [`with_source`](WsException::with_source).
    type Catch: 'static;

    /// Says what the client is told. `Err` hands an exception, the same or another, to the next
    /// filter.
    fn catch(
        &self,
        exception: &Self::Catch,
        context: &ExecutionContext,
    ) -> impl Future<Output = Result<ErrorReply, WsException>> + Send;
}

/// What the sender of a failed message receives: an event, and the acknowledgement it asked for.
///
/// ```
/// use gateway_core::ErrorReply;
/// use serde_json::json;
///
/// let reply = ErrorReply::new("error", &json!({ "message": "no" })).without_ack();
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorReply {
    pub(crate) event: Option<(String, Value)>,
    pub(crate) ack: Option<Value>,
}

impl ErrorReply {
    /// The same body as an event, and as the acknowledgement if one was asked for.
    pub fn new(event: impl Into<String>, body: &impl Serialize) -> Self {
        let body = json(body);
        Self { event: Some((event.into(), body.clone())), ack: Some(body) }
    }

    /// Sends no event.
    #[must_use]
    pub fn without_event(mut self) -> Self {
        self.event = None;
        self
    }

    /// Acknowledges with another body.
    #[must_use]
    pub fn with_ack(mut self, body: &impl Serialize) -> Self {
        self.ack = Some(json(body));
        self
    }

    /// Leaves the acknowledgement unanswered. The client will wait for its own timeout.
    #[must_use]
    pub fn without_ack(mut self) -> Self {
        self.ack = None;
        self
    }

    /// What the client is told when no filter says otherwise:
    /// `exception {status, message, code, errors?, cause?}`.
    #[must_use]
    pub fn standard(exception: &WsException, context: &ExecutionContext) -> Self {
        let mut body = exception.body();
        if context.runtime().settings.include_cause {
            body["cause"] = json!({ "pattern": context.event(), "data": cause(context.body()) });
        }
        Self::new("exception", &body)
    }
}

fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).unwrap_or_else(|error| {
        tracing::error!(%error, "the body of an error cannot be encoded");
        WsException::panicked().body()
    })
}

/// The payload as the client sent it, or the beginning of its text where it is long.
fn cause(data: Value) -> Value {
    /// In bytes of JSON.
    const LONGEST: usize = 1024;

    let text = data.to_string();
    if text.len() <= LONGEST { data } else { text[..text.floor_char_boundary(LONGEST)].into() }
}

/// An [`ExceptionFilter`] of any type.
#[doc(hidden)]
pub trait ErasedFilter: Send + Sync {
    #[doc(hidden)]
    fn catches(&self, exception: &WsException) -> bool;

    #[doc(hidden)]
    fn catch<'a>(
        &'a self,
        exception: &'a WsException,
        context: &'a ExecutionContext,
    ) -> Pin<Box<dyn Future<Output = Result<ErrorReply, WsException>> + Send + 'a>>;
}

impl<F: ExceptionFilter> ErasedFilter for F {
    fn catches(&self, exception: &WsException) -> bool {
        caught::<F::Catch>(exception).is_some()
    }

    fn catch<'a>(
        &'a self,
        exception: &'a WsException,
        context: &'a ExecutionContext,
    ) -> Pin<Box<dyn Future<Output = Result<ErrorReply, WsException>> + Send + 'a>> {
        match caught::<F::Catch>(exception) {
            Some(caught) => Box::pin(ExceptionFilter::catch(self, caught, context)),
            None => Box::pin(std::future::ready(Err(exception.clone()))),
        }
    }
}

/// The exception as a `T`: itself, or the error it was made of.
fn caught<T: 'static>(exception: &WsException) -> Option<&T> {
    (exception as &dyn Any)
        .downcast_ref()
        .or_else(|| exception.source_as_any().and_then(|source| source.downcast_ref()))
}

/// The filters of one handler, those to ask first in front.
#[derive(Clone, Default)]
pub(crate) struct Filters(Arc<[Arc<dyn ErasedFilter>]>);

impl Filters {
    /// Levels from the most specific to the most general, each as listed by the user.
    pub(crate) fn of_levels(levels: &[&[Arc<dyn ErasedFilter>]]) -> Self {
        Self(levels.iter().flat_map(|level| level.iter().rev()).cloned().collect())
    }

    pub(crate) async fn reply(
        &self,
        context: &ExecutionContext,
        mut exception: WsException,
    ) -> ErrorReply {
        for filter in self.0.iter() {
            if !filter.catches(&exception) {
                continue;
            }
            let caught = AssertUnwindSafe(async { filter.catch(&exception, context).await });
            match caught.catch_unwind().await {
                Ok(Ok(reply)) => return reply,
                Ok(Err(other)) => exception = other,
                Err(_panic) => {
                    tracing::error!(
                        namespace = context.namespace(),
                        event = context.event(),
                        "an exception filter panicked; the client gets the standard answer"
                    );
                    break;
                }
            }
        }
        ErrorReply::standard(&exception, context)
    }
}
