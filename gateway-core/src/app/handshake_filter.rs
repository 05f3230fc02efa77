//! What a request must pass before the Socket.IO server sees it: where its page comes from, and whether anybody
//! is let in at all. It does not concern other routes.
//!
//! This is a hand-written service, because `axum::middleware::from_fn` would box every request twice, also those
//! without an `Origin`, which are only passed on.

use std::{
    future::ready,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use futures_util::{
    TryFutureExt,
    future::{BoxFuture, Either, MapOk},
};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;

use crate::{
    auth::origins::{self, Foreign, Origins, Sharing},
    dispatch::draining::Draining,
    exception::WsException,
    log_limiter::LogLimiter,
    metrics,
    platform::is_handshake,
};

#[derive(Debug, Clone)]
pub(crate) struct HandshakeFilterLayer(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    origins: Origins,
    draining: Arc<Draining>,
    /// Pages that no gateway allows.
    foreign: LogLimiter,
}

impl HandshakeFilterLayer {
    pub(crate) fn new(origins: Origins, draining: Arc<Draining>) -> Self {
        Self(Arc::new(Rules { origins, draining, foreign: LogLimiter::new() }))
    }
}

impl<S> tower::Layer<S> for HandshakeFilterLayer {
    type Service = HandshakeFilter<S>;

    fn layer(&self, inner: S) -> HandshakeFilter<S> {
        HandshakeFilter { inner, rules: Arc::clone(&self.0) }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct HandshakeFilter<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl Rules {
    /// Answers a page that no gateway allows.
    fn refuse_foreign(&self, page: Foreign) -> Response {
        metrics::handshake_refused("origin");
        if let Some(times) = self.foreign.count() {
            tracing::warn!(times, "{page}");
        }
        varies(not_kept(page.into_response()))
    }

    /// The answer to a request that the server need not see.
    fn answer(&self, request: &Request, sharing: Option<&Sharing>) -> Option<Response> {
        if sharing.is_some() && request.method() == Method::OPTIONS {
            let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS);
            return Some(varies(origins::preflight(asked)));
        }
        // Existing sessions may go on with their requests.
        (self.draining.has_begun() && is_handshake(request.uri())).then(refuse)
    }
}

/// The answer to a handshake while the application is shutting down.
fn refuse() -> Response {
    metrics::handshake_refused("draining");
    let exception = WsException::shutting_down();
    let body = json!({ "code": exception.code(), "message": exception.message() });
    varies(not_kept((StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()))
}

/// Every answer depends on the `Origin`, whether there is one or not, and whoever keeps it must know. An
/// upgrade is not an answer that anybody keeps.
fn varies(mut response: Response) -> Response {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
    }
    response
}

/// Like every answer of the server, it must not be cached: it is only true now, and only for this client.
fn not_kept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl<S> tower::Service<Request> for HandshakeFilter<S>
where
    S: tower::Service<Request>,
    S::Response: IntoResponse + 'static,
    S::Error: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<
        MapOk<S::Future, fn(S::Response) -> Response>,
        BoxFuture<'static, Result<Response, S::Error>>,
    >;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let through = |served: S::Future| {
            served.map_ok((|answer: S::Response| varies(answer.into_response())) as fn(_) -> _)
        };
        let sharing = match self.rules.origins.sharing(&request) {
            Ok(sharing) => sharing,
            Err(page) => {
                return Either::Right(Box::pin(ready(Ok(self.rules.refuse_foreign(page)))));
            }
        };
        let answer = self.rules.answer(&request, sharing.as_ref());
        let Some(sharing) = sharing else {
            return match answer {
                Some(answer) => Either::Right(Box::pin(ready(Ok(answer)))),
                None => Either::Left(through(self.inner.call(request))),
            };
        };
        let share = |response| sharing.add_to(response);
        Either::Right(match answer {
            Some(answer) => Box::pin(ready(Ok(share(answer)))),
            None => Box::pin(through(self.inner.call(request)).map_ok(share)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::{Router, body::Body};
    use http::HeaderName;
    use tower::{Layer, ServiceExt, service_fn};

    use super::*;
    use crate::{app::routes, auth::origins::Cors};

    fn cors(origin: &str, credentials: bool) -> Cors {
        Cors { origins: vec![origin.to_owned()], credentials }
    }

    /// Asks a server with the Socket.IO path and one route of the application's own.
    async fn ask_of(
        draining: Draining,
        gateways: &[Cors],
        method: Method,
        path: &str,
        origin: &str,
    ) -> Response {
        let origins = Origins::new(gateways.iter().cloned());
        let front = HandshakeFilterLayer::new(origins, Arc::new(draining));
        let server = service_fn(|_: Request| ready(Ok::<_, Infallible>("".into_response())));
        let other = Router::new().fallback(|| async { "served" });
        let router = routes::with_server(other, "/socket.io", front.layer(server));
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "chat.example")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization");
        if !origin.is_empty() {
            request = request.header(header::ORIGIN, origin);
        }
        router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn ask(gateways: &[Cors], method: Method, path: &str, origin: &str) -> Response {
        ask_of(Draining::default(), gateways, method, path, origin).await
    }

    const PATH: &str = "/socket.io/?EIO=4&transport=polling";

    fn shown(response: &Response, name: HeaderName) -> Option<&str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn a_handshake_needs_one_gateway_that_allows_its_origin() {
        let gateways = [cors("https://a.example", true), cors("https://b.example", false)];
        for (origin, status) in [
            ("https://a.example", StatusCode::OK),
            ("https://b.example", StatusCode::OK),
            ("https://chat.example", StatusCode::OK),
            ("", StatusCode::OK),
            ("https://c.example", StatusCode::FORBIDDEN),
            ("null", StatusCode::FORBIDDEN),
        ] {
            for method in [Method::GET, Method::POST] {
                assert_eq!(ask(&gateways, method, PATH, origin).await.status(), status, "{origin}");
            }
        }
    }

    #[tokio::test]
    async fn browsers_are_told_what_they_ask() {
        let gateways = [cors("https://a.example", true), cors("https://b.example", false)];
        for (origin, credentials) in [
            ("https://a.example", Some("true")),
            ("https://b.example", None),
            ("https://chat.example", None),
        ] {
            let response = ask(&gateways, Method::GET, PATH, origin).await;
            assert_eq!(shown(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), Some(origin));
            assert_eq!(shown(&response, header::ACCESS_CONTROL_ALLOW_CREDENTIALS), credentials);
            assert_eq!(shown(&response, header::VARY), Some("Origin"));
        }
        for (method, origin) in [
            (Method::GET, ""),
            (Method::POST, ""),
            (Method::GET, "https://c.example"),
            (Method::OPTIONS, "https://a.example"),
        ] {
            let response = ask(&gateways, method, PATH, origin).await;
            let vary: Vec<_> = response.headers().get_all(header::VARY).iter().collect();
            assert_eq!(vary, ["Origin"], "{origin}");
        }
        let response = ask(&gateways, Method::GET, PATH, "").await;
        assert_eq!(shown(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), None);
    }

    #[tokio::test]
    async fn a_preflight_is_answered_here() {
        let gateways = [cors("https://a.example", true)];
        let response = ask(&gateways, Method::OPTIONS, PATH, "https://a.example").await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(
            shown(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN),
            Some("https://a.example")
        );
        assert_eq!(shown(&response, header::ACCESS_CONTROL_ALLOW_METHODS), Some("GET, POST"));
        assert_eq!(shown(&response, header::ACCESS_CONTROL_ALLOW_HEADERS), Some("authorization"));
        assert_eq!(shown(&response, header::ACCESS_CONTROL_ALLOW_CREDENTIALS), Some("true"));

        let response = ask(&gateways, Method::OPTIONS, PATH, "https://b.example").await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(shown(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), None);
    }

    #[tokio::test]
    async fn while_draining_sessions_go_on_and_none_begins() {
        for (path, origin, status) in [
            (PATH, "", StatusCode::SERVICE_UNAVAILABLE),
            (PATH, "https://a.example", StatusCode::SERVICE_UNAVAILABLE),
            (PATH, "https://b.example", StatusCode::FORBIDDEN),
            ("/socket.io/?EIO=4&transport=polling&sid=a", "", StatusCode::OK),
            ("/orders", "", StatusCode::OK),
        ] {
            let draining = Draining::default();
            draining.begin();
            let gateways = [cors("https://a.example", false)];
            let response = ask_of(draining, &gateways, Method::GET, path, origin).await;
            assert_eq!(response.status(), status, "{path} {origin}");
            let kept = shown(&response, header::CACHE_CONTROL);
            assert_eq!(kept, (status != StatusCode::OK).then_some("no-store"), "{path} {origin}");
            // A page may read why.
            let readable = shown(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(readable, (origin == "https://a.example").then_some(origin));
        }
    }

    #[tokio::test]
    async fn other_routes_are_left_alone() {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let response = ask(&[], method, "/orders", "https://evil.example").await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(shown(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), None);
        }
    }
}
