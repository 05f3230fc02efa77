use std::time::Instant;

use crate::{
    context::ExecutionContext,
    exception::WsException,
    interceptor::{Interceptor, Next},
    provider::{Dependencies, Injectable, Provider},
    reply::Reply,
};

/// An interceptor that logs each message at `INFO`: where it went, how it ended, how long it took.
/// Never what was in it.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// #[web_socket_gateway(namespace = "/chat")]
/// #[use_interceptors(Logging)]
/// pub struct ChatGateway;
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Logging;

impl Interceptor for Logging {
    async fn intercept(
        &self,
        context: &ExecutionContext,
        next: Next<'_>,
    ) -> Result<Reply, WsException> {
        let started = Instant::now();
        let reply = next.handle().await;
        tracing::info!(
            namespace = context.namespace(),
            event = context.event(),
            handler = context.handler(),
            outcome = reply.as_ref().map_or_else(WsException::code, |_| "ok"),
            duration = ?started.elapsed(),
            "message"
        );
        reply
    }
}

impl Injectable for Logging {
    fn dependencies() -> Dependencies {
        Dependencies::new()
    }

    fn build(_: &mut Provider) -> Self {
        Self
    }
}
