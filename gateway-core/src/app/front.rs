//! What every request passes first, if proxies are trusted or hosts are named: who has sent it, and whether it
//! is meant for this server.

use std::{
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use futures_util::{
    TryFutureExt,
    future::{Either, MapOk},
};
use gateway_names::Host;
use http::StatusCode;

use crate::{
    app::readiness,
    auth::origins::addressed,
    excerpt,
    log_limiter::LogLimiter,
    metrics,
    platform::{Addressed, TrustedProxies},
};

/// Which proxies may speak for others, and by which names the application may be called.
#[derive(Debug, Default)]
pub(crate) struct Front {
    pub(crate) proxies: TrustedProxies,
    /// `None` if every name is allowed.
    pub(crate) hosts: Option<Vec<Host>>,
    refused: LogLimiter,
}

impl Front {
    /// Puts it in front of a router, if it changes anything: a layer costs every request a box.
    pub(crate) fn before(self, router: Router) -> Router {
        if self.proxies.are_everybody() {
            tracing::warn!(
                "every address is one of `.trusted_proxies([..])`: clients can claim to be anybody"
            );
        }
        match self.proxies.is_empty() && self.hosts.is_none() {
            true => router,
            false => router.layer(FrontLayer(Arc::new(self))),
        }
    }

    /// Whether a page that was loaded from this server may have been meant to. A page whose name an attacker
    /// has pointed at this machine (DNS rebinding) is of the host it talks to like any other: only the
    /// name tells that it is not ours.
    fn allows(&self, server: &Addressed) -> bool {
        let Some(hosts) = &self.hosts else { return true };
        let is = |allowed: &Host, host: &Host| {
            let is_any = allowed.port().is_none() || allowed.port() == host.port();
            // A scheme's own port may be written or not.
            let is_own = host.port().is_none() && matches!(allowed.port(), Some(80 | 443));
            allowed.name() == host.name() && (is_any || is_own)
        };
        server.host.as_ref().is_some_and(|host| hosts.iter().any(|allowed| is(allowed, host)))
    }

    fn refuse(&self, server: &Addressed) -> Response {
        metrics::handshake_refused("host");
        if let Some(times) = self.refused.count() {
            let host = excerpt::logged(server.host.as_ref().map_or("..", Host::name));
            let server = excerpt::logged(server);
            tracing::warn!(
                times,
                "a request to the server `{server}` was refused: it is not one of `.allowed_hosts([..])`; to \
                 allow it, add \"{host}\" there"
            );
        }
        (StatusCode::MISDIRECTED_REQUEST, "Host not allowed").into_response()
    }
}

#[derive(Debug, Clone)]
struct FrontLayer(Arc<Front>);

impl<S> tower::Layer<S> for FrontLayer {
    type Service = Fronted<S>;

    fn layer(&self, inner: S) -> Fronted<S> {
        Fronted { inner, front: Arc::clone(&self.0) }
    }
}

#[derive(Debug, Clone)]
struct Fronted<S> {
    inner: S,
    front: Arc<Front>,
}

impl<S> tower::Service<Request> for Fronted<S>
where
    S: tower::Service<Request>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = S::Error;
    type Future =
        Either<MapOk<S::Future, fn(S::Response) -> Response>, Ready<Result<Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let client = self.front.proxies.client(request.extensions(), request.headers());
        request.extensions_mut().insert(client);
        // Whatever monitors the process asks for it by its address.
        let is_probe = readiness::PATHS.contains(&request.uri().path());
        if self.front.hosts.is_some() && !is_probe {
            let server = addressed(&request);
            if !self.front.allows(&server) {
                return Either::Right(ready(Ok(self.front.refuse(&server))));
            }
        }
        Either::Left(self.inner.call(request).map_ok(IntoResponse::into_response as fn(_) -> _))
    }
}
