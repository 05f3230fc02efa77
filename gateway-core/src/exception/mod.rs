//! [`WsException`]: what went wrong in a gateway, and how much of it a client may see.

mod known;

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::{Value, json};

use crate::excerpt;
pub use known::{DerivedError, ErrorRegistration, WsError, unsaid};

/// The codes that the framework itself answers with, in an error's `code`.
///
/// ```
/// use gateway_core::{WsException, code};
/// assert_eq!(WsException::new("no").code(), code::EXCEPTION);
/// ```
pub mod code {
    /// A handler's error without a code of its own.
    pub const EXCEPTION: &str = "EXCEPTION";
    /// A panic, or an error whose details the client must not see.
    pub const INTERNAL: &str = "INTERNAL";
    /// The arguments do not have the form that the handler takes.
    pub const BAD_PAYLOAD: &str = "BAD_PAYLOAD";
    /// The arguments have the right form but break a rule.
    pub const VALIDATION: &str = "VALIDATION";
    /// The gateway has no handler for the event.
    pub const UNKNOWN_EVENT: &str = "UNKNOWN_EVENT";
    /// The socket's inbox is full.
    pub const OVERLOADED: &str = "OVERLOADED";
    /// The server is shutting down and accepts no more messages.
    pub const SHUTTING_DOWN: &str = "SHUTTING_DOWN";
    /// The handler took the [`Ack`](crate::Ack) and dropped it without sending it.
    pub const NO_REPLY: &str = "NO_REPLY";
    /// The client is not authenticated, or no longer.
    pub const UNAUTHORIZED: &str = "UNAUTHORIZED";
    /// A guard refused the message.
    pub const FORBIDDEN: &str = "FORBIDDEN";
    /// The client's token has expired; it is disconnected after this.
    pub const TOKEN_EXPIRED: &str = "TOKEN_EXPIRED";
    /// The client's user has connected again, where a user has one session at a time; it is disconnected after this.
    pub const REPLACED: &str = "REPLACED";
    /// The client is already in as many rooms as it may be in.
    pub const TOO_MANY_ROOMS: &str = "TOO_MANY_ROOMS";
    /// The client has sent more requests than it may.
    pub const THROTTLED: &str = "THROTTLED";
    /// The handler took longer than it is allowed to.
    pub const TIMEOUT: &str = "TIMEOUT";
    /// It could not be determined whether this is allowed, or other processes of the application cannot be reached.
    /// Over HTTP this is a 503.
    pub const UNAVAILABLE: &str = "UNAVAILABLE";
}

/// One field of a payload that was refused, and why.
///
/// ```
/// use gateway_core::FieldError;
/// let error = FieldError::new("roomId", "must have 1 to 64 characters");
/// assert_eq!(error.path, "roomId");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The path of the field, as in `items[0].sku`. Empty for the payload as a whole.
    pub path: String,
    /// What is wrong, in words for the client.
    pub message: String,
}

impl FieldError {
    /// An error at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// An error of a gateway (NestJS: `WsException`), as a client may see it.
///
/// The text given to [`new`](Self::new) reaches the client. Any other error converts with `?`. One that
/// derives [`WsError`] becomes what it says about itself; every other error becomes an *internal*
/// exception: the client reads "Internal server error", and the error is kept as the
/// [`source`](Self::source) for filters and the log. To make this conversion possible, `WsException` itself
/// is not a `std::error::Error`.
///
/// That is why `impl From<MyError> for WsException` is E0119 if `MyError` is a `std::error::Error`: derive
/// [`WsError`] instead, where `#[ws(with = MyError::exception)]` names the method that builds the
/// exception. A type that is not a `std::error::Error` may have a `From` of its own.
///
/// A value that is not a `std::error::Error` itself (an `anyhow::Error`, a
/// `Box<dyn Error + Send + Sync>`, a `String`) converts with `.map_err(WsException::internal)?`.
///
/// ```
/// use gateway_core::{WsError, WsException};
///
/// /// Says itself what it becomes.
/// #[derive(Debug, thiserror::Error, WsError)]
/// #[error("the room is full")]
/// #[ws(with = RoomIsFull::exception)]
/// struct RoomIsFull;
///
/// impl RoomIsFull {
///     fn exception(&self) -> WsException {
///         WsException::new(self.to_string()).with_code("ROOM_IS_FULL")
///     }
/// }
///
/// /// No `std::error::Error`, so its `From` is free.
/// struct Closed;
///
/// impl From<Closed> for WsException {
///     fn from(_: Closed) -> Self {
///         WsException::new("closed").with_code("CLOSED")
///     }
/// }
///
/// assert_eq!(WsException::from(RoomIsFull).code(), "ROOM_IS_FULL");
/// assert_eq!(WsException::from(Closed).code(), "CLOSED");
/// ```
///
/// ```
/// use gateway_core::WsException;
///
/// fn parse(text: &str) -> Result<u32, WsException> {
///     if text.is_empty() {
///         return Err(WsException::new("nothing to parse").with_code("EMPTY"));
///     }
///     Ok(text.parse()?)
/// }
///
/// assert_eq!(parse("").unwrap_err().code(), "EMPTY");
/// assert!(parse("x").unwrap_err().is_internal());
/// ```
#[derive(Clone)]
pub struct WsException {
    message: Cow<'static, str>,
    code: Cow<'static, str>,
    /// Boxed, because few exceptions have any, and every exception is moved around.
    errors: Option<Box<Errors>>,
    source: Option<Arc<dyn Source>>,
}

/// The fields that were refused.
#[derive(Debug, Clone)]
struct Errors {
    listed: Vec<FieldError>,
    /// How many more there are.
    more: usize,
}

/// How many refused fields are listed: a payload may have any number of them, more than anybody reads.
const MOST_ERRORS: usize = 100;

/// What an exception was made of.
trait Source: Send + Sync {
    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static);

