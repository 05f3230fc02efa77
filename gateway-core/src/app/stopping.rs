//! [`Stopping`]: what runs without an end of its own learns when the application stops.

use std::future::Future;

use tokio_util::sync::CancellationToken;

/// Whether the application has been asked to stop: a service that every application has. Whatever runs without an
/// end of its own (a task, a stream of Server-Sent Events, a long poll) waits for it, so that it does not have to be
/// ended by force when [`drain_timeout`](crate::AppBuilder::drain_timeout) is over.
///
/// It is injected like any other service, as `Arc<Stopping>` or as [`Inject<Stopping>`](crate::Inject), however the
/// application is served. In a [router](crate::App::into_router) of yours, nothing asks for it but
/// [`request`](Self::request).
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use gateway_core::prelude::*;
///
/// #[injectable]
/// pub struct Janitor {
///     stopping: Arc<Stopping>,
/// }
///
/// impl Janitor {
///     async fn run(&self) {
///         loop {
///             tokio::select! {
///                 () = self.stopping.requested() => return,
///                 () = tokio::time::sleep(Duration::from_secs(60)) => self.tidy_up().await,
///             }
///         }
///     }
///
///     async fn tidy_up(&self) {}
/// }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Stopping(CancellationToken);

impl Stopping {
    /// Of an application that is asked by this token.
    pub(super) fn of(asked: CancellationToken) -> Self {
        Self(asked)
    }

    /// Resolves when the application is asked to stop; at once, if it has been.
    ///
    /// Nobody is let in from then on, and HTTP requests that are open then should come to their end.
    pub fn requested(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.clone().cancelled_owned()
    }

    /// Whether the application has been asked to stop.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Asks the application to stop, as a signal does (NestJS: `app.close()`): it drains, and
    /// [`run`](crate::App::run), [`serve`](crate::App::serve) or
    /// [`serve_until`](crate::BoundApp::serve_until) returns.
    ///
    /// ```
    /// use gateway_core::Stopping;
    ///
    /// let stopping = Stopping::default(); // of no application, for a test
    /// stopping.request();
    /// assert!(stopping.is_requested());
    /// ```
    pub fn request(&self) {
        self.0.cancel();
    }
}
