//! What is served over HTTP beside the gateways.

use std::{borrow::Cow, error::Error, future::Future, panic::Location};

use axum::Router;

use super::AppBuilder;
use crate::boot::start_report::Problem;
#[cfg(feature = "prometheus")]
use crate::boot::start_report::place;

/// The route for Prometheus.
#[cfg(feature = "prometheus")]
pub(super) struct Prometheus {
    pub(super) path: Cow<'static, str>,
    pub(super) asked: &'static Location<'static>,
    pub(super) recorder: metrics_exporter_prometheus::PrometheusHandle,
}

impl AppBuilder {
    /// Adds plain axum routes, served beside the gateways, with any fallback and any layers. Their handlers
    /// can take [`Inject<T>`](crate::Inject) and [`Identity<U>`](crate::Identity).
    ///
    /// Identities come from the authenticator that gives their type. If the gateways have two authenticators
    /// for the same type, the application does not start, unless [`authenticate`](Self::authenticate) decides
    /// between them.
    ///
    /// # Panics
    /// If two routers cannot be merged, like [`Router::merge`]: both have a route for the same path and method,
    /// or both have a fallback.
    #[must_use]
    #[track_caller]
    pub fn routes(mut self, routes: Router) -> Self {
        self.blueprint.has_routes = true;
        self.router = self.router.merge(routes);
        self
    }

    /// Serves `GET /healthz`, which answers 200 as long as the process responds, and `GET /readyz`, which answers
    /// 200 while clients are let in and every [`readiness_check`](Self::readiness_check) succeeds, and 503
    /// otherwise.
    #[must_use]
    #[track_caller]
    pub fn health_checks(mut self) -> Self {
        self.health_checks.get_or_insert(Location::caller());
        self
    }

    /// Adds something that the application cannot serve without to the checks of `GET /readyz`, and switches the
    /// [health checks](Self::health_checks) on (NestJS: a health indicator of Terminus). It counts as down if
    /// `check` fails, panics, or takes longer than 750 ms. The error is logged; the answer contains only the
    /// name.
    ///
    /// Results are kept for half a second, however many requests come. Clients that are connected stay
    /// connected.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use gateway_core::prelude::*;
    ///
    /// static STOCKED: AtomicBool = AtomicBool::new(false);
    ///
    /// let builder = App::builder().readiness_check("stock", async || {
    ///     match STOCKED.load(Ordering::Relaxed) {
    ///         true => Ok(()),
    ///         false => Err(std::io::Error::other("nothing has been delivered yet")),
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn readiness_check<F, E>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.health_checks.get_or_insert(Location::caller());
        let name = name.into();
        if !self.readiness.add(name.clone(), check) {
            self.blueprint.problems.push(Problem::new(
                format!("two readiness checks are called `{name}`"),
                "give each a name of its own: it is all that `/readyz` says about it",
            ));
        }
        self
    }

    /// Serves the official JavaScript client below the server's [`path`](Self::path), for pages that load it from there
    /// (socket.io: `serveClient`, which is on there by default): `/socket.io/socket.io.js`, which is
    /// `/socket.io/socket.io.min.js`, and `/socket.io/socket.io.esm.min.js` for `import`. It is `socket.io-client` 4.8.4,
    /// under the MIT licence, and takes 90 kB of the binary.
    ///
    /// Pages that are bundled have their client already, and need none of this.
    ///
    /// ```
    /// use gateway_core::App;
    ///
    /// // <script src="/socket.io/socket.io.js"></script>
    /// let builder = App::builder().serve_client();
    /// # drop(builder);
    /// ```
    #[cfg(feature = "client")]
    #[must_use]
    #[track_caller]
    pub fn serve_client(mut self) -> Self {
        self.client = Some(Location::caller());
        self
    }

    /// Serves at `path`, usually `/metrics`, what the gateways count, as the text that Prometheus reads. Everything else in
    /// the process that counts with the [`metrics`](https://docs.rs/metrics) crate is told there as well, from this call on;
    /// durations are told apart by bounds from half a millisecond to five seconds.
    ///
    /// Whoever can reach the server can read it: a proxy in front should keep the path to itself.
    ///
    /// ```
    /// use gateway_core::App;
    ///
    /// let builder = App::builder().prometheus("/metrics");
    /// # drop(builder);
    /// ```
    #[cfg(feature = "prometheus")]
    #[must_use]
    #[track_caller]
    pub fn prometheus(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        let (path, asked) = (path.into(), Location::caller());
        let at = place(asked);
        if !path.starts_with('/') || path.contains(['{', '}', '*']) {
            self.blueprint.problems.push(Problem::new(
                format!("`.prometheus({path:?})` ({at}) is no path that can be asked for"),
                "write a path that begins with a slash, and has no parameters: `/metrics`",
            ));
            return self;
        }
        match crate::app::prometheus::start() {
            Ok(recorder) => self.prometheus = Some(Prometheus { path, asked, recorder }),
            Err(error) => self.blueprint.problems.push(Problem::new(
                format!("`.prometheus(..)` ({at}) cannot collect metrics: {error}"),
                "leave it out, and have the recorder that is installed serve them",
            )),
        }
        self
    }
}
