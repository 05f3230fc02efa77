//! What is counted, for Prometheus to read.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{Router, routing::get};
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::task::AbortOnDropHandle;

/// Bounds between which durations are told apart, in seconds.
const BUCKETS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Durations are kept one by one until somebody looks, or this is over.
const UPKEEP: Duration = Duration::from_secs(5);

/// The process has one recorder, however many applications it has.
static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();

/// Has everything counted from now on, by all of the process.
///
/// # Errors
/// If something else records already; in words.
pub(super) fn start() -> Result<PrometheusHandle, String> {
    let started = RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().set_buckets(&BUCKETS);
        let installed = recorder.and_then(PrometheusBuilder::install_recorder);
        installed.map_err(|error| error.to_string())
    });
    started.clone()
}

/// The route that answers with what has been counted.
pub(super) fn routes(path: &str, recorder: PrometheusHandle) -> Router {
    let kept = recorder.clone();
    let upkeep = tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            kept.run_upkeep();
        }
    });
    // It ends with the route.
    let upkeep = Arc::new(AbortOnDropHandle::new(upkeep));
    let render = async move || {
        let _upkeep = &upkeep;
        ([(CONTENT_TYPE, "text/plain; version=0.0.4")], recorder.render())
    };
    Router::new().route(path, get(render))
}

#[cfg(test)]
mod tests {
    use axum::body;
    use http::Request;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn what_any_part_of_the_process_counts_is_told() {
        let routes = routes("/metrics", start().unwrap());
        metrics::counter!("tests_of_prometheus_total", "kind" => "unit").increment(3);
        metrics::histogram!("tests_of_prometheus_seconds").record(0.003);
        let request = Request::get("/metrics").body(body::Body::empty()).unwrap();
        let response = routes.oneshot(request).await.unwrap();
        assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; version=0.0.4");
        let text = body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(text.contains("tests_of_prometheus_total{kind=\"unit\"} 3"), "{text}");
        assert!(text.contains("tests_of_prometheus_seconds_bucket{le=\"0.005\"} 1"), "{text}");
    }

    #[tokio::test]
    async fn it_may_be_started_again() {
        let (first, second) = (start().unwrap(), start().unwrap());
        metrics::counter!("tests_of_starts_total").increment(1);
        for recorder in [first, second] {
            assert!(recorder.render().contains("tests_of_starts_total 1"));
        }
    }
}
