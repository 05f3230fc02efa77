//! What a request must pass before the Socket.IO server sees it: where its page is from, and
//! whether anybody is let in at all.
//!
//! A service by hand and no `axum::middleware::from_fn`, which boxes every request twice: one without
//! an `Origin` is only let through.

use std::{
    future::ready,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use futures_util::{
    TryFutureExt,
    future::{BoxFuture, Either, MapOk},
};
use http::{Method, header};

use crate::{
    health::Health,
    metrics,
    origins::{self, Origins, Sharing},
    platform::{is_handshake, is_under},
};

#[derive(Debug, Clone)]
pub(crate) struct FrontLayer(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    /// Of the Socket.IO server; other routes are none of our business.
    path: Box<str>,
    origins: Origins,
    health: Arc<Health>,
}

impl FrontLayer {
    pub(crate) fn new(path: &str, origins: Origins, health: Arc<Health>) -> Self {
        Self(Arc::new(Rules { path: path.into(), origins, health }))
    }
}

impl<S> tower::Layer<S> for FrontLayer {
    type Service = Front<S>;

    fn layer(&self, inner: S) -> Front<S> {
        Front { inner, rules: Arc::clone(&self.0) }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Front<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl Rules {
    /// What the request is answered without the server.
    fn answer(&self, request: &Request, sharing: Option<&Sharing>) -> Option<Response> {
        if sharing.is_some() && request.method() == Method::OPTIONS {
            let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS);
            return Some(origins::preflight(asked));
        }
        // The requests of sessions that are there go on.
        (self.health.is_draining() && is_handshake(request.uri(), &self.path))
            .then(|| self.health.refuse_handshake())
    }
}

impl<S> tower::Service<Request> for Front<S>
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
        let through = |served: S::Future| served.map_ok(IntoResponse::into_response as fn(_) -> _);
        if !is_under(request.uri().path(), &self.rules.path) {
            return Either::Left(through(self.inner.call(request)));
        }
        let sharing = match self.rules.origins.sharing(&request) {
            Ok(sharing) => sharing,
            Err(foreign) => {
                metrics::handshake_refused("origin");
                return Either::Right(Box::pin(ready(Ok(foreign.into_response()))));
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
    use axum::{Router, body::Body};
    use http::{HeaderName, StatusCode};
    use tower::ServiceExt;

    use super::*;
    use crate::origins::Cors;

    fn cors(origin: &str, credentials: bool) -> Cors {
        Cors { origins: vec![origin.to_owned()], credentials }
    }

    /// Asks a server with the Socket.IO path and one route of the application's own.
    async fn ask_of(
        health: Health,
        gateways: &[Cors],
        method: Method,
        path: &str,
        origin: &str,
    ) -> Response {
        let origins = Origins::new(gateways.iter().cloned());
        let front = FrontLayer::new("/socket.io", origins, Arc::new(health));
        let router = Router::new().fallback(|| async { "served" }).layer(front);
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
        ask_of(Health::default(), gateways, method, path, origin).await
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
            let health = Health::default();
            health.drain();
            let gateways = [cors("https://a.example", false)];
            let response = ask_of(health, &gateways, Method::GET, path, origin).await;
            assert_eq!(response.status(), status, "{path} {origin}");
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
