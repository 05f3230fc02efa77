//! Whether the cluster can be reached, and why not.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::engine::Failure;
use crate::{clock, excerpt, log_limiter::LogLimiter, metrics};

/// How old the echo of the own heartbeat may be.
const ECHO: Duration = Duration::from_millis(1_500);

/// The connections that a process has to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Writing,
    Reading,
    Talking,
}

/// What the return of a heartbeat says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Echo {
    /// The others hear of this process only now, and it has yet to hear of them.
    First,
    /// None had come back for longer than one should take.
    AfterSilence,
    Next,
}

#[derive(Default)]
pub(super) struct Health(Mutex<State>);

struct State {
    /// Why each of the parts is not connected.
    failures: [Option<String>; 3],
    /// Whether the others have been told of this process.
    is_known: bool,
    echoed_at: Option<Instant>,
    /// What was logged last: `None` while it is up.
    logged: Option<String>,
    /// Reasons that change all the time.
    reasons: LogLimiter,
}

impl Default for State {
    fn default() -> Self {
        Self {
            failures: std::array::from_fn(|_| Some(NOT_YET.to_owned())),
            is_known: false,
            echoed_at: None,
            logged: Some(NOT_YET.to_owned()),
            reasons: LogLimiter::of(3),
        }
    }
}

const NOT_YET: &str = "it is not connected yet";

impl State {
    fn why_not(&self, now: Instant) -> Option<&str> {
        if let Some(failure) = self.failures.iter().flatten().next() {
            return Some(failure);
        }
        let is_echoed =
            self.echoed_at.is_some_and(|echoed_at| now.saturating_duration_since(echoed_at) < ECHO);
        (!is_echoed).then_some("it does not answer")
    }
}

impl Health {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connected(&self, part: Part) {
        self.lock().failures[part as usize] = None;
    }

    pub(super) fn failed(&self, part: Part, failure: &Failure) {
        self.lock().failures[part as usize] = Some(excerpt::logged(failure));
    }

    /// The own heartbeat has come back.
    pub(super) fn echoed(&self, took: Duration) -> Echo {
        metrics::cluster_echo(took);
        let now = clock::now();
        let mut state = self.lock();
        if !std::mem::replace(&mut state.is_known, true) {
            return Echo::First;
        }
        match state.echoed_at.replace(now) {
            Some(before) if now.saturating_duration_since(before) < ECHO => Echo::Next,
            _ => Echo::AfterSilence,
        }
    }

    /// Why it cannot be reached, if it cannot.
    pub(super) fn why_not(&self) -> Option<String> {
        self.lock().why_not(clock::now()).map(str::to_owned)
    }

    pub(super) fn is_up(&self) -> bool {
        self.lock().why_not(clock::now()).is_none()
    }

    /// Logs what has changed since it was asked last.
    pub(super) fn report(&self) {
        let mut state = self.lock();
        let why_not = state.why_not(clock::now()).map(str::to_owned);
        metrics::cluster_up(why_not.is_none());
        if why_not == state.logged {
            return;
        }
        match &why_not {
            None => tracing::info!("the cluster can be reached"),
            Some(why) if why == NOT_YET => {}
            Some(why) => match state.reasons.count() {
                Some(_) => {
                    tracing::warn!(
                        why,
                        "the cluster cannot be reached, and this process serves alone"
                    );
                }
                None => return,
            },
        }
        state.logged = why_not;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_has_just_come_is_up_when_the_others_had_time_to_say_that_they_are_there() {
        let health = Health::default();
        for part in [Part::Writing, Part::Reading, Part::Talking] {
            health.connected(part);
        }
        assert_eq!(health.echoed(Duration::ZERO), Echo::First);
        assert!(!health.is_up());
        assert_eq!(health.echoed(Duration::ZERO), Echo::AfterSilence);
        assert!(health.is_up());
        assert_eq!(health.echoed(Duration::ZERO), Echo::Next);
        tokio::time::advance(ECHO).await;
        assert!(!health.is_up());
        assert_eq!(health.echoed(Duration::ZERO), Echo::AfterSilence);
        assert!(health.is_up());
    }
}
