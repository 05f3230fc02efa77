//! Clients that ask for Socket.IO at the wrong path. HTTP answers them with 404, or with the application's page,
//! which would not tell anybody at either end what is wrong.

use std::{
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
use http::{StatusCode, Uri, header};

use crate::platform::{self, asks_for_session};

/// Around the application's own routes, and whatever it does with all other paths.
#[derive(Debug, Clone)]
pub(super) struct WrongPathLayer {
    /// Where the server is.
    path: Arc<str>,
}

impl WrongPathLayer {
    pub(super) fn new(path: &str) -> Self {
        Self { path: path.into() }
    }
}

impl<S> tower::Layer<S> for WrongPathLayer {
    type Service = WrongPath<S>;

    fn layer(&self, inner: S) -> WrongPath<S> {
        WrongPath { inner, path: Arc::clone(&self.path) }
    }
}

#[derive(Debug, Clone)]
pub(super) struct WrongPath<S> {
    inner: S,
    path: Arc<str>,
}

impl<S> tower::Service<Request> for WrongPath<S>
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
        if !is_meant_for_a_server(request.uri()) {
            let served = self.inner.call(request);
            return Either::Left(served.map_ok(IntoResponse::into_response as fn(_) -> _));
        }
        let path = Arc::clone(&self.path);
        let asked = request.uri().path().to_owned();
        let served = self.inner.call(request);
        Either::Right(Box::pin(served.map_ok(move |response| {
            let response = response.into_response();
            if is_no_server(&response) {
                platform::wrong_path(&asked, &path);
            }
            response
        })))
    }
}

/// Whether the request is meant for a Socket.IO server: for a session, or for the client's script, which Node's
/// server also serves.
fn is_meant_for_a_server(uri: &Uri) -> bool {
    asks_for_session(uri) || uri.path() == "/socket.io" || uri.path().starts_with("/socket.io/")
}

/// Whether the response does not come from a Socket.IO server: the application may have another one, or a proxy
/// to one.
fn is_no_server(response: &Response) -> bool {
    let content = response.headers().get(header::CONTENT_TYPE);
    let is_page = content.is_some_and(|content| content.as_bytes().starts_with(b"text/html"));
    is_page || [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&response.status())
}

#[cfg(test)]
mod tests {
    use axum::response::Html;

    use super::*;

    #[test]
    fn requests_for_a_server_are_told_from_others() {
        for (uri, meant) in [
            ("/ws/?EIO=4&transport=polling&t=x", true),
            ("/?EIO=3&transport=websocket", true),
            ("/socket.io/", true),
            ("/socket.io/socket.io.js", true),
            ("/socket.iota", false),
            ("/orders?transport=rail", false),
            ("/", false),
        ] {
            assert_eq!(is_meant_for_a_server(&uri.parse().unwrap()), meant, "{uri}");
        }
    }

    #[test]
    fn the_answers_of_a_server_are_told_from_others() {
        assert!(is_no_server(&StatusCode::NOT_FOUND.into_response()));
        assert!(is_no_server(&StatusCode::METHOD_NOT_ALLOWED.into_response()));
        assert!(is_no_server(&Html("<p>a page for every path").into_response()));
        assert!(!is_no_server(&"0{}".into_response()));
        assert!(!is_no_server(&StatusCode::SWITCHING_PROTOCOLS.into_response()));
        assert!(!is_no_server(&StatusCode::BAD_REQUEST.into_response()));
    }
}
