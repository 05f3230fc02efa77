//! `/metrics`: what the gateways count, for Prometheus.

use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder};

use crate::limits;

/// Bounds between which durations are told apart, in seconds.
const BUCKETS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Has everything counted from now on, and answers `GET /metrics`. Before the application is built:
/// that is when it looks for whom to tell.
pub(super) fn start() -> Result<Router, BuildError> {
    /// Durations wait one by one until somebody looks.
    const UPKEEP: Duration = Duration::from_secs(5);

    let recorder = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
    limits::describe();
    let kept = recorder.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            kept.run_upkeep();
        }
    });
    let render = async move || ([(CONTENT_TYPE, "text/plain; version=0.0.4")], recorder.render());
    Ok(Router::new().route("/metrics", get(render)))
}
