//! How an HTTP request fails.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gateway_core::prelude::{FieldError, WsException};
use serde_json::json;

/// Why a request was not answered as asked.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// The body is wrong: 422, every failing field at once.
    Validation(Vec<FieldError>),
    /// Not the client's business: 500 for it, the cause for the log.
    Internal(WsException),
}

impl From<WsException> for HttpError {
    fn from(exception: WsException) -> Self {
        Self::Internal(exception)
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        match self {
            Self::Validation(errors) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                Json(json!({"code": "VALIDATION", "errors": errors})),
            )
                .into_response(),
            Self::Internal(cause) => {
                tracing::error!(%cause, "request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"code": "INTERNAL"})))
                    .into_response()
            }
        }
    }
}
