use crate::{
    call::{
        context::ExecutionContext,
        interceptor::{Interceptor, Next},
        reply::Reply,
    },
    clock,
    exception::WsException,
    inject::{Dependencies, Injectable, Provider},
};

/// An interceptor that logs each message at `INFO`: where it went, how it ended and how long it took, but
/// never what was in it.
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
        let started = clock::now();
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
