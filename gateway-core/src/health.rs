//! Whether the application takes new clients, and how it tells: `/healthz`, `/readyz`, and the
//! refusal of handshakes once it is being shut down.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{exception::WsException, metrics};

/// How far the application is on its way out; shared by all that must know.
#[derive(Debug, Default)]
pub(crate) struct Health {
    draining: AtomicBool,
    out_of_time: CancellationToken,
}

impl Health {
    /// Not ready from now on: nobody comes in, and no message is taken.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// The answer to who asks for a new session now.
    pub(crate) fn refuse_handshake(&self) -> Response {
        metrics::handshake_refused("draining");
        let exception = WsException::shutting_down();
        let body = json!({ "code": exception.code(), "message": exception.message() });
        (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
    }

    /// Handlers are waited for no longer.
    pub(crate) fn end_patience(&self) {
        self.out_of_time.cancel();
    }

    /// Resolves when they are not.
    pub(crate) async fn patience_ended(&self) {
        self.out_of_time.cancelled().await;
    }
}

/// `/healthz`: the process answers. `/readyz`: it takes new clients.
pub(crate) fn routes(health: Arc<Health>) -> Router {
    let ready = async move || match health.is_draining() {
        false => (StatusCode::OK, Json(json!({ "status": "ready" }))),
        true => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "draining" }))),
    };
    Router::new().route("/healthz", get(async || "ok")).route("/readyz", get(ready))
}
