//! Errors and warnings on stderr, for applications without a `tracing` subscriber.
//!
//! Without this, somebody who has forgotten to install one would see "Internal server error" at the client, and
//! nothing anywhere else.

use std::{future::Future, io};

use tracing::{Dispatch, dispatcher, instrument::WithSubscriber, subscriber::NoSubscriber};
use tracing_subscriber::filter::LevelFilter;

/// Whether this is allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct StderrLog(pub(super) bool);

impl Default for StderrLog {
    fn default() -> Self {
        Self(true)
    }
}

impl StderrLog {
    /// Logs what happens while the application is built, and only then: the application may still install a
    /// subscriber of its own.
    pub(super) async fn during<T>(self, building: impl Future<Output = T>) -> T {
        match self.is_needed() {
            true => building.with_subscriber(to_stderr()).await,
            false => building.await,
        }
    }

    /// Logs for as long as the process lives: the application is now served and has not installed a subscriber.
    pub(super) fn install(self) {
        if self.is_needed() {
            // If somebody else has installed one in the meantime, theirs stays.
            dispatcher::set_global_default(to_stderr()).ok();
        }
    }

    fn is_needed(self) -> bool {
        self.0 && dispatcher::get_default(|current| current.is::<NoSubscriber>())
    }
}

fn to_stderr() -> Dispatch {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::WARN)
        .with_writer(io::stderr)
        .with_ansi(false);
    subscriber.finish().into()
}

/// Warns at startup that a panic will not cost a single message, but the whole process.
pub(super) fn warn_if_panics_abort(abort: bool) {
    if abort {
        tracing::warn!(
            "panics abort: one handler that panics ends the process, with all its clients; build \
             with `panic = \"unwind\"`, Cargo's default"
        );
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;
    use crate::captured_log::CapturedLog;

    #[tokio::test]
    async fn a_subscriber_of_the_applications_own_is_left_alone() {
        let (log, _subscribed) = CapturedLog::of(Level::INFO);
        let own = || !dispatcher::get_default(|current| current.is::<NoSubscriber>());
        StderrLog(true)
            .during(async {
                assert!(own());
                tracing::info!("below what goes to stderr");
            })
            .await;
        let text = log.text();
        assert!(text.contains("below what goes to stderr"), "{text}");
    }

    #[test]
    fn panics_that_abort_are_warned_of() {
        let (log, _subscribed) = CapturedLog::of(Level::WARN);
        warn_if_panics_abort(false);
        assert_eq!(log.text(), "");
        warn_if_panics_abort(true);
        let text = log.text();
        assert!(text.contains("WARN") && text.contains("panic = \"unwind\""), "{text}");
    }
}
