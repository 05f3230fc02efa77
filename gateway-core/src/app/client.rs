//! The official client, for pages that take it from the server.

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS},
};

/// The release of `socket.io-client`, quoted, as the tag of an entity is.
const VERSION: &str = "\"4.8.4\"";

const SCRIPT: &[u8] = include_bytes!("../../client/socket.io.min.js");
const MODULE: &[u8] = include_bytes!("../../client/socket.io.esm.min.js");

/// By the names that socket.io's own server has for them. The first is not minified there.
const FILES: [(&str, &[u8]); 3] =
    [("socket.io.js", SCRIPT), ("socket.io.min.js", SCRIPT), ("socket.io.esm.min.js", MODULE)];

/// The paths of the files, below that of the server.
pub(super) fn paths(server: &str) -> impl Iterator<Item = String> {
    FILES.iter().map(move |(name, _)| format!("{server}/{name}"))
}

pub(super) fn routes(server: &str) -> Router {
    paths(server).zip(FILES).fold(Router::new(), |router, (path, (_, content))| {
        router.route(&path, get(async move |headers: HeaderMap| file(&headers, content)))
    })
}

fn file(request: &HeaderMap, content: &'static [u8]) -> Response {
    // A newer server has a newer client under the same name: browsers ask whether theirs still holds.
    let headers = [(CACHE_CONTROL, "public, max-age=0"), (ETAG, VERSION)];
    if request.get_all(IF_NONE_MATCH).iter().any(names_this_version) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let kind =
        [(CONTENT_TYPE, "text/javascript; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, kind, content).into_response()
}

/// By the weak comparison, as RFC 9110, section 13.1.2 has it: proxies that compress make tags weak.
fn names_this_version(known: &HeaderValue) -> bool {
    let tags = known.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag)).any(|tag| tag == VERSION || tag == "*")
}

#[cfg(test)]
mod tests {
    use axum::body::{self, Body};
    use http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn ask(path: &str, known: Option<&str>) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::get(path);
        if let Some(known) = known {
            request = request.header(IF_NONE_MATCH, known);
        }
        let response = routes("/live").oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn every_file_is_a_script_of_the_release_that_is_named() {
        let release = format!("Socket.IO v{}", VERSION.trim_matches('"'));
        for path in paths("/live") {
            let (status, headers, body) = ask(&path, None).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert_eq!(headers[CONTENT_TYPE], "text/javascript; charset=utf-8");
            assert_eq!(headers[ETAG], VERSION);
            assert!(body.contains(&release), "{path}");
            assert_eq!(body.contains("export{"), path.contains(".esm."), "{path}");
        }
        assert_eq!(ask("/live/socket.io.msgpack.min.js", None).await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn who_has_it_is_not_sent_it_again() {
        for known in [VERSION, "W/\"4.8.4\"", "\"4.8.0\", \"4.8.4\"", "*"] {
            let (status, headers, body) = ask("/live/socket.io.js", Some(known)).await;
            assert_eq!((status, &*body), (StatusCode::NOT_MODIFIED, ""), "{known}");
            assert_eq!(headers[ETAG], VERSION);
        }
        for known in ["\"4.8.0\"", "4.8.4", ""] {
            let (status, _, body) = ask("/live/socket.io.js", Some(known)).await;
            assert_eq!((status, body.is_empty()), (StatusCode::OK, false), "{known}");
        }
    }
}
