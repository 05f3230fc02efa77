//! The page of the demo, inside the binary: it works from any directory and without a network.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use include_dir::{Dir, include_dir};

use crate::language::Language;

const PAGE: &str = include_str!("../public/index.html");

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/public");

/// The page and its files.
pub(super) fn routes() -> Router {
    Router::new().route("/", get(page)).route("/client/{file}", get(file))
}

/// The document says which language was asked for; its script has the sentences.
async fn page(language: Language) -> impl IntoResponse {
    let tag = language.tag();
    let page = PAGE.replacen("<html>", &format!("<html lang=\"{tag}\">"), 1);
    let headers = [("content-language", tag), ("vary", "accept-language")];
    (headers, served("text/html; charset=utf-8", page))
}

async fn file(Path(name): Path<String>) -> Result<impl IntoResponse, StatusCode> {
    let content_type = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        // The document is the page.
        _ => return Err(StatusCode::NOT_FOUND),
    };
    let file = FILES.get_file(&name).ok_or(StatusCode::NOT_FOUND)?;
    Ok(served(content_type, file.contents()))
}

fn served(content_type: &'static str, content: impl IntoResponse) -> impl IntoResponse {
    let headers = [
        ("content-type", content_type),
        // A newer binary serves a newer page under the same names.
        ("cache-control", "no-cache"),
        ("content-security-policy", "default-src 'self'"),
        ("x-content-type-options", "nosniff"),
    ];
    (headers, content)
}
