//! What HTTP requests have in common: how they are read, and how they fail. And the routes that
//! belong to nothing else.

mod page;

use axum::extract::Request;
use axum::http::header::{
    ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER, VARY,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use gateway_core::{FieldError, WsException, code};
use serde_json::{Value, json};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::Config;
use crate::language::Language;

/// What a client of Server-Sent Events had last.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const NOT_FOUND: &str = "NOT_FOUND";

/// Of a body, or a part of it.
const UNREADABLE: &str = "无法读取请求内容";

/// The routes of the application, for pages of other origins as well, with the demo's own page.
pub(crate) fn routes(config: &Config, application: Router) -> Router {
    let application =
        application.layer(middleware::from_fn(explain)).layer(cors(&config.cors_origin));
    application.merge(page::routes())
}

/// Lets pages of these origins call; the sockets look after themselves.
fn cors(origins: &[String]) -> CorsLayer {
    let allowed = match origins.iter().any(|origin| origin == "*") {
        true => AllowOrigin::any(),
        // What is no value of a header no browser can send.
        false => AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok())),
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, LAST_EVENT_ID])
        .expose_headers([LOCATION])
}

/// What is asked for is not there, or not for this client.
pub(crate) fn not_found() -> WsException {
    WsException::new("").with_code(NOT_FOUND)
}

/// Says in the language of the request why it was not answered as asked.
async fn explain(language: Language, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(exception) = response.extensions_mut().remove::<WsException>() {
        let (status, body) = told(response.status(), &exception, language);
        let wait = response.headers_mut().remove(RETRY_AFTER).map(|wait| [(RETRY_AFTER, wait)]);
        response = (status, wait, Json(body)).into_response();
    }
    response.headers_mut().append(VARY, HeaderValue::from_name(ACCEPT_LANGUAGE));
    response
}

/// The status and the body for what went wrong.
fn told(status: StatusCode, exception: &WsException, language: Language) -> (StatusCode, Value) {
    let message = language.message(exception);
    let unreadable = |error: &FieldError| FieldError::new(&*error.path, language.say(UNREADABLE));
    match exception.code() {
        code::BAD_PAYLOAD if status == StatusCode::PAYLOAD_TOO_LARGE => {
            (status, json!({"code": "BAD_BODY", "message": language.say("请求内容过大")}))
        }
        code::BAD_PAYLOAD if status == StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            (status, json!({"code": "BAD_BODY", "message": language.say(UNREADABLE)}))
        }
        code::BAD_PAYLOAD => {
            let errors: Vec<_> = exception.errors().iter().map(unreadable).collect();
            (StatusCode::UNPROCESSABLE_ENTITY, json!({"code": code::VALIDATION, "errors": errors}))
        }
        code::VALIDATION => (
            status,
            json!({"code": code::VALIDATION, "errors": language.fields(exception.errors())}),
        ),
        NOT_FOUND => (StatusCode::NOT_FOUND, json!({"code": NOT_FOUND})),
        code::INTERNAL => (status, json!({"code": code::INTERNAL})),
        code => (status, json!({"code": code, "message": message})),
    }
}
