use std::time::Duration;

use crate::{
    call::{
        context::ExecutionContext,
        interceptor::{Interceptor, Next},
        reply::Reply,
    },
    exception::WsException,
};

/// An interceptor that stops handlers that take too long; the client is told `TIMEOUT`. A stream may take that
/// long for each of its items.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// use std::time::Duration;
///
/// #[web_socket_gateway(namespace = "/reports")]
/// #[use_interceptors(Timeout::after(Duration::from_secs(5)))]
/// pub struct ReportsGateway;
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Timeout(Duration);

impl Timeout {
    /// Stops handlers after this long. Zero is a startup error.
    #[must_use]
    pub fn after(patience: Duration) -> Self {
        Self(patience)
    }
}

impl Interceptor for Timeout {
    async fn intercept(&self, _: &ExecutionContext, next: Next<'_>) -> Result<Reply, WsException> {
        match tokio::time::timeout(self.0, next.handle()).await {
            Ok(reply) => Ok(reply?.with_patience(self.0)),
            Err(_elapsed) => Err(WsException::timed_out()),
        }
    }

    fn check_at_start(&self) -> Result<(), String> {
        match self.0.is_zero() {
            true => Err("`Timeout::after` with no time stops every handler".to_owned()),
            false => Ok(()),
        }
    }
}
