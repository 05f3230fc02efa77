//! How HTTP requests are read, and how they fail.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gateway_core::prelude::{FieldError, WsException};
use serde_json::{Map, Value, json};

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
