//! [`AppBuilder`]: services, routes and options, until the application is built.

use std::{
    borrow::Cow, error::Error, fmt, future::Future, panic::Location, sync::Arc, time::Duration,
};

use axum::Router;
use futures_util::FutureExt;
use gateway_names::Host;
use tower::Layer;

use crate::{
    app::{
        App,
        capacity::Capacity,
        drain::Drain,
        error::AppError,
        front::Front,
        handshake_filter::HandshakeFilterLayer,
        readiness::{self, Readiness},
        routes,
        stderr_log::{StderrLog, warn_if_panics_abort},
        wrong_path::WrongPathLayer,
    },
    auth::{Authenticator, AuthenticatorFacts, origins::Origins},
    boot::{
        self, Blueprint,
        start_report::{Problem, place},
    },
    call::{
        extract::http::AppServices, filter::ExceptionFilter, guard::Guard,
        interceptor::Interceptor, pipe::Pipe,
    },
    declare::registry::Gateway,
    dispatch::draining::Draining,
    inject::{Injectable, Key},
    limits::Limits,
    metrics,
    platform::{
        Transport, TrustedProxies,
        serve::{self, ServerOptions},
        server::{Server, Times},
    },
    type_names::short,
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
    blueprint: Blueprint,
    router: Router,
    /// Where they were switched on.
    health_checks: Option<&'static Location<'static>>,
    readiness: Readiness,
    front: Front,
    stderr_log: StderrLog,
}

