//! What HTTP requests have in common: how they are read, and how they fail. And the routes that
//! belong to nothing else.

mod page;

use axum::extract::Request;
use axum::http::header::{ACCEPT_LANGUAGE, LOCATION, RETRY_AFTER, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use gateway_core::{WsException, code};
use serde_json::json;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use crate::config::Config;
use crate::language::Language;

const NOT_FOUND: &str = "NOT_FOUND";

/// The routes of the application, for pages of other origins as well, with the demo's own page.
pub(crate) fn routes(config: &Config, application: Router) -> Router {
    let application =
        application.layer(middleware::from_fn(explain)).layer(cors(config.cors_origin.clone()));
    application.merge(page::routes())
}

/// Lets pages of these origins call; the sockets look after themselves.
fn cors(origins: Vec<String>) -> CorsLayer {
    let is_allowed = move |origin: &HeaderValue, _: &_| {
        origins.iter().any(|allowed| allowed == "*" || origin == allowed)
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_allowed))
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
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
        let wait = response.headers_mut().remove(RETRY_AFTER).map(|wait| [(RETRY_AFTER, wait)]);
        response = (wait, told(response.status(), &exception, language)).into_response();
    }
    response.headers_mut().append(VARY, HeaderValue::from_name(ACCEPT_LANGUAGE));
    response
}

fn told(status: StatusCode, exception: &WsException, language: Language) -> impl IntoResponse {
    let code = exception.code();
    let body = match (code, status) {
        (code::BAD_PAYLOAD, StatusCode::PAYLOAD_TOO_LARGE) => {
            json!({"code": "BAD_BODY", "message": language.say("请求内容过大")})
        }
        (code::BAD_PAYLOAD, StatusCode::UNSUPPORTED_MEDIA_TYPE) => {
            json!({"code": "BAD_BODY", "message": language.say("无法读取请求内容")})
        }
        (code::BAD_PAYLOAD | code::VALIDATION, _) => {
            json!({"code": code::VALIDATION, "errors": language.fields(exception.errors())})
        }
        (NOT_FOUND | code::INTERNAL, _) => json!({"code": code}),
        _ => json!({"code": code, "message": language.message(exception)}),
    };
    let status = match code {
        // Not JSON, or not of the form: to a client, that is the same.
        code::BAD_PAYLOAD if status == StatusCode::BAD_REQUEST => StatusCode::UNPROCESSABLE_ENTITY,
        NOT_FOUND => StatusCode::NOT_FOUND,
        _ => status,
    };
    (status, Json(body))
}
