//! [`AppBuilder`]: services, routes and options, until the application is built.

mod assembly;
mod endpoints;
mod outside;
mod server;
mod services;

use std::{fmt, future::Future, panic::Location, pin::pin, sync::Arc};

use axum::Router;
use futures_util::{
    FutureExt,
    future::{Either, select},
};
use tokio::net::ToSocketAddrs;

#[cfg(feature = "redis")]
use crate::boot::start_report::{Problem, place};
use crate::{
    app::{
        App, error::AppError, front::Front, porter::Porter, readiness::Readiness,
        stderr_log::StderrLog, stop_signal::stop_signal,
    },
    auth::{Authenticator, AuthenticatorFacts},
    boot::{Blueprint, overrides::Overrides},
    call::{
        enhancers::{FilterFacts, GuardFacts, InterceptorFacts, PipeFacts},
        filter::ExceptionFilter,
        guard::Guard,
        interceptor::Interceptor,
        pipe::Pipe,
    },
    declare::registry::Gateway,
    inject::{Injectable, Key},
    socket::observer::Observer,
};

/// Everything that does not belong to a single gateway: the services, what is served over HTTP, and the
/// options of the whole server.
///
/// A time of `Duration::MAX` means no limit. A time of zero is a startup error if nothing could work with it.
///
/// Gateways are not listed: those of every crate that is linked in are found. A library crate is linked in
/// only if something in it is named, so write `use my_gateways as _;`.
///
/// ```standalone_crate
/// use gateway_core::prelude::*;
///
/// # mod gateways {
/// #     use gateway_core::prelude::*;
/// #[web_socket_gateway(namespace = "/chat")]
/// pub struct ChatGateway;
///
/// #[web_socket_gateway]
/// impl ChatGateway {
///     #[subscribe_message("ping")]
///     async fn ping(&self) -> &'static str {
///         "pong"
///     }
/// }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), AppError> {
/// let app = App::builder().provide(String::from("a service")).build().await?;
/// # drop(app);
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct AppBuilder {
    pub(super) blueprint: Blueprint,
    router: Router,
    /// Where they were switched on.
    health_checks: Option<&'static Location<'static>>,
    readiness: Readiness,
    front: Front,
    porter: Porter,
    /// What stands around the server and the routes, the innermost first.
    layers: Vec<Around>,
    /// Where the first of them was added.
    layered: Option<&'static Location<'static>>,
    stderr_log: StderrLog,
    /// Where its serving was asked for.
    #[cfg(feature = "client")]
    client: Option<&'static Location<'static>>,
    #[cfg(feature = "contract")]
    pub(super) api_docs: Option<&'static Location<'static>>,
    #[cfg(feature = "prometheus")]
    prometheus: Option<endpoints::Prometheus>,
    #[cfg(feature = "redis")]
    redis: Option<crate::Redis>,
    /// And where it was given.
    #[cfg(feature = "tls")]
    tls: Option<(crate::Tls, &'static Location<'static>)>,
}

/// A layer that waits for what it is to be put around.
type Around = Box<dyn FnOnce(Router) -> Router>;

impl AppBuilder {
    /// Makes it a startup error if the gateway `G` is not found. Naming it here also links its crate in.
    #[must_use]
    pub fn expect<G: Gateway>(mut self) -> Self {
        self.blueprint.expected.push(Key::of::<G>());
        self
    }

    /// Adds an exception filter for all gateways, which is asked after their own.
    #[must_use]
    pub fn use_global_filters(mut self, filter: impl ExceptionFilter) -> Self {
        self.blueprint.enhancers.filters.push(FilterFacts::value(|| filter));
        self
    }

    /// Adds a guard for all messages of all gateways, which is asked before their own.
    #[must_use]
    pub fn use_global_guards(mut self, guard: impl Guard) -> Self {
        self.blueprint.enhancers.guards.push(GuardFacts::value(|| guard));
        self
    }

    /// Adds an interceptor around all handlers of all gateways, outside their own.
    #[must_use]
    pub fn use_global_interceptors(mut self, interceptor: impl Interceptor) -> Self {
        self.blueprint.enhancers.interceptors.push(InterceptorFacts::value(|| interceptor));
        self
    }

    /// Adds a pipe for the payloads of all gateways, which runs before their own.
    #[must_use]
    pub fn use_global_pipes(mut self, pipe: impl Pipe) -> Self {
        self.blueprint.enhancers.pipes.push(PipeFacts::value(|| pipe));
        self
    }

