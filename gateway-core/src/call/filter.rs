//! Exception filters: what a client is told when something goes wrong.

use std::{
    error::Error as StdError, future::Future, marker::PhantomData, panic::AssertUnwindSafe,
    pin::Pin, sync::Arc,
};

use futures_util::FutureExt;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    call::context::ExecutionContext,
    description::BodyDescription,
    exception::{AsyncResult, WsException, code},
    excerpt,
    log_limiter::LogLimiter,
    socket::{error::EmitError, event::Event, handle::check_event},
};

/// Decides what a client is told about an exception (NestJS: `ExceptionFilter` with `@Catch`).
///
/// Applied with `#[use_filters(..)]` on a gateway or a handler, or for all gateways with
/// [`use_global_filters`](crate::AppBuilder::use_global_filters). The most specific level is asked
/// first, and within a level the filter listed last; filters whose [`Catch`](Self::Catch) does not match
/// are skipped. If no filter answers, the client receives the event `exception`. It also does if a filter
/// panics.
///
/// An error that was answered by a filter for its own type was expected: it is neither logged nor counted
/// as a failure. An internal exception that a filter for [`WsException`] answers still is; a filter that
/// knows better returns as `Err` the exception it should count as.
///
/// ```
/// # mod app {
/// use gateway_core::prelude::*;
/// use serde::Serialize;
///
/// /// Something went wrong.
/// #[derive(Serialize, Event)]
/// #[event("error")]
/// pub struct ErrorBody {
///     message: String,
/// }
///
/// #[injectable]
/// pub struct WsExceptionFilter;
///
/// impl ExceptionFilter for WsExceptionFilter {
///     type Catch = WsException;
///     type Body = ErrorBody;
///
///     async fn catch(
///         &self,
///         exception: &WsException,
///         _: &ExecutionContext,
///     ) -> Result<ErrorReply<ErrorBody>, WsException> {
///         Ok(ErrorReply::of(&ErrorBody { message: exception.message().to_owned() }))
///     }
/// }
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an exception filter",
    label = "expected a type that implements `ExceptionFilter`",
    note = "write `impl ExceptionFilter for {Self}` with `type Catch = WsException` and `type Body = ..`, what it tells clients"
)]
pub trait ExceptionFilter: Send + Sync + 'static {
    /// What the filter catches: [`WsException`] for everything, or the type of the error that an exception
    /// was made from, with `?` or [`with_source`](WsException::with_source).
    type Catch: Catchable;

    /// What clients are told, in the acknowledgement and in the event: a declared [`Event`](trait@crate::Event). A
    /// [`Value`] may be anything, and says nothing to those who read the contract.
    type Body: ErrorBody;

    /// Decides what the client is told. `Err` passes an exception, the same or another, to the next filter.
    ///
    /// # Errors
    /// The exception for the next filter.
    fn catch(
        &self,
        exception: &Self::Catch,
        context: &ExecutionContext,
    ) -> impl AsyncResult<ErrorReply<Self::Body>> + Send;
}

/// What an [`ExceptionFilter`] tells clients: a declared [`Event`](trait@crate::Event), or a [`Value`], a text or nothing.
///
/// ```
/// use gateway_core::Event;
/// # fn takes<T: gateway_core::ErrorBody>() {}
///
/// #[derive(serde::Serialize, Event)]
/// #[event("error")]
/// struct Told {
///     message: String,
/// }
///
/// takes::<Told>();
/// takes::<serde_json::Value>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a filter tells clients",
    label = "expected a declared event",
    note = "write `#[derive(serde::Serialize, Event)] #[event(\"error\")]` above `{Self}`, with the name that clients listen to; \
            a `serde_json::Value` may be anything"
)]
pub trait ErrorBody: Serialize {
    /// For the contract.
    #[doc(hidden)]
    fn described() -> BodyDescription;
}

#[diagnostic::do_not_recommend]
impl<E: Event> ErrorBody for E {
    fn described() -> BodyDescription {
        E::described()
    }
}

macro_rules! may_be_told {
    ($($ty:ty),*) => {
        $(
            impl ErrorBody for $ty {
                fn described() -> BodyDescription {
                    BodyDescription::unknown::<Self>()
                }
            }
        )*
    };
}

may_be_told!(Value, String, &'static str, ());

/// What an [`ExceptionFilter`] can catch: [`WsException`] itself, and every `std::error::Error` that an
/// exception can be made from.
///
/// ```
/// # fn takes<T: gateway_core::Catchable>() {}
/// takes::<gateway_core::WsException>();
/// takes::<std::num::ParseIntError>();
/// ```
#[diagnostic::on_unimplemented(
    message = "a filter cannot catch `{Self}`",
    label = "no exception can be made from this",
    note = "a filter catches `WsException`, which means everything, or a type that implements `std::error::Error`"
)]
pub trait Catchable: 'static {
    /// Whether it stands for every exception, whatever it was made from.
    #[doc(hidden)]
    const IS_EVERYTHING: bool;

    #[doc(hidden)]
    fn caught_in(exception: &WsException) -> Option<&Self>;
}

