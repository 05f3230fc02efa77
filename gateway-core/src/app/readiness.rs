//! Whether the application accepts new clients, and how it says so: `/healthz` and `/readyz`.

use std::{
    borrow::Cow, collections::BTreeMap, error::Error, fmt, future::Future, panic::AssertUnwindSafe,
    sync::Arc, time::Duration,
};

use axum::{Json, Router, routing::get};
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

use crate::{clock, dispatch::draining::Draining, exception::Chain};

/// What the application cannot serve without, each by its name.
#[derive(Default)]
pub(crate) struct Readiness {
    checks: BTreeMap<Cow<'static, str>, Check>,
    /// Those that are only reported: whatever they find, the application is ready.
    reported: Vec<Cow<'static, str>>,
    /// The latest result. Locked while the checks run, so that none runs twice at the same time.
    found: Mutex<Option<Found>>,
}

type Check = Box<dyn Fn() -> BoxFuture<'static, Result<(), AnyError>> + Send + Sync>;

type AnyError = Box<dyn Error + Send + Sync>;

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
    /// How long a result is kept: probes come every few seconds, and anybody may send requests.
    const FRESH: Duration = Duration::from_millis(500);

    /// Adds a check. Returns whether its name was still free.
    pub(crate) fn add<F, E>(
        &mut self,
        name: Cow<'static, str>,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> bool
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<AnyError>,
    {
        let check: Check =
            Box::new(move || check().map(|result| result.map_err(Into::into)).boxed());
        self.checks.insert(name, check).is_none()
    }

    /// Reports what this check finds, without being any less ready for it.
    #[cfg(any(test, feature = "redis"))]
    pub(crate) fn only_report(&mut self, name: Cow<'static, str>) {
        self.reported.push(name);
    }

    fn is_ready(&self, states: &States) -> bool {
        let counts = |name: &Cow<'static, str>| !self.reported.contains(name);
        states.iter().all(|(name, state)| *state == State::Up || !counts(name))
    }

    /// Runs in a task: a client that hangs up must not cancel what others wait for, or keep it out of the log.
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
        *found = Some(Found { at: clock::now(), states: states.clone() });
        states
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.checks.keys()).finish()
    }
}

/// Runs one check, and logs if the result has changed. The error is only for the operator.
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
        Ok(Ok(Err(error))) => Chain(&*error).to_string(),
        Ok(Err(_panic)) => "the check panicked".to_owned(),
        Err(_elapsed) => format!("no answer within {:?}", Readiness::PATIENCE),
    };
    if before != Some(State::Down) {
        tracing::error!(check = name, error, "not ready");
    }
    State::Down
}

/// The paths of the health checks.
pub(crate) const PATHS: [&str; 2] = [HEALTHZ, "/readyz"];

/// Whether the process responds.
pub(super) const HEALTHZ: &str = "/healthz";

/// `/healthz`: the process responds. `/readyz`: it accepts new clients, and has what it needs for them.
pub(crate) fn routes(
    draining: Arc<Draining>,
    is_full: impl Fn() -> bool + Clone + Send + Sync + 'static,
    readiness: Readiness,
) -> Router {
    let readiness = Arc::new(readiness);
    let ready = async move || {
        if draining.has_begun() {
            return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "draining" })));
        }
        if is_full() {
            return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "full" })));
        }
        let checks = readiness.states().await;
        let (code, status) = match readiness.is_ready(&checks) {
            true => (StatusCode::OK, "ready"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        let body = match checks.is_empty() {
            true => json!({ "status": status }),
            false => json!({ "status": status, "checks": checks }),
        };
        (code, Json(body))
    };
    let [health, readiness] = PATHS;
    Router::new().route(health, get(async || "ok")).route(readiness, get(ready))
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        io,
        sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    };

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

    fn routes_of(readiness: Readiness) -> (Router, Arc<Draining>) {
        let draining = Arc::<Draining>::default();
        (routes(Arc::clone(&draining), || false, readiness), draining)
    }

    #[tokio::test(start_paused = true)]
    async fn every_check_is_named_with_its_state() {
        let mut readiness = Readiness::default();
        readiness.add("up".into(), async || Ok::<_, AnyError>(()));
        readiness.add("down".into(), async || Err(io::Error::other("a secret")));
        readiness.add("hangs".into(), async || pending::<Result<(), AnyError>>().await);
        readiness.add("panics".into(), || -> BoxFuture<'static, Result<(), AnyError>> { panic!() });
        let (router, draining) = routes_of(readiness);
        let begun = Instant::now();
        let checks = json!({ "up": "up", "down": "down", "hangs": "down", "panics": "down" });
        let unavailable = json!({ "status": "unavailable", "checks": checks });
        assert_eq!(ask(&router).await, (503, unavailable));
        assert!(begun.elapsed() < Duration::from_secs(1), "before a probe hangs up");

        draining.begin();
        assert_eq!(ask(&router).await, (503, json!({ "status": "draining" })));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_only_reported_makes_nothing_unready() {
        let mut readiness = Readiness::default();
        readiness.add("cluster".into(), async || Err(io::Error::other("gone")));
        readiness.only_report("cluster".into());
        let (router, _) = routes_of(readiness);
        let ready = json!({ "status": "ready", "checks": { "cluster": "down" } });
        assert_eq!(ask(&router).await, (200, ready));
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
                pending::<Result<(), AnyError>>()
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
    async fn it_is_not_ready_while_there_is_no_room() {
        let is_full = Arc::new(AtomicBool::new(true));
        let looks = Arc::clone(&is_full);
        let looks = move || looks.load(Ordering::SeqCst);
        let router = routes(Arc::default(), looks, Readiness::default());
        assert_eq!(ask(&router).await, (503, json!({ "status": "full" })));
        is_full.store(false, Ordering::SeqCst);
        assert_eq!(ask(&router).await, (200, json!({ "status": "ready" })));
    }

    #[tokio::test]
    async fn without_checks_it_is_ready_until_it_drains() {
        let (router, draining) = routes_of(Readiness::default());
        assert_eq!(ask(&router).await, (200, json!({ "status": "ready" })));
        draining.begin();
        assert_eq!(ask(&router).await, (503, json!({ "status": "draining" })));
    }
}
