//! [`WsException`]: what goes wrong in a gateway, and what of it a client may see.

use std::{any::Any, borrow::Cow, error::Error as StdError, fmt, sync::Arc};

use serde::Serialize;
use serde_json::{Value, json};

/// The codes the framework itself answers with, in the `code` of an error.
///
/// ```
/// use gateway_core::{WsException, code};
/// assert_eq!(WsException::new("no").code(), code::EXCEPTION);
/// ```
pub mod code {
    /// An error of a handler that named no code of its own.
    pub const EXCEPTION: &str = "EXCEPTION";
    /// A panic, or an error that is nobody's business but ours.
    pub const INTERNAL: &str = "INTERNAL";
    /// The arguments have not the form the handler takes.
    pub const BAD_PAYLOAD: &str = "BAD_PAYLOAD";
    /// The arguments have the right form but break a rule.
    pub const VALIDATION: &str = "VALIDATION";
    /// The gateway has no handler for the event.
    pub const UNKNOWN_EVENT: &str = "UNKNOWN_EVENT";
    /// The socket's inbox is full.
    pub const OVERLOADED: &str = "OVERLOADED";
    /// The server is shutting down, and takes no more messages.
    pub const SHUTTING_DOWN: &str = "SHUTTING_DOWN";
    /// The handler took the acknowledgement into its own hands and dropped it unsent.
    pub const NO_REPLY: &str = "NO_REPLY";
    /// The client is not who it would have to be.
    pub const UNAUTHORIZED: &str = "UNAUTHORIZED";
    /// A guard said no.
    pub const FORBIDDEN: &str = "FORBIDDEN";
    /// The client's token has expired; it is disconnected after this.
    pub const TOKEN_EXPIRED: &str = "TOKEN_EXPIRED";
    /// The client asks more often than it may.
    pub const THROTTLED: &str = "THROTTLED";
    /// The handler took longer than it may.
    pub const TIMEOUT: &str = "TIMEOUT";
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
    /// Where: `items[0].sku`. Empty for the payload as a whole.
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
/// What [`new`](Self::new) is given reaches the client. Any other error converts with `?` into an
/// *internal* exception: the client reads "Internal server error", the error itself is kept as the
/// [`source`](Self::source) for filters and the log. For that, `WsException` itself cannot be a
/// `std::error::Error`.
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
    errors: Vec<FieldError>,
    source: Option<Arc<dyn Source>>,
}

/// An error that filters can ask for its type.
trait Source: StdError + Send + Sync + 'static {
    fn as_any(&self) -> &dyn Any;
    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static);
}

impl<E: StdError + Send + Sync + 'static> Source for E {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }
}

const INTERNAL_MESSAGE: &str = "Internal server error";

impl WsException {
    /// An exception whose message the client sees; its code is [`code::EXCEPTION`].
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            code: Cow::Borrowed(code::EXCEPTION),
            errors: Vec::new(),
            source: None,
        }
    }

    /// A payload of the right form that breaks rules, all of them at once: code
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

    /// The client is not, or no longer, who it would have to be: code [`code::UNAUTHORIZED`].
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(message).with_code(code::UNAUTHORIZED)
    }

    /// An error whose detail the client must not see.
    pub fn internal(source: impl StdError + Send + Sync + 'static) -> Self {
        Self::panicked().with_source(source)
    }

    pub(crate) fn panicked() -> Self {
        Self::new(INTERNAL_MESSAGE).with_code(code::INTERNAL)
    }

    pub(crate) fn bad_payload(field: FieldError) -> Self {
        let message = match field.path.as_str() {
            "" => format!("Bad payload: {}", field.message),
            path => format!("Bad payload: `{path}`: {}", field.message),
        };
        Self::new(message).with_code(code::BAD_PAYLOAD).with_errors([field])
    }

    pub(crate) fn unknown_event() -> Self {
        Self::new("No handler for this event").with_code(code::UNKNOWN_EVENT)
    }

    pub(crate) fn overloaded() -> Self {
        Self::new("Too many messages are waiting").with_code(code::OVERLOADED)
    }

    pub(crate) fn shutting_down() -> Self {
        Self::new("The server is shutting down").with_code(code::SHUTTING_DOWN)
    }

    /// The client is known, and may not do this: code [`code::FORBIDDEN`].
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(message).with_code(code::FORBIDDEN)
    }

    pub(crate) fn token_expired() -> Self {
        Self::new("The token has expired").with_code(code::TOKEN_EXPIRED)
    }

    pub(crate) fn timed_out() -> Self {
        Self::new("The handler took too long").with_code(code::TIMEOUT)
    }

    pub(crate) fn no_reply() -> Self {
        Self::new("The handler sent no reply").with_code(code::NO_REPLY)
    }

    /// The same exception under a code of your own.
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

    /// The same exception with the fields it is about.
    #[must_use]
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        self.errors = errors.into_iter().collect();
        self
    }

    /// Keeps the error this one was made of, for filters and the log; the client never sees it.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// What the client reads.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the client's code decides by; the framework's own are in [`code`].
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The fields that were refused, when the exception is about fields.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Whether the client is told nothing but "Internal server error".
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.code == code::INTERNAL
    }

    /// The error this one was made of.
    #[must_use]
    pub fn source(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.source.as_deref().map(Source::as_error)
    }

    pub(crate) fn source_as_any(&self) -> Option<&dyn Any> {
        self.source.as_deref().map(Source::as_any)
    }

    /// The error object of the wire, without its `cause`: `{status, message, code, errors?}`.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = json!({ "status": "error", "message": self.message, "code": self.code });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        body
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for WsException {
    fn from(error: E) -> Self {
        Self::internal(error)
    }
}

impl fmt::Display for WsException {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.message, self.code)?;
        match &self.source {
            Some(source) => write!(formatter, ": {source}"),
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
            .field("errors", &self.errors)
            .field("source", &self.source)
            .finish()
    }
}