impl Catchable for WsException {
    const IS_EVERYTHING: bool = true;

    fn caught_in(exception: &WsException) -> Option<&Self> {
        Some(exception)
    }
}

impl<E: StdError + 'static> Catchable for E {
    const IS_EVERYTHING: bool = false;

    fn caught_in(exception: &WsException) -> Option<&Self> {
        exception.source_as()
    }
}

/// What the sender of a failed message receives: an event, and the acknowledgement it asked for, both with a `B`.
///
/// ```
/// use gateway_core::ErrorReply;
/// use serde_json::json;
///
/// let reply = ErrorReply::new("error", &json!({ "message": "no" })).without_ack();
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorReply<B = Value> {
    pub(crate) event: Option<(String, Value)>,
    pub(crate) ack: Option<Value>,
    body: PhantomData<fn() -> B>,
}

impl<E: Event> ErrorReply<E> {
    /// A declared event, whose payload is the acknowledgement as well, if one was asked for.
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # use serde::Serialize;
    /// #[derive(Serialize, Event)]
    /// #[event("error")]
    /// struct Sorry {
    ///     code: u16,
    /// }
    ///
    /// let reply = ErrorReply::of(&Sorry { code: 404 }).without_ack();
    /// ```
    pub fn of(body: &E) -> Self {
        Self::new(E::NAME, body)
    }
}

impl<B: Serialize> ErrorReply<B> {
    /// The same body as an event, and as the acknowledgement if one was asked for.
    ///
    /// An event that the protocol reserves, such as `disconnect`, cannot be emitted: this is logged, and the
    /// client receives the standard answer instead.
    pub fn new(event: impl Into<String>, body: &B) -> Self {
        let body = json(body);
        Self { event: Some((event.into(), body.clone())), ack: Some(body), body: PhantomData }
    }

    /// Acknowledges with a body other than the event's.
    #[must_use]
    pub fn with_ack(mut self, body: &B) -> Self {
        self.ack = Some(json(body));
        self
    }
}

impl<B> ErrorReply<B> {
    /// Sends no event.
    #[must_use]
    pub fn without_event(mut self) -> Self {
        self.event = None;
        self
    }

    /// Leaves the acknowledgement unanswered. The client will wait for its own timeout, unless somebody still
    /// holds the message's [`Ack`](crate::Ack).
    #[must_use]
    pub fn without_ack(mut self) -> Self {
        self.ack = None;
        self
    }

    /// The same, of any filter.
    fn erased(self) -> ErrorReply {
        let Self { event, ack, .. } = self;
        ErrorReply { event, ack, body: PhantomData }
    }

    /// The `code` in its body.
    fn code(&self) -> Option<&str> {
        let bodies = [self.ack.as_ref(), self.event.as_ref().map(|(_, body)| body)];
        bodies.into_iter().flatten().find_map(|body| body.get("code")?.as_str())
    }

    /// Whether its event may be emitted.
    fn check(&self) -> Result<(), EmitError> {
        self.event.as_ref().map_or(Ok(()), |(name, _)| check_event(name))
    }

    /// What the client is told if no filter decides otherwise: the event `exception` with
    /// `{status, message, code, errors?, moreErrors?, cause?}`, unless a throttle refuses
    /// [quietly](crate::Throttle::quietly). However much the client has sent, at most
    /// 1 KiB of it is repeated.
    #[must_use]
    pub fn standard(exception: &WsException, context: &ExecutionContext) -> Self {
        let mut body = exception.body();
        if context.gateway_namespace().settings.include_cause {
            body["cause"] = cause(exception, context);
        }
        let event = Some(("exception".to_owned(), body.clone()));
        let reply = Self { event, ack: Some(body), body: PhantomData };
        if exception.is_quiet() { reply.without_event() } else { reply }
    }
}

fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).unwrap_or_else(|error| {
        static LINES: LogLimiter = LogLimiter::new();
        if let Some(times) = LINES.count() {
            let error = excerpt::logged(error);
            tracing::error!(error, times, "the body of an error cannot be encoded");
        }
        WsException::internal_error().body()
    })
}

