//! Whether the application takes new clients, and how it tells: `/healthz`, `/readyz`, and the
//! refusal of handshakes once it is being shut down.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{app::AppError, exception::WsException, metrics};

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

/// What the application cannot serve without, each by its name.
#[derive(Default)]
pub(crate) struct Readiness {
    checks: BTreeMap<Cow<'static, str>, Check>,
    /// What was found last. Who asks meanwhile waits for it, so that nobody is asked twice at once.
    found: Mutex<Option<Found>>,
}

type Check = Box<dyn Fn() -> BoxFuture<'static, Result<(), AppError>> + Send + Sync>;

struct Found {
    at: Instant,
    states: States,
}

type States = BTreeMap<Cow<'static, str>, State>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Up,
    Down,
}

impl Readiness {
    /// How long a check may take: less than the second after which Kubernetes, by default, hangs up.
    const PATIENCE: Duration = Duration::from_millis(750);
    /// For how long its answer holds: probes come every few seconds, and anybody may ask.
    const FRESH: Duration = Duration::from_millis(500);

    /// Adds a check. Says whether there was none of this name.
    pub(crate) fn add<F, E>(
        &mut self,
        name: Cow<'static, str>,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> bool
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<AppError>,
    {
        let check: Check =
            Box::new(move || check().map(|result| result.map_err(Into::into)).boxed());
        self.checks.insert(name, check).is_none()
    }

    /// In a task: who hangs up must not end what others wait for, nor keep it out of the log.
    async fn states(self: &Arc<Self>) -> States {
        let found = tokio::spawn(Arc::clone(self).look()).await;
        let all_down = || self.checks.keys().map(|name| (name.clone(), State::Down)).collect();
        found.unwrap_or_else(|_ended| all_down())
    }

    async fn look(self: Arc<Self>) -> States {
        let mut found = self.found.lock().await;
        if let Some(found) = &*found
            && found.at.elapsed() < Self::FRESH
        {
            return found.states.clone();
        }
        let before = |name: &str| found.as_ref().and_then(|found| found.states.get(name).copied());
        let asked = self
            .checks
            .iter()
            .map(async |(name, check)| (name.clone(), ask(name, check, before(name)).await));
        let states: States = join_all(asked).await.into_iter().collect();
        *found = Some(Found { at: Instant::now(), states: states.clone() });
        states
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.checks.keys()).finish()
    }
}

/// Asks one check, and logs where the answer is another than before: the error is for the operator
/// only.
async fn ask(name: &str, check: &Check, before: Option<State>) -> State {
    let answer =
        timeout(Readiness::PATIENCE, AssertUnwindSafe(async { check().await }).catch_unwind());
    let error = match answer.await {
        Ok(Ok(Ok(()))) => {
            if before == Some(State::Down) {
                tracing::info!(check = name, "ready again");
            }
            return State::Up;
        }
        Ok(Ok(Err(error))) => error.to_string(),
        Ok(Err(_panic)) => "the check panicked".to_owned(),
        Err(_elapsed) => format!("no answer within {:?}", Readiness::PATIENCE),
    };
    if before != Some(State::Down) {
        tracing::error!(check = name, error, "not ready");
    }
    State::Down
}

/// `/healthz`: the process answers. `/readyz`: it takes new clients, and has what it needs for them.
pub(crate) fn routes(health: Arc<Health>, readiness: Readiness) -> Router {
    let readiness = Arc::new(readiness);
    let ready = async move || {
        if health.is_draining() {
            return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "draining" })));
        }
        let checks = readiness.states().await;
        let (code, status) = match checks.values().all(|state| *state == State::Up) {
            true => (StatusCode::OK, "ready"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        let body = match checks.is_empty() {
            true => json!({ "status": status }),
            false => json!({ "status": status, "checks": checks }),
        };
        (code, Json(body))
    };
    Router::new().route("/healthz", get(async || "ok")).route("/readyz", get(ready))
}

#[cfg(test)]
mod tests {
    use std::{future::pending, io, sync::atomic::AtomicUsize};

    use axum::body::{Body, to_bytes};
    use http::Request;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    async fn ask(router: &Router) -> (u16, Value) {
        let request = Request::builder().uri("/readyz").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    fn routes_of(readiness: Readiness) -> (Router, Arc<Health>) {
        let health = Arc::<Health>::default();
        (routes(Arc::clone(&health), readiness), health)
    }

    #[tokio::test(start_paused = true)]
    async fn every_check_is_named_with_its_state() {
        let mut readiness = Readiness::default();
        readiness.add("up".into(), async || Ok::<_, AppError>(()));
        readiness.add("down".into(), async || Err(io::Error::other("a secret")));
        readiness.add("hangs".into(), async || pending::<Result<(), AppError>>().await);
        readiness.add("panics".into(), || -> BoxFuture<'static, Result<(), AppError>> { panic!() });
        let (router, health) = routes_of(readiness);
        let begun = Instant::now();
        let checks = json!({ "up": "up", "down": "down", "hangs": "down", "panics": "down" });
        let unavailable = json!({ "status": "unavailable", "checks": checks });
        assert_eq!(ask(&router).await, (503, unavailable));
        assert!(begun.elapsed() < Duration::from_secs(1), "before a probe hangs up");

        health.drain();
        assert_eq!(ask(&router).await, (503, json!({ "status": "draining" })));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_holds_for_a_while_and_not_for_ever() {
        let asked = Arc::new(AtomicUsize::new(0));
        let up = Arc::new(AtomicBool::new(true));
        let mut readiness = Readiness::default();
        readiness.add("database".into(), {
            let (asked, up) = (Arc::clone(&asked), Arc::clone(&up));
            move || {
                asked.fetch_add(1, Ordering::SeqCst);
                let up = up.load(Ordering::SeqCst);
                async move { up.then_some(()).ok_or(io::Error::other("gone")) }
            }
        });
        let (router, _) = routes_of(readiness);
        let ready = json!({ "status": "ready", "checks": { "database": "up" } });
        for answer in join_all((0..100).map(|_| ask(&router))).await {
            assert_eq!(answer, (200, ready.clone()));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);

        for (is_up, status) in [(false, 503), (true, 200)] {
            up.store(is_up, Ordering::SeqCst);
            tokio::time::sleep(Readiness::FRESH).await;
            assert_eq!(ask(&router).await.0, status);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_hangs_up_leaves_the_answer_to_the_next() {
        let asked = Arc::new(AtomicUsize::new(0));
        let mut readiness = Readiness::default();
        readiness.add("hangs".into(), {
            let asked = Arc::clone(&asked);
            move || {
                asked.fetch_add(1, Ordering::SeqCst);
                pending::<Result<(), AppError>>()
            }
        });
        let (router, _) = routes_of(readiness);
        timeout(Readiness::PATIENCE / 2, ask(&router)).await.unwrap_err();
        let begun = Instant::now();
        assert_eq!(ask(&router).await.0, 503);
        assert_eq!(begun.elapsed(), Readiness::PATIENCE - Readiness::PATIENCE / 2);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn without_checks_it_is_ready_until_it_drains() {
        let (router, health) = routes_of(Readiness::default());
        assert_eq!(ask(&router).await, (200, json!({ "status": "ready" })));
        health.drain();
        assert_eq!(ask(&router).await, (503, json!({ "status": "draining" })));
    }
}
