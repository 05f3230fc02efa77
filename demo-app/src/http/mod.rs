//! What HTTP requests have in common: how they are read, and how they fail. And the routes that
//! belong to nothing else.

mod metrics;
mod page;

use std::error::Error;
use std::sync::Arc;

use axum::extract::Request;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{
    ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER, VARY,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json, Router};
use gateway_core::prelude::{FieldError, WsException};
use serde_json::{Map, Value, json};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::Config;
use crate::language::Language;

/// What a client of Server-Sent Events had last.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// When a client that was one too many may try again.
const RETRY_AFTER_SECONDS: u16 = 5;

/// The routes of the application, for pages of other origins as well, with the demo's own page and
/// the metrics, which are counted from now on.
pub(crate) fn routes(
    config: &Config,
    application: Router,
) -> Result<Router, impl Error + Send + Sync + 'static> {
    let application =
        application.layer(middleware::from_fn(explain)).layer(cors(&config.cors_origin));
    metrics::start().map(|metrics| application.merge(page::routes()).merge(metrics))
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

/// Why a request was not answered as asked.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// What is asked for is not there, or not for this client: 404.
    NotFound,
    /// The body is wrong: 422, every failing field at once.
    Validation(Vec<FieldError>),
    /// The body did not come as it should: 413 where it is too large.
    Body(BytesRejection),
    /// The user has as many streams open as one may: 429.
    TooManyStreams,
    /// All users together have as much as there may be: 503.
    Overloaded,
    /// Not the client's business: 500 for it, the cause for the log.
    Internal(WsException),
}

impl From<WsException> for HttpError {
    fn from(exception: WsException) -> Self {
        Self::Internal(exception)
    }
}

impl From<BytesRejection> for HttpError {
    fn from(rejection: BytesRejection) -> Self {
        Self::Body(rejection)
    }
}

impl HttpError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Validation(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Body(rejection) => rejection.status(),
            Self::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn body(&self, language: Language) -> Value {
        match self {
            Self::NotFound => json!({"code": "NOT_FOUND"}),
            Self::Validation(errors) => {
                json!({"code": "VALIDATION", "errors": language.fields(errors)})
            }
            Self::Body(rejection) => {
                let message = match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => "请求内容过大",
                    _ => "无法读取请求内容",
                };
                json!({"code": "BAD_BODY", "message": language.say(message)})
            }
            Self::TooManyStreams => {
                json!({"code": "TOO_MANY_STREAMS", "message": language.say("打开的订单流太多")})
            }
            Self::Overloaded => {
                json!({"code": "OVERLOADED", "message": language.say("服务器繁忙,请稍后再试")})
            }
            Self::Internal(_) => json!({"code": "INTERNAL"}),
        }
    }
}

/// Without a body: what it says there depends on the request, which [`explain`] knows.
impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        if let Self::Internal(cause) = &self {
            tracing::error!(%cause, "request failed");
        }
        (self.status(), Extension(Arc::new(self))).into_response()
    }
}

/// Says in the language of the request why it was not answered as asked.
async fn explain(language: Language, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<Arc<HttpError>>() {
        response = (error.status(), Json(error.body(language))).into_response();
        if let HttpError::TooManyStreams | HttpError::Overloaded = *error {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
    }
    response.headers_mut().append(VARY, HeaderValue::from_name(ACCEPT_LANGUAGE));
    response
}

/// The fields of a body that is a JSON object.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, HttpError> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(HttpError::Validation(vec![FieldError::new("", "must be a JSON object")])),
    }
}
