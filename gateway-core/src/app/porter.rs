//! What an application says of handshakes, as the platform asks for it.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    auth::handshake::Handshake,
    exception::{WsException, code},
    limits::reached,
    log_limiter::LogLimiter,
    metrics,
    platform::{RequestHead, porter},
};

type Check = Box<dyn Fn(Handshake) -> BoxFuture<'static, Result<(), WsException>> + Send + Sync>;

type Greeting = Box<dyn Fn(&Handshake, &mut HeaderMap) + Send + Sync>;

/// Everything that was given to `allow_request` and `handshake_headers`.
#[derive(Default)]
pub(crate) struct Porter {
    checks: Vec<Check>,
    greetings: Vec<Greeting>,
}

impl Porter {
    pub(super) fn check<F, E>(&mut self, check: impl Fn(Handshake) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<WsException>,
    {
        let check = move |handshake| check(handshake).map(|said| said.map_err(Into::into)).boxed();
        self.checks.push(Box::new(check));
    }

    pub(super) fn greet(
        &mut self,
        greeting: impl Fn(&Handshake, &mut HeaderMap) + Send + Sync + 'static,
    ) {
        self.greetings.push(Box::new(greeting));
    }

    /// As the platform has it; all checks together may take so long.
    pub(super) fn within(self, patience: Duration) -> porter::Porter {
        let Self { checks, greetings } = self;
        let (checks, greetings): (Arc<[Check]>, Arc<[Greeting]>) =
            (checks.into(), greetings.into());
        let (asks, greets) = (!checks.is_empty(), !greetings.is_empty());
        let allow: Arc<porter::Allow> = Arc::new(move |head: Arc<RequestHead>| {
            allow(Arc::clone(&checks), head, patience).boxed()
        });
        let greet: Arc<porter::Greet> =
            Arc::new(move |head: Arc<RequestHead>, headers: &mut HeaderMap| {
                greet(&greetings, head, headers);
            });
        porter::Porter { allow: asks.then_some(allow), greet: greets.then_some(greet) }
    }
}

async fn allow(
    checks: Arc<[Check]>,
    head: Arc<RequestHead>,
    patience: Duration,
) -> Result<(), Response> {
    let client = head.client;
    let handshake = Handshake::of_head(head);
    let asked = AssertUnwindSafe(async {
        for check in &*checks {
            check(handshake.clone()).await?;
        }
        Ok::<(), WsException>(())
    });
    match timeout(patience, asked.catch_unwind()).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(refused))) if !refused.is_internal() => {
            /// Engine.IO's number for what is forbidden.
            const FORBIDDEN: u8 = 4;

            metrics::handshake_refused("request");
            tracing::debug!(%client, why = refused.logged(), "a handshake was refused");
            Err(answer(StatusCode::FORBIDDEN, FORBIDDEN, refused.message()))
        }
        Ok(Ok(Err(failed))) => Err(fail(&failed.logged())),
        // The panic hook has said which.
        Ok(Err(_panic)) => Err(fail("it panicked")),
        Err(_elapsed) => {
            reached::authentication_timeout(client);
            metrics::handshake_refused("request");
            let late = WsException::timed_out();
            Err(answer(StatusCode::SERVICE_UNAVAILABLE, late.code(), late.message()))
        }
    }
}

fn fail(why: &str) -> Response {
    static LINES: LogLimiter = LogLimiter::new();

    metrics::handshake_refused("request");
    if let Some(times) = LINES.count() {
        tracing::error!(why, times, "`.allow_request(..)` has failed: a handshake was refused");
    }
    let error = WsException::internal_error();
    answer(StatusCode::INTERNAL_SERVER_ERROR, code::INTERNAL, error.message())
}

/// In the form in which Engine.IO refuses.
fn answer(status: StatusCode, code: impl Into<Value>, message: &str) -> Response {
    (status, Json(json!({ "code": code.into(), "message": message }))).into_response()
}

fn greet(greetings: &[Greeting], head: Arc<RequestHead>, headers: &mut HeaderMap) {
    static LINES: LogLimiter = LogLimiter::new();

    let handshake = Handshake::of_head(head);
    for greeting in greetings {
        let greeted = catch_unwind(AssertUnwindSafe(|| greeting(&handshake, headers)));
        if greeted.is_err()
            && let Some(times) = LINES.count()
        {
            tracing::error!(times, "`.handshake_headers(..)` has panicked");
        }
    }
}
