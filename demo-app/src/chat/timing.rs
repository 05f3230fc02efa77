//! How long the chat's handlers take.

use std::time::Instant;

use gateway_core::prelude::*;

/// Logs the time each message took, with its event and never with its content.
#[derive(Debug)]
#[injectable]
pub(super) struct Timing;

impl Interceptor for Timing {
    async fn intercept(
        &self,
        context: &ExecutionContext,
        next: Next<'_>,
    ) -> Result<Reply, WsException> {
        let begun = Instant::now();
        let reply = next.handle().await;
        tracing::debug!(event = context.event(), took = ?begun.elapsed(), ok = reply.is_ok());
        reply
    }
}
