//! The application's HTTP routes: its own, and those of its Socket.IO server among them.

use std::convert::Infallible;

use axum::{
    Extension, Router,
    body::Body,
    extract::{RawPathParams, Request},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use tower::{Service, ServiceExt};

/// Adds the server at `path`, and at `path` with the slash that clients append.
///
/// The server is added as routes, and not as a layer around all others: a layer is applied to each route
/// separately, is lost with the fallback when the router is merged or nested, and never sees a path that has no
/// route.
pub(super) fn with_server<S>(routes: Router, path: &str, server: S) -> Router
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    routes.route_service(path, server.clone()).route_service(&format!("{path}/"), server)
}

/// Whether there is a route for exactly this path. A route with parameters does not count, because the new one
/// takes precedence over it. No handler runs to find out.
///
/// This is asked before a route is added, because axum panics if there already is one.
pub(super) async fn has_route(routes: &Router, path: &str) -> bool {
    #[derive(Clone)]
    struct Literal(bool);

    async fn look(parameters: RawPathParams, _: Request, _: Next) -> Response {
        Extension(Literal(parameters.iter().next().is_none())).into_response()
    }

    if !routes.has_routes() {
        return false;
    }
    let Ok(uri) = path.parse() else { return false };
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri;
    let looked = routes.clone().reset_fallback().route_layer(from_fn(look)).oneshot(request).await;
    let Ok(response) = looked;
    response.extensions().get().is_some_and(|Literal(literal)| *literal)
}

#[cfg(test)]
mod tests {
    use axum::{
        http::StatusCode,
        routing::{any, get, post},
    };

    use super::*;

    async fn ran() -> StatusCode {
        panic!("a handler was run")
    }

    #[tokio::test]
    async fn a_route_is_found_by_its_literal_path_alone() {
        let routes = Router::new()
            .route("/healthz", post(ran).fallback(ran))
            .route("/{name}", any(ran))
            .route("/below/{*path}", get(ran))
            .nest("/nested", Router::new().route("/here", get(ran)))
            .nest_service("/service", any(ran))
            .fallback(ran);
        for (path, found) in [
            ("/healthz", true),
            ("/readyz", false),
            ("/healthz/", false),
            ("/below/", false),
            ("/below/x", false),
            ("/nested/here", true),
            ("/service", true),
            ("/service/", true),
            ("/", false),
        ] {
            assert_eq!(has_route(&routes, path).await, found, "{path}");
        }
        assert!(!has_route(&Router::new(), "/healthz").await);
        assert!(!has_route(&Router::new().fallback(ran), "/healthz").await);
    }
}
