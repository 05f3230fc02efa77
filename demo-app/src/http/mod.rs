//! What HTTP requests have in common: how they are read, and how they fail. And the routes that
//! belong to nothing else.

mod metrics;
mod page;

use std::error::Error;

use axum::extract::rejection::BytesRejection;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use gateway_core::prelude::{FieldError, WsException};
use serde_json::{Map, Value, json};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::Config;

/// What a client of Server-Sent Events had last.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The routes of the application, for pages of other origins as well, with the demo's own page and
/// the metrics, which are counted from now on.
pub(crate) fn routes(
    config: &Config,
    application: Router,
) -> Result<Router, impl Error + Send + Sync + 'static> {
    let application = application.layer(cors(&config.cors_origin));
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

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let (status, body) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, json!({"code": "NOT_FOUND"})),
            Self::Validation(errors) => {
                (StatusCode::UNPROCESSABLE_ENTITY, json!({"code": "VALIDATION", "errors": errors}))
            }
            Self::Body(rejection) => {
                (rejection.status(), json!({"code": "BAD_BODY", "message": rejection.body_text()}))
            }
            Self::Internal(cause) => {
                tracing::error!(%cause, "request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, json!({"code": "INTERNAL"}))
            }
        };
        (status, Json(body)).into_response()
    }
}

/// The fields of a body that is a JSON object.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, HttpError> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(HttpError::Validation(vec![FieldError::new("", "must be a JSON object")])),
    }
}
