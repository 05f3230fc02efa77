//! Application errors that define what a client is told about them: [`WsError`].

use std::error::Error as StdError;

use super::WsException;

/// An application's own error type that defines what a client is told about it. Implemented by
/// `#[derive(WsError)]`.
///
/// The exception it becomes, through `?` or as a handler's error, is then not internal: it is neither
/// logged nor counted as a failure. Filters that catch the type still run.
///
/// ```
/// use gateway_core::WsError;
///
/// #[derive(Debug, thiserror::Error, WsError)]
/// pub enum TicketError {
///     #[error("ticket {0} is closed")]
///     #[ws(code = "CLOSED")]
///     Closed(u64),
///     /// Without a code: the client reads "Internal server error", the log has the rest.
///     #[error("the ticket store is unavailable")]
///     Store(#[from] std::io::Error),
/// }
///
/// let exception = TicketError::Closed(7).exception();
/// assert_eq!((exception.code(), exception.message()), ("CLOSED", "ticket 7 is closed"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what a client is told about it",
    label = "expected a type that derives `WsError`",
    note = "write `#[derive(WsError)]` above `{Self}`, and `#[ws(code = \"..\")]` above its variants"
)]
pub trait WsError: StdError + DerivedError + Send + Sync + 'static {
    /// What the client is told. When the error is converted into an exception, the error itself is kept as
    /// the exception's source.
    fn exception(&self) -> WsException;
}

/// Marks an error that the derive has registered. An implementation of `WsError` by hand would count where
/// a handler returns the error, but be missed where `?` converts it.
#[diagnostic::on_unimplemented(
    message = "`WsError` cannot be implemented by hand",
    label = "derive it for `{Self}`",
    note = "write `#[derive(WsError)] #[ws(with = {Self}::exception)]`, with a method \
            `fn exception(&self) -> WsException`"
)]
#[doc(hidden)]
pub trait DerivedError {}

/// The exception of a variant without a code.
#[doc(hidden)]
#[must_use]
pub fn unsaid() -> WsException {
    WsException::internal_error()
}

/// A submitted error type that derives [`WsError`].
///
/// It is looked up here, and not when an application is built, because `?` needs it in functions that know
/// of no application.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ErrorRegistration {
    exception: fn(&(dyn StdError + 'static)) -> Option<WsException>,
}

impl ErrorRegistration {
    /// The registration of `E`.
    #[must_use]
    pub const fn of<E: WsError>() -> Self {
        Self { exception: |error| error.downcast_ref::<E>().map(E::exception) }
    }
}

inventory::collect!(ErrorRegistration);

/// What an error says about itself, if its type is registered.
pub(super) fn exception_of(error: &(dyn StdError + 'static)) -> Option<WsException> {
    inventory::iter::<ErrorRegistration>.into_iter().find_map(|known| (known.exception)(error))
}