    /// Whether the error's type is a mere container, so that what it holds is what counts.
    fn is_wrapped(&self) -> bool;
}

/// An error whose own type means something.
struct Plain<E>(E);

impl<E: StdError + Send + Sync + 'static> Source for Plain<E> {
    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &self.0
    }

    fn is_wrapped(&self) -> bool {
        false
    }
}

/// How long a client that was throttled has to wait.
#[derive(Debug, thiserror::Error)]
#[error("may be asked again after {wait:?}")]
struct RetryAfter {
    wait: Duration,
    /// Who has not asked for an acknowledgement is told nothing.
    is_quiet: bool,
}

/// A type that holds any error: `anyhow::Error`, `Box<dyn Error + Send + Sync>`.
struct Wrapped<E>(E);

impl<E> Source for Wrapped<E>
where
    E: AsRef<dyn StdError + Send + Sync> + Send + Sync + 'static,
{
    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self.0.as_ref()
    }

    fn is_wrapped(&self) -> bool {
        true
    }
}

/// A panic, as the source of an exception. It was logged where it was caught.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
struct Panicked(String);

/// An error with its chain of causes, on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        causes(self.0).try_for_each(|cause| write!(formatter, ": {cause}"))
    }
}

/// The causes of an error, the nearest first.
pub(crate) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