impl AppBuilder {
    /// Provides a service, which is injected as `Arc<T>`.
    #[must_use]
    pub fn provide<T: Send + Sync + 'static>(self, service: T) -> Self {
        self.provide_arc(Arc::new(service))
    }

    /// Provides a service that is already shared, or that is injected as a trait:
    /// `provide_arc::<dyn Clock>(..)`.
    #[must_use]
    pub fn provide_arc<T: ?Sized + Send + Sync + 'static>(mut self, service: Arc<T>) -> Self {
        if self.blueprint.services.insert(service) {
            self.blueprint.problems.push(Problem::new(
                format!("`{}` is provided twice", short(std::any::type_name::<T>())),
                "provide it once; two values of one type need two types",
            ));
        }
        self
    }

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

    /// Makes it a startup error if the gateway `G` is not found. Naming it here also links its crate in.
    #[must_use]
    pub fn expect<G: Gateway>(mut self) -> Self {
        self.blueprint.expected.push(Key::of::<G>());
        self
    }

    /// Adds an exception filter for all gateways, which is asked after their own.
    #[must_use]
    pub fn use_global_filters(mut self, filter: impl ExceptionFilter) -> Self {
        self.blueprint.enhancers.filters.push(Arc::new(filter));
        self
    }

    /// Adds a guard for all messages of all gateways, which is asked before their own.
    #[must_use]
    pub fn use_global_guards(mut self, guard: impl Guard) -> Self {
        self.blueprint.enhancers.guards.push(Arc::new(guard));
        self
    }

    /// Adds an interceptor around all handlers of all gateways, outside their own.
    #[must_use]
    pub fn use_global_interceptors(mut self, interceptor: impl Interceptor) -> Self {
        self.blueprint.enhancers.interceptors.push(Arc::new(interceptor));
        self
    }

    /// Adds a pipe for the payloads of all gateways, which runs before their own.
    #[must_use]
    pub fn use_global_pipes(mut self, pipe: impl Pipe) -> Self {
        self.blueprint.enhancers.pipes.push(Arc::new(pipe));
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

    /// Sets the proxies in front of the application, as addresses and networks. None by default.
    ///
    /// `X-Forwarded-For`, `-Host` and `-Proto` count only if the other end of the connection is one of these
    /// proxies, and as far back as trusted proxies pass each other's requests on: the client is the last
    /// address in the list that does not belong to a trusted proxy. This decides
    /// [`Handshake::address`](crate::Handshake::address), the address that
    /// [`Throttle::per_address`](crate::Throttle::per_address) counts, and the server that a page's origin is
    /// compared with. From anybody else, the headers are ignored.
    ///
    /// A proxy must set the three headers itself, whatever its client sends. If all addresses are trusted
    /// (`0.0.0.0/0`), anybody can claim to be anybody, and a warning is logged. `Forwarded` is not read.
    ///
    /// ```
    /// use gateway_core::prelude::*;
    ///
    /// let builder = App::builder().trusted_proxies(["127.0.0.1", "::1", "10.0.0.0/8"]);
    /// # drop(builder);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn trusted_proxies<T: AsRef<str>>(mut self, networks: impl IntoIterator<Item = T>) -> Self {
        let at = place(Location::caller());
        let mut trusted = Vec::new();
        for text in networks {
            let text = text.as_ref();
            match TrustedProxies::network(text) {
                Ok(network) => trusted.push(network),
                Err(help) => self.blueprint.problems.push(Problem::new(
                    format!("{text:?} is not an address or network of trusted proxies ({at})"),
                    help,
                )),
            }
        }
        self.front.proxies = TrustedProxies::new(trusted);
        self
    }

    /// Sets the names that clients may use for the server, in the `Host` of their requests. A name without a
    /// port allows any port. Requests for another name are refused with 421, except those to the
    /// [health checks](Self::health_checks). By default, any name is allowed.
    ///
    /// This protects against DNS rebinding: if the name `evil.example` is made to resolve to this machine inside
    /// its reader's network, then to a browser, and so to every check of origins, a page from `evil.example` is
    /// a page from this server. An application that must not be reachable from everywhere should list its
    /// hosts.
    ///
    /// ```
    /// use gateway_core::prelude::*;
    ///
    /// let builder = App::builder().allowed_hosts(["chat.example", "localhost", "[::1]:3000"]);
    /// # drop(builder);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn allowed_hosts<T: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = T>) -> Self {
        let at = place(Location::caller());
        let mut allowed = Vec::new();
        let mut is_empty = true;
        for text in hosts {
            is_empty = false;
            let text = text.as_ref();
            match Host::parse(text) {
                Ok(host) => allowed.push(host),
                Err(_) => self.blueprint.problems.push(Problem::new(
                    format!("{text:?} is not a host that can be allowed ({at})"),
                    "write a name or an address, with a port or for all: `chat.example`, `localhost:3000`, `[::1]`; no scheme, and no pattern",
                )),
            }
        }
        if is_empty {
            self.blueprint.problems.push(Problem::new(
                format!("no host is allowed, so nobody could connect ({at})"),
                "name the hosts in `.allowed_hosts([..])`, or leave the call out for any",
            ));
        }
        self.front.hosts = Some(allowed);
        self
    }

    /// Sets the path that Socket.IO clients connect to; `/socket.io` by default. A trailing slash makes no
    /// difference. Routes below it, such as `/socket.io/socket.io.js`, belong to the application.
    #[must_use]
    #[track_caller]
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.states("path");
        let path = path.into();
        self.blueprint.server.path = match path.strip_suffix('/') {
            Some(path) => Cow::Owned(path.to_owned()),
            None => path,
        };
        self
    }

    /// Sets how clients may connect; by default, both by polling and by WebSocket.
    #[must_use]
    #[track_caller]
    pub fn transports(mut self, transports: impl IntoIterator<Item = Transport>) -> Self {
        self.states("transports");
        self.blueprint.server.transports = transports.into_iter().collect();
        self
    }

    /// Sets how often clients are pinged; 25 s by default.
    #[must_use]
    #[track_caller]
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.states("ping_interval");
        self.blueprint.server.ping_interval = interval;
        self
    }

    /// Sets how long a client may take to answer a ping; 20 s by default.
    #[must_use]
    #[track_caller]
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.states("ping_timeout");
        self.blueprint.server.ping_timeout = timeout;
        self
    }

    /// Sets how long a session may take to join a namespace;
    /// [`CONNECT_TIMEOUT`](crate::defaults::CONNECT_TIMEOUT) by default. It is one of the
    /// [`limits`](Self::limits), under the name that it has in Socket.IO; the later of the two calls counts.
    #[must_use]
    #[track_caller]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.states("limits");
        self.blueprint.settings.limits.connect_timeout = timeout;
        self
    }

    /// Sets how long a client that is connected by polling may take to upgrade to a WebSocket;
    /// [`UPGRADE_TIMEOUT`](crate::defaults::UPGRADE_TIMEOUT) by default. After that, the WebSocket is closed and
    /// the client stays connected by polling, as it also does behind a proxy that lets no frames through.
    #[must_use]
    #[track_caller]
    pub fn upgrade_timeout(mut self, timeout: Duration) -> Self {
        self.states("upgrade_timeout");
        self.blueprint.server.upgrade_timeout = timeout;
        self
    }

    /// Sets whether all requests of a polling session must come from the address that opened it, or from the
    /// same IPv6 /64; off by default. Other requests are refused with 403.
    ///
    /// Whoever knows a session's id can read and write in the session, and `socket.id` is that id. Pages of
    /// another origin cannot, because the `Origin` of later requests, if a browser sends one, must be that of
    /// the handshake. This option protects against everybody else. It is off because clients change their
    /// addresses: phones move between networks, and a proxy or a NAT may have several. With the option, such a
    /// client gets a new session each time.
    ///
    /// Behind [trusted proxies](Self::trusted_proxies), the addresses are those of the proxies' clients. If
    /// addresses are not known, nothing is refused. A WebSocket is a connection of its own, which nobody else
    /// can take over.
    #[must_use]
    pub fn bind_sessions_to_address(mut self, bind: bool) -> Self {
        self.blueprint.server.bind_to_address = bind;
        self
    }

    /// Sets the largest message that is accepted on either transport, in bytes (socket.io:
    /// `maxHttpBufferSize`); 1,000,000 by default. A client that sends a larger one is disconnected, with close
    /// code 1009 or status 413, which is logged.
    #[must_use]
    #[track_caller]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.states("max_payload");
        self.blueprint.server.max_payload = bytes;
        self
    }

    /// Sets how long an emit or a reply waits for a client whose queue is full; 10 s by default. Zero means not
    /// to wait at all.
    #[must_use]
    pub fn emit_timeout(mut self, timeout: Duration) -> Self {
        self.blueprint.settings.emit_timeout = timeout;
        self
    }

    /// Sets how long [`Socket::emit_with_ack`](crate::Socket::emit_with_ack) waits for the client's answer; 5 s by
    /// default.
    #[must_use]
    #[track_caller]
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.states("ack_timeout");
        self.blueprint.settings.ack_timeout = timeout;
        self
    }

    /// Sets how long an [`Authenticator`](crate::Authenticator) may take;
    /// [`AUTHENTICATION_TIMEOUT`](crate::defaults::AUTHENTICATION_TIMEOUT) by default. It is then
    /// dropped: a client is refused, a renewal fails with `TIMEOUT` and changes nothing, and a request of
    /// HTTP is answered with 503. It is one of the [`limits`](Self::limits): the later of the two calls counts.
    #[must_use]
    #[track_caller]
    pub fn authentication_timeout(mut self, timeout: Duration) -> Self {
        self.states("limits");
        self.blueprint.settings.limits.authentication_timeout = timeout;
        self
    }

    /// Sets how long a write to a client may make no progress at all before its connection is cut; by default
    /// as long as [`ping_timeout`](Self::ping_timeout).
    #[must_use]
    #[track_caller]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.states("write_timeout");
        self.blueprint.server.write_timeout = Some(timeout);
        self
    }

    /// Sets the least that a client must read while something waits for it, in bytes per second, averaged over
    /// ten seconds; [`MIN_DRAIN_RATE`](crate::defaults::MIN_DRAIN_RATE) by default. 0 demands nothing. The
    /// connection of a client that reads less is cut, whether it is a WebSocket or polling; other routes are not
    /// affected.
    #[must_use]
    pub fn min_drain_rate(mut self, bytes_per_second: usize) -> Self {
        self.blueprint.server.min_drain_rate = bytes_per_second;
        self
    }

    /// Sets the limits on what strangers may take of the server. Each has a default that is safe on a public
    /// port.
    #[must_use]
    #[track_caller]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.states("limits");
        self.blueprint.settings.limits = limits;
        self
    }

    /// Sets how long shutting down may take; 10 s by default. With zero, it ends at once. See
    /// [`serve_until`](crate::BoundApp::serve_until).
    #[must_use]
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.blueprint.server.drain_timeout = timeout;
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

    /// Finds the gateways, checks that everything fits together, and builds it: services and gateways, whose
    /// `after_init` hooks then run.
    ///
    /// # Errors
    /// All mistakes at once, in a single [`AppError`].
    pub fn build(mut self) -> impl Future<Output = Result<App, AppError>> {
        let stderr_log = self.stderr_log;
        let built = async move {
            warn_if_panics_abort(cfg!(panic = "abort"));
            let draining = Arc::<Draining>::default();
            let limits = self.blueprint.settings.limits.clone().with_open_files();
            let proxies = self.front.proxies.clone();
            let capacity = Capacity::new(&limits, &proxies);
            let router =
                self.routes_and_health_checks((Arc::clone(&draining), capacity.clone())).await;
            self.keep_path_free(&router).await;
            let ServerOptions { path, drain_timeout, .. } = &self.blueprint.server;
            let (path, drain_timeout) = (path.clone(), *drain_timeout);
            let streams = self.blueprint.server.streams(&limits);
            let Capacity { places, reception } = capacity;
            let (mounted, namespaces) =
                serve::open(&self.blueprint.server, &limits, reception, metrics::upgrade);
            let booted = boot::boot(self.blueprint, &mounted, &draining).await;
            let booted = booted.map_err(AppError::wiring)?;
            let services = AppServices::new(booted.services, booted.authenticators, proxies);
            let filter =
                HandshakeFilterLayer::new(Origins::new(booted.cors), Arc::clone(&draining));
            let router = router.layer((WrongPathLayer::new(&path), services.clone()));
            Ok(App {
                table: booted.table,
                server: Server {
                    router: self.front.before(routes::with_server(
                        router,
                        &path,
                        filter.layer(namespaces),
                    )),
                    streams,
                    times: Times::of(&limits),
                    places,
                },
                services,
                drain: Drain { gateways: booted.gateways, mounted, draining },
                drain_timeout,
                limits,
                as_router: booted.as_router,
                stderr_log,
            })
        };
        // Compiled here, as `CompiledHere` says; not `Send`, as options need not be.
        stderr_log.during(built).boxed_local()
    }

    /// The application's own routes, with the health checks if they are switched on.
    async fn routes_and_health_checks(&mut self, open: (Arc<Draining>, Capacity)) -> Router {
        let router = std::mem::take(&mut self.router);
        let Some(asked) = self.health_checks else { return router };
        let mut taken = false;
        for path in readiness::PATHS {
            if routes::has_route(&router, path).await {
                taken = true;
                self.blueprint.problems.push(Problem::new(
                    format!(
                        "the application has a route `{path}`, which the health checks need ({})",
                        place(asked),
                    ),
                    "give your route another path, or leave out `.health_checks()` and `.readiness_check(..)`",
                ));
            }
        }
        if taken {
            return router;
        }
        let readiness = std::mem::take(&mut self.readiness);
        let (draining, capacity) = open;
        router.merge(readiness::routes(draining, move || capacity.is_full(), readiness))
    }

    /// Makes it a startup error if there is a route at the server's path.
    async fn keep_path_free(&mut self, router: &Router) {
        let path = &self.blueprint.server.path;
        if path.is_empty() {
            return;
        }
        for path in [path.to_string(), format!("{path}/")] {
            if routes::has_route(router, &path).await {
                self.blueprint.problems.push(Problem::new(
                    format!("the application has a route `{path}`, which is the path of its Socket.IO server"),
                    "give the route another path, or move the server: `.path(\"/realtime\")`",
                ));
            }
        }
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

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use tokio::runtime;

    use super::*;

    fn problems(built: Result<App, AppError>) -> Vec<String> {
        built.expect_err("there are no gateways, at least").problems()
    }

    #[test]
    fn without_a_runtime_it_says_so() {
        let mut building = pin!(App::builder().build());
        let polled = building.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(built) = polled else { panic!("it waits for what is not there") };
        let problems = problems(built);
        assert!(problems.iter().any(|one| one.contains("no Tokio runtime")), "{problems:?}");
    }

    #[test]
    fn without_timers_it_says_so() {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let problems = problems(runtime.block_on(App::builder().build()));
        assert!(problems.iter().any(|one| one.contains("no timers")), "{problems:?}");
    }

    #[tokio::test]
    async fn with_both_it_does_not() {
        let problems = problems(App::builder().build().await);
        assert_eq!(problems, ["there are no gateways"]);
    }
}