    /// Adds an observer, which is told of every client and every event of all gateways; several are told in the order in
    /// which they were added. To look into what it has seen, keep a clone: an `Arc` of an observer is one, too.
    ///
    /// ```
    /// use gateway_core::{Observer, Socket, prelude::*};
    ///
    /// struct Joins;
    ///
    /// impl Observer for Joins {
    ///     fn joined(&self, socket: &Socket, room: &str) {
    ///         tracing::info!(user = socket.user(), room, "joined");
    ///     }
    /// }
    ///
    /// let builder = App::builder().observe(Joins);
    /// # drop(builder);
    /// ```
    #[must_use]
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.blueprint.settings.observers.add(Arc::new(observer));
        self
    }

    /// Sets the authenticator for gateways that do not name one of their own, and for
    /// [`routes`](Self::routes) that take an [`Identity`](crate::Identity).
    #[must_use]
    pub fn authenticate<A: Authenticator + Injectable>(mut self) -> Self {
        self.blueprint.authenticator = Some(AuthenticatorFacts::of::<A>());
        self
    }

    /// Sets whether errors repeat what the client had sent: as `cause {pattern, data}`, and as the wrong value
    /// in the message. On by default, and limited to 1 KiB. If it is off, nothing that the client has sent is
    /// repeated.
    #[must_use]
    pub fn include_cause(mut self, include: bool) -> Self {
        self.blueprint.settings.include_cause = include;
        self
    }

    /// Makes this process one of several instances that act as one application, behind any balancer: what one of them
    /// sends to a room, a user or everybody reaches the clients of all, and handlers need not know of it. `None` is this
    /// process alone.
    ///
    /// Nothing waits for Redis: this process's own clients come first, and are served also while it cannot be reached.
    /// What was said meanwhile reaches the others afterwards, late but in order and once, for an outage of up to
    /// [10 seconds](crate::defaults::CLUSTER_PATIENCE); what is lost beyond that is counted, logged, and told to listeners
    /// of server-side events as [`Missed`](crate::Missed). With the [health checks](Self::health_checks), `/readyz` has a
    /// check `cluster`, which is down while Redis cannot be reached.
    ///
    /// ```
    /// use gateway_core::{App, Redis};
    ///
    /// let builder = App::builder().cluster(Redis::at("redis://127.0.0.1:6379"));
    /// # drop(builder);
    /// ```
    #[cfg(feature = "redis")]
    #[must_use]
    #[track_caller]
    pub fn cluster(mut self, redis: impl Into<Option<crate::Redis>>) -> Self {
        let at = place(Location::caller());
        self.redis = redis.into();
        for (problem, help) in self.redis.iter().flat_map(crate::Redis::problems) {
            self.blueprint.problems.push(Problem::new(format!("{problem} ({at})"), help));
        }
        self
    }

    /// Sets whether errors and warnings are written to stderr if the application has no
    /// [`tracing`](https://docs.rs/tracing) subscriber. On by default.
    ///
    /// This is checked while the application is built, and again when it is served or turned into a router. An
    /// application that installs a subscriber later than that should switch this off.
    #[must_use]
    pub fn log_to_stderr(mut self, wanted: bool) -> Self {
        self.stderr_log = StderrLog(wanted);
        self
    }

    /// Finds the gateways, checks that everything fits together, and builds it: services and gateways, whose
    /// `after_init` hooks then run.
    ///
    /// # Errors
    /// All mistakes at once, in a single [`AppError`].
    pub fn build(self) -> impl Future<Output = Result<App, AppError>> {
        let stderr_log = self.stderr_log;
        // Compiled here, as `CompiledHere` says; not `Send`, as options need not be.
        stderr_log.during(self.assemble()).boxed_local()
    }

    /// Builds the application and [runs](App::run) it. It listens for the signal to stop from the beginning: an
    /// application that is asked to stop while it is being built ends without having been served.
    ///
    /// ```no_run
    /// use std::process::ExitCode;
    /// use gateway_core::prelude::*;
    ///
    /// #[tokio::main]
    /// async fn main() -> ExitCode {
    ///     gateway_core::exit_code(App::builder().run("127.0.0.1:3000").await)
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of [`build`](Self::build) and of [`App::run`].
    pub async fn run(self, address: impl ToSocketAddrs + fmt::Debug) -> Result<(), AppError> {
        let stop = stop_signal(self.blueprint.server.drain_timeout)?;
        match select(pin!(self.build()), pin!(stop)).await {
            Either::Left((app, _)) => app?.run(address).await,
            Either::Right(((), _)) => Ok(()),
        }
    }

    pub(crate) fn path_of_server(&self) -> &str {
        &self.blueprint.server.path
    }

    /// What a test replaces. From then on the application is one of a test: its calendar follows Tokio's time.
    pub(crate) fn overrides(&mut self) -> &mut Overrides {
        self.blueprint.overrides.get_or_insert_default()
    }

    /// Records where an option was given its value: at the caller of its method.
    #[track_caller]
    fn states(&mut self, option: &'static str) {
        self.blueprint.stated_at.insert(option, Location::caller());
    }
}

impl fmt::Debug for AppBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AppBuilder")
            .field("services", &self.blueprint.services)
            .field("server", &self.blueprint.server)
            .finish_non_exhaustive()
    }
}