/// What the client had sent. For a message that was refused unread this is only its name, or an excerpt of it,
/// since refusing must cost less than serving. Secrets are not repeated either.
fn cause(exception: &WsException, context: &ExecutionContext) -> Value {
    let pattern = context.pattern();
    let longest = context.gateway_namespace().settings.limits.event_name_bytes;
    let is_unread = matches!(exception.code(), code::OVERLOADED | code::SHUTTING_DOWN)
        || context.event().len() > longest;
    if is_unread || context.route().takes_secrets {
        return json!({ "pattern": pattern });
    }
    let room = LONGEST_ECHO.saturating_sub(pattern.len() + exception.told());
    json!({ "pattern": pattern, "data": context.excerpt(room) })
}

/// How many bytes of what a client had sent its error may repeat, in the message, the errors and the cause
/// together.
const LONGEST_ECHO: usize = 1024;

/// An [`ExceptionFilter`] of any type.
#[doc(hidden)]
pub trait ErasedFilter: Send + Sync {
    #[doc(hidden)]
    fn catches(&self, exception: &WsException) -> Option<Caught>;

    #[doc(hidden)]
    fn catch<'a>(
        &'a self,
        exception: &'a WsException,
        context: &'a ExecutionContext,
    ) -> Pin<Box<dyn Future<Output = Result<ErrorReply, WsException>> + Send + 'a>>;
}

/// How a filter came to catch an exception.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caught {
    /// As a filter for everything.
    Exception,
    /// As a filter for this type of error.
    OwnType,
}

impl<F: ExceptionFilter> ErasedFilter for F {
    fn catches(&self, exception: &WsException) -> Option<Caught> {
        F::Catch::caught_in(exception).map(|_| match F::Catch::IS_EVERYTHING {
            true => Caught::Exception,
            false => Caught::OwnType,
        })
    }

    fn catch<'a>(
        &'a self,
        exception: &'a WsException,
        context: &'a ExecutionContext,
    ) -> Pin<Box<dyn Future<Output = Result<ErrorReply, WsException>> + Send + 'a>> {
        match F::Catch::caught_in(exception) {
            Some(caught) => {
                let answer = ExceptionFilter::catch(self, caught, context);
                Box::pin(answer.map(|answer| answer.map(ErrorReply::erased)))
            }
            None => Box::pin(std::future::ready(Err(exception.clone()))),
        }
    }
}

/// What the filters made of an exception.
pub(crate) struct Answer {
    pub(crate) reply: ErrorReply,
    /// The final exception: a filter may pass on another than it was given.
    pub(crate) exception: WsException,
    /// Whether the application expected it: a filter for the error's type has answered.
    pub(crate) is_expected: bool,
}

impl Answer {
    /// The framework's own answer.
    pub(crate) fn standard(exception: WsException, context: &ExecutionContext) -> Self {
        let reply = ErrorReply::standard(&exception, context);
        Self { reply, exception, is_expected: false }
    }

    /// Whether something failed that the application did not expect.
    pub(crate) fn is_failure(&self) -> bool {
        self.exception.is_internal() && !self.is_expected
    }

    /// The code that the client reads, if it reads one.
    pub(crate) fn code(&self) -> &str {
        match self.reply.code() {
            Some(code) if self.is_expected => code,
            None if self.is_expected => "filtered",
            _ => self.exception.code(),
        }
    }
}

/// The filters of one handler, in the order in which they are asked.
#[derive(Clone, Default)]
pub(crate) struct Filters(Arc<[Arc<dyn ErasedFilter>]>);

impl Filters {
    /// Levels from the most specific to the most general, each as listed by the user.
    pub(crate) fn of_levels(levels: &[&[Arc<dyn ErasedFilter>]]) -> Self {
        Self(levels.iter().flat_map(|level| level.iter().rev()).cloned().collect())
    }

    pub(crate) async fn answer(
        &self,
        context: &ExecutionContext,
        mut exception: WsException,
    ) -> Answer {
        for filter in self.0.iter() {
            let Some(caught) = filter.catches(&exception) else { continue };
            let is_expected = caught == Caught::OwnType;
            let asked = AssertUnwindSafe(async { filter.catch(&exception, context).await });
            match asked.catch_unwind().await {
                Ok(Ok(reply)) => {
                    match reply.check() {
                        Ok(()) => return Answer { reply, exception, is_expected },
                        Err(error) => {
                            context.log_failure(|times| {
                            let error = excerpt::logged(error);
                            tracing::error!(error, times, "an exception filter's event; the client gets the standard answer");
                            });
                            break;
                        }
                    }
                }
                Ok(Err(other)) => exception = other,
                Err(_panic) => {
                    context.log_failure(|times| {
                        tracing::error!(
                            times,
                            "an exception filter panicked; the client gets the standard answer"
                        );
                    });
                    break;
                }
            }
        }
        Answer::standard(exception, context)
    }
}