/// The same for the log. Each of them may repeat what a client has sent.
pub(crate) fn logged_chain(error: &(dyn StdError + 'static)) -> String {
    /// Nobody reads further down.
    const DEEPEST: usize = 16;

    let chain = std::iter::once(error).chain(causes(error)).take(DEEPEST);
    chain.map(excerpt::logged).collect::<Vec<_>>().join(": ")
}

const INTERNAL_MESSAGE: &str = "Internal server error";

impl WsException {
    /// An exception whose message the client sees. Its code is [`code::EXCEPTION`].
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            code: Cow::Borrowed(code::EXCEPTION),
            errors: None,
            source: None,
        }
    }

    /// A payload of the right form that breaks rules, with all the broken ones at once: code
    /// [`code::VALIDATION`], and `errors: [{path, message}]`.
    ///
    /// ```
    /// use gateway_core::{FieldError, WsException};
    /// let error = WsException::validation([FieldError::new("content", "is too long")]);
    /// assert_eq!(error.errors().len(), 1);
    /// ```
    pub fn validation(errors: impl IntoIterator<Item = FieldError>) -> Self {
        Self::new("Validation failed").with_code(code::VALIDATION).with_errors(errors)
    }

    /// The client is not authenticated, or no longer: code [`code::UNAUTHORIZED`].
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(message).with_code(code::UNAUTHORIZED)
    }

    /// An error whose details the client must not see: any `std::error::Error`, an `anyhow::Error`, a
    /// `Box<dyn Error + Send + Sync>`, or a text for the log.
    ///
    /// ```
    /// use gateway_core::WsException;
    ///
    /// fn load() -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
    ///     Err("the table is locked".into())
    /// }
    ///
    /// fn answer() -> Result<u32, WsException> {
    ///     Ok(load().map_err(WsException::internal)?)
    /// }
    ///
    /// let exception = answer().unwrap_err();
    /// assert_eq!(exception.message(), "Internal server error");
    /// assert_eq!(exception.source().unwrap().to_string(), "the table is locked");
    /// ```
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::internal_error().with_source(source)
    }

    /// From an error whose type is a container: judged by the error inside.
    pub(crate) fn of_wrapped<E>(error: E) -> Self
    where
        E: AsRef<dyn StdError + Send + Sync> + Send + Sync + 'static,
    {
        let outermost: &(dyn StdError + 'static) = error.as_ref();
        let known = known::exception_of(outermost)
            .or_else(|| causes(outermost).find_map(known::exception_of));
        known.unwrap_or_else(Self::internal_error).made_of(Wrapped(error))
    }

    /// From a panic, about which the client is told nothing.
    pub(crate) fn panicked(message: &str) -> Self {
        Self::internal_error().made_of(Plain(Panicked(message.to_owned())))
    }

    fn made_of(mut self, source: impl Source + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    pub(crate) fn internal_error() -> Self {
        Self::new(INTERNAL_MESSAGE).with_code(code::INTERNAL)
    }

    pub(crate) fn bad_payload(field: FieldError) -> Self {
        Self::unreadable("payload", field)
    }

    /// A message's payload, or a part of the handshake, does not have the form that was asked for.
    pub(crate) fn unreadable(what: &str, field: FieldError) -> Self {
        let message = match field.path.as_str() {
            "" => format!("Bad {what}: {}", field.message),
            path => format!("Bad {what}: `{path}`: {}", field.message),
        };
        Self::new(message).with_code(code::BAD_PAYLOAD).with_errors([field])
    }

    pub(crate) fn unknown_event() -> Self {
        Self::new("No handler for this event").with_code(code::UNKNOWN_EVENT)
    }

    pub(crate) fn event_too_long(most: usize) -> Self {
        Self::new(format!("The name of the event is longer than {most} bytes"))
            .with_code(code::UNKNOWN_EVENT)
    }

    pub(crate) fn overloaded() -> Self {
        Self::new("Too many messages are waiting").with_code(code::OVERLOADED)
    }

    pub(crate) fn shutting_down() -> Self {
        Self::new("The server is shutting down").with_code(code::SHUTTING_DOWN)
    }

    /// The client is known but not allowed to do this: code [`code::FORBIDDEN`].
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(message).with_code(code::FORBIDDEN)
    }

    /// The client has sent more requests than it may: code [`code::THROTTLED`]. It may try again after
    /// `wait`, which it receives as `retryAfter`, in whole seconds, rounded up.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gateway_core::WsException;
    ///
    /// let error = WsException::throttled(Duration::from_millis(2500));
    /// assert_eq!(error.body()["retryAfter"], 3);
    /// ```
    pub fn throttled(wait: Duration) -> Self {
        Self::throttled_as(RetryAfter { wait, is_quiet: false })
    }

    /// The same, for clients that have not asked for an answer and need none.
    pub(crate) fn throttled_quietly(wait: Duration) -> Self {
        Self::throttled_as(RetryAfter { wait, is_quiet: true })
    }

    fn throttled_as(retry_after: RetryAfter) -> Self {
        Self::new("Too many requests").with_code(code::THROTTLED).with_source(retry_after)
    }

    /// Whether the standard answer is the acknowledgement alone.
    pub(crate) fn is_quiet(&self) -> bool {
        self.source_as::<RetryAfter>().is_some_and(|retry_after| retry_after.is_quiet)
    }

    /// The seconds after which a throttled client may try again; rounded up, so that a client that waits for
    /// that long is not early.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        let RetryAfter { wait, .. } = self.source_as()?;
        let part = u64::from(wait.subsec_nanos() > 0);
        Some(wait.as_secs().saturating_add(part).max(1))
    }

    pub(crate) fn token_expired() -> Self {
        Self::new("The token has expired").with_code(code::TOKEN_EXPIRED)
    }

    pub(crate) fn replaced() -> Self {
        Self::new("Replaced by a newer session of this user").with_code(code::REPLACED)
    }

    /// Other processes of the application are needed for the answer.
    pub(crate) fn out_of_reach() -> Self {
        Self::new("Not all servers can be reached").with_code(code::UNAVAILABLE)
    }

    pub(crate) fn timed_out() -> Self {
        Self::new("The handler took too long").with_code(code::TIMEOUT)
    }

    pub(crate) fn no_reply() -> Self {
        Self::new("The handler sent no reply").with_code(code::NO_REPLY)
    }

    /// The same exception with another code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self
    }

    /// The same exception with another message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// The same exception with the fields that were refused. The first 100 are listed; the rest are only
    /// counted.
    #[must_use]
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        let mut errors = errors.into_iter();
        let listed: Vec<_> = errors.by_ref().take(MOST_ERRORS).collect();
        self.errors = match listed.as_slice() {
            [] => None,
            _ => Some(Box::new(Errors { listed, more: errors.count() })),
        };
        self
    }

    /// Keeps the underlying error for filters and the log; the client never sees it. Takes what
    /// [`internal`](Self::internal) takes.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.made_of(Wrapped(source.into()))
    }

    /// The message that the client reads.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The code that a client's program branches on. Those of the framework are in [`code`].
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The first 100 fields that were refused; empty if the exception is not about fields.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        self.errors.as_ref().map_or(&[], |errors| &errors.listed)
    }

    /// How many fields were refused beyond those that [`errors`](Self::errors) lists.
    #[must_use]
    pub fn more_errors(&self) -> usize {
        self.errors.as_ref().map_or(0, |errors| errors.more)
    }

    /// How many bytes of text the client reads here. It may have sent all of them itself.
    pub(crate) fn told(&self) -> usize {
        let fields = self.errors().iter().map(|field| field.path.len() + field.message.len());
        self.message.len() + fields.sum::<usize>()
    }

    /// What it is, and what it was made of, for the log.
    pub(crate) fn logged(&self) -> String {
        let told = format!("{} ({})", excerpt::logged(&self.message), excerpt::logged(&self.code));
        match self.source() {
            Some(source) => format!("{told}: {}", logged_chain(source)),
            None => told,
        }
    }

    /// Whether "Internal server error" is all that the client is told.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.code == code::INTERNAL
    }

    /// The underlying error. A filter that looks for one of several types writes
    /// `exception.source()?.downcast_ref::<MyError>()`.
    #[must_use]
    pub fn source(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.source.as_deref().map(Source::as_error)
    }

    /// The underlying error, if it is an `E`. An `anyhow::Error` or a `Box<dyn Error>` is searched for the `E`
    /// inside it; an error of a type of its own counts as itself, and its causes do not.
    pub(crate) fn source_as<E: StdError + 'static>(&self) -> Option<&E> {
        let source = self.source.as_deref()?;
        let outermost: &(dyn StdError + 'static) = source.as_error();
        let mut causes = source.is_wrapped().then(|| causes(outermost)).into_iter().flatten();
        outermost.downcast_ref().or_else(|| causes.find_map(|cause| cause.downcast_ref()))
    }

    pub(crate) fn is_panic(&self) -> bool {
        self.source_as::<Panicked>().is_some()
    }

    /// The error object as clients receive it, without its `cause`:
    /// `{status, message, code, errors?, moreErrors?, retryAfter?}`.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = json!({ "status": "error", "message": self.message, "code": self.code });
        if let Some(errors) = &self.errors {
            body["errors"] = json!(errors.listed);
            if errors.more > 0 {
                body["moreErrors"] = json!(errors.more);
            }
        }
        if let Some(seconds) = self.retry_after() {
            body["retryAfter"] = json!(seconds);
        }
        body
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for WsException {
    fn from(error: E) -> Self {
        known::exception_of(&error).unwrap_or_else(Self::internal_error).made_of(Plain(error))
    }
}

impl fmt::Display for WsException {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.message, self.code)?;
        match &self.source {
            Some(source) => write!(formatter, ": {}", Chain(source.as_error())),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for WsException {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WsException")
            .field("message", &self.message)
            .field("code", &self.code)
            .field("errors", &self.errors())
            .field("source", &self.source())
            .finish()
    }
}

/// What the methods of guards, pipes and the like return: the future of an `async fn` that returns
/// `Result<T, WsException>`. Implemented for every such future, so there is no need to implement it.
///
/// ```
/// use gateway_core::{AsyncResult, WsException};
///
/// async fn is_member(name: &str) -> Result<bool, WsException> {
///     Ok(name == "ada")
/// }
///
/// fn takes(_: impl AsyncResult<bool>) {}
/// takes(is_member("ada"));
/// ```
#[diagnostic::on_unimplemented(
    message = "this must be an `async fn` that returns `Result<{T}, WsException>`",
    label = "returns `{Self}`",
    note = "write `async fn .. -> Result<{T}, WsException>`"
)]
pub trait AsyncResult<T>: Future<Output = Result<T, WsException>> {}

#[diagnostic::do_not_recommend]
impl<T, F: Future<Output = Result<T, WsException>>> AsyncResult<T> for F {}
