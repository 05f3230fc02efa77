//! Guards: whether a message is handled at all.

use std::{future::Future, pin::Pin};

use crate::{
    call::context::ExecutionContext,
    exception::{AsyncResult, WsException},
};

/// Decides whether a message may be handled (NestJS: `CanActivate`).
///
/// Applied with `#[use_guards(..)]` on a gateway or a handler, or for all gateways with
/// [`use_global_guards`](crate::AppBuilder::use_global_guards). They are asked in the order global,
/// gateway, handler, before anything else happens, up to the first one that refuses.
/// `Ok(false)` is answered with `FORBIDDEN`, `Err` with the guard's own exception.
///
/// On an `#[on_connection]` method, a guard decides before the hook runs; a client that it refuses is
/// told why and disconnected.
///
/// ```
/// use gateway_core::prelude::*;
///
/// #[injectable]
/// pub struct BusinessHours;
///
/// impl Guard for BusinessHours {
///     async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
///         Ok(context.event() != "trade" || open_now())
///     }
/// }
/// # fn open_now() -> bool { true }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a guard",
    label = "expected a type that implements `Guard`",
    note = "write `impl Guard for {Self}` with `async fn can_activate(&self, ..) -> Result<bool, WsException>`"
)]
pub trait Guard: Send + Sync + 'static {
    /// Whether the message may be handled.
    ///
    /// # Errors
    /// The exception that goes to the filters, which decide what the client is told.
    fn can_activate(&self, context: &ExecutionContext) -> impl AsyncResult<bool> + Send;

    /// Checks, once and at startup, that the guard can work as it was constructed. Does nothing by default.
    ///
    /// # Errors
    /// What is wrong with it. The application then does not start, and its start report contains the text.
    fn check_at_start(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A [`Guard`] of any type.
#[doc(hidden)]
pub trait ErasedGuard: Send + Sync {
    #[doc(hidden)]
    fn can_activate<'a>(
        &'a self,
        context: &'a ExecutionContext,
    ) -> Pin<Box<dyn Future<Output = Result<bool, WsException>> + Send + 'a>>;

    #[doc(hidden)]
    fn check_at_start(&self) -> Result<(), String>;
}

impl<T: Guard> ErasedGuard for T {
    fn can_activate<'a>(
        &'a self,
        context: &'a ExecutionContext,
    ) -> Pin<Box<dyn Future<Output = Result<bool, WsException>> + Send + 'a>> {
        Box::pin(Guard::can_activate(self, context))
    }

    fn check_at_start(&self) -> Result<(), String> {
        Guard::check_at_start(self)
    }
}
