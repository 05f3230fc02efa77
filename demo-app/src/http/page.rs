//! The page of the demo, inside the binary: it works from any directory and without a network.

use axum::Router;
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::language::Language;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const PAGE: &str = include_str!("../public/index.html");

/// Path, content type, content.
const FILES: [(&str, &str, &[u8]); 14] = [
    ("/client/style.css", CSS, include_bytes!("../public/style.css")),
    ("/client/app.js", SCRIPT, include_bytes!("../public/app.js")),
    ("/client/kept.js", SCRIPT, include_bytes!("../public/kept.js")),
    ("/client/pane.js", SCRIPT, include_bytes!("../public/pane.js")),
    ("/client/room.js", SCRIPT, include_bytes!("../public/room.js")),
    ("/client/rooms.js", SCRIPT, include_bytes!("../public/rooms.js")),
    ("/client/orders.js", SCRIPT, include_bytes!("../public/orders.js")),
    ("/client/presence.js", SCRIPT, include_bytes!("../public/presence.js")),
    ("/client/users.js", SCRIPT, include_bytes!("../public/users.js")),
    ("/client/events.js", SCRIPT, include_bytes!("../public/events.js")),
    ("/client/connection.js", SCRIPT, include_bytes!("../public/connection.js")),
    ("/client/frames.js", SCRIPT, include_bytes!("../public/frames.js")),
    ("/client/texts.js", SCRIPT, include_bytes!("../public/texts.js")),
    ("/client/icon.svg", SVG, include_bytes!("../public/icon.svg")),
];

/// The page and its files.
pub(super) fn routes() -> Router {
    let page = Router::new().route("/", get(page));
    FILES.into_iter().fold(page, |router, (path, content_type, content)| {
        router.route(path, get(async move || file(content_type, content)))
    })
}

/// The document says which language was asked for; its script has the sentences.
async fn page(language: Language) -> impl IntoResponse {
    let tag = language.tag();
    let page = PAGE.replacen("<html>", &format!("<html lang=\"{tag}\">"), 1);
    let headers = [(CONTENT_LANGUAGE, tag), (VARY, ACCEPT_LANGUAGE.as_str())];
    (headers, file(HTML, page))
}

fn file(content_type: &'static str, content: impl IntoResponse) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, content_type),
        // A newer binary serves a newer page under the same names.
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, "default-src 'self'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, content)
}
