//! [`App`]: gateways, services and routes, put together and served.

use std::{
    borrow::Cow,
    fmt,
    future::{Future, pending},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{Extension, Router};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Either, join, join_all, select},
};
use tokio::{
    net::{TcpListener, ToSocketAddrs},
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::{
    auth::Authenticator,
    boot,
    enhancers::Level,
    facts::AuthenticatorFacts,
    filter::ExceptionFilter,
    front::FrontLayer,
    gateway::{GatewayRuntime, Settings},
    guard::Guard,
    health::{self, Health, Readiness},
    interceptor::Interceptor,
    origins::Origins,
    pipe::Pipe,
    platform::{
        Mounted, Transport,
        serve::{self, ServerOptions},
    },
    provider::{Injectable, Key, Services},
    registry::Gateway,
    report::Report,
    table::Table,
};

/// A future of this crate. Async functions are compiled where they are awaited, and behind these are
/// all of axum, hyper and the base: nothing of which applications should have to wait for after
/// every edit.
type CompiledHere<T> = BoxFuture<'static, T>;

/// Everything that is not a gateway's own: what services there are, what the HTTP side serves, and
/// the options of the whole server.
///
/// Gateways are not listed: those of every crate that is linked in are found. A library crate is
/// only linked when something of it is named, so write `use my_gateways as _;`.
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
    pub(crate) services: Services,
    /// Provided more than once.
    pub(crate) twice: Vec<&'static str>,
    /// Readiness checks of a name that another had.
    pub(crate) checks_twice: Vec<Cow<'static, str>>,
    pub(crate) expected: Vec<Key>,
    pub(crate) enhancers: Level,
    pub(crate) authenticator: Option<AuthenticatorFacts>,
    pub(crate) settings: Settings,
    pub(crate) server: ServerOptions,
    router: Router,
    health_checks: bool,
    readiness: Readiness,
}

/// A built application.
///
/// ```no_run
/// use gateway_core::prelude::*;
///
/// #[tokio::main]
/// async fn main() -> Result<(), AppError> {
///     App::builder().build().await?.serve("127.0.0.1:3000").await
/// }
/// ```
pub struct App {
    gateways: Vec<Arc<GatewayRuntime>>,
    table: Table,
    mounted: Mounted,
    router: Router,
    write_timeout: Duration,
    health: Arc<Health>,
    drain_timeout: Duration,
}

impl App {
    /// An application with the defaults of every option.
    #[must_use]
    pub fn builder() -> AppBuilder {
        AppBuilder::default()
    }

    /// What is served, a line a handler: namespace, event, handler, payload, reply, and where it is
    /// written.
    #[must_use]
    pub fn route_table(&self) -> String {
        self.table.to_string()
    }

    /// The application as an axum router, to be merged into one of your own or served by your own
    /// means.
    ///
    /// What [`serve`](Self::serve) adds is then yours: an end to writes that nobody reads, and
    /// `on_disconnect` at shutdown.
    pub fn into_router(self) -> Router {
        self.router
    }

    /// Takes an address. `127.0.0.1:0` lets the system choose the port.
    ///
    /// # Errors
    /// When the address is taken, or not ours.
    pub async fn bind(
        self,
        address: impl ToSocketAddrs + fmt::Debug,
    ) -> Result<BoundApp, AppError> {
        let wanted = format!("{address:?}");
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|source| BindError { address: wanted, source })?;
        let address = listener.local_addr()?;
        Ok(BoundApp { app: self, listener, address })
    }

    /// Takes an address and serves on it until the process ends.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub async fn serve(self, address: impl ToSocketAddrs + fmt::Debug) -> Result<(), AppError> {
        self.bind(address).await?.serve().await
    }

    /// Lets nobody in any more, answers the messages in hand, and ends every connection,
    /// `on_disconnect` included. What takes too long is not waited for, so that there is time left
    /// for what comes after it.
    async fn drain(&self, deadline: Instant) {
        /// What a client on polling is given to come for what it was sent last.
        const LAST_POLL: Duration = Duration::from_secs(1);

        let begun = Instant::now();
        let by = |share: f64| begun + (deadline - begun).mul_f64(share);
        self.health.drain();
        let gateways = || self.gateways.iter();

        let answered = join_all(gateways().map(|gateway| gateway.finish()));
        if timeout_at(by(0.6), answered).await.is_err() {
            tracing::warn!("some messages in hand were not answered in time");
            let refused = join_all(gateways().map(|gateway| gateway.refuse_waiting()));
            timeout_at(by(0.7), refused).await.ok();
        }
        self.health.end_patience();
        let last_poll = async {
            if gateways().any(|gateway| gateway.is_polled()) {
                tokio::time::sleep(LAST_POLL).await;
            }
        };
        let last_poll = timeout_at(by(0.8), last_poll);
        let evicted = timeout_at(by(0.85), join_all(gateways().map(|gateway| gateway.evict())));
        if join(last_poll, evicted).await.1.is_err() {
            tracing::warn!("some on_disconnect hooks did not end in time");
        }
        if timeout_at(by(0.9), self.mounted.close()).await.is_err() {
            tracing::warn!("some connections did not close in time");
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
struct BindError {
    address: String,
    source: std::io::Error,
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("App").field("gateways", &self.gateways).finish_non_exhaustive()
    }
}

/// An application that has its address.
///
/// ```no_run
/// # use gateway_core::prelude::*;
/// # async fn run(app: App) -> Result<(), AppError> {
/// let app = app.bind("127.0.0.1:0").await?;
/// println!("listening on http://{}", app.local_addr());
/// app.serve_until(async { drop(tokio::signal::ctrl_c().await) }).await
/// # }
/// ```
#[derive(Debug)]
pub struct BoundApp {
    app: App,
    listener: TcpListener,
    address: SocketAddr,
}

impl BoundApp {
    /// The address, with the port the system chose.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process ends.
    ///
    /// # Errors
    /// When the listener fails for good.
    pub fn serve(self) -> impl Future<Output = Result<(), AppError>> + Send {
        self.run(pending().boxed())
    }

    /// Serves until `shutdown` resolves, and then drains: nobody is let in any more, the messages in
    /// hand are answered (those that come are refused with
    /// [`SHUTTING_DOWN`](crate::code::SHUTTING_DOWN)), every client's `on_disconnect` runs, and the
    /// connections are closed, so that clients come back elsewhere.
    ///
    /// That takes [`drain_timeout`](AppBuilder::drain_timeout) at most, whatever hangs; a handler that
    /// blocks its thread is dealt with by [`stop_signal`](crate::stop_signal).
    ///
    /// # Errors
    /// When the listener fails for good.
    pub async fn serve_until(self, shutdown: impl Future<Output = ()>) -> Result<(), AppError> {
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = self.run(async { drop(stopped.await) }.boxed());
        match select(serving, pin!(shutdown)).await {
            Either::Left((served, _)) => served,
            Either::Right(((), serving)) => {
                drop(stop);
                serving.await
            }
        }
    }

    fn run(self, stopped: BoxFuture<'static, ()>) -> CompiledHere<Result<(), AppError>> {
        let Self { app, listener, .. } = self;
        Box::pin(async move {
            let (router, timeout) = (app.router.clone(), app.drain_timeout);
            let drain = |deadline| app.drain(deadline);
            serve::serve(listener, app.write_timeout, router, stopped, timeout, drain).await?;
            Ok(())
        })
    }
}

impl AppBuilder {
    /// A service: injected as `Arc<T>`.
    #[must_use]
    pub fn provide<T: Send + Sync + 'static>(self, service: T) -> Self {
        self.provide_arc(Arc::new(service))
    }

    /// A service that is shared already, or known by a trait: `provide_arc::<dyn Clock>(..)`.
    #[must_use]
    pub fn provide_arc<T: ?Sized + Send + Sync + 'static>(mut self, service: Arc<T>) -> Self {
        if self.services.insert(service) {
            self.twice.push(std::any::type_name::<T>());
        }
        self
    }

    /// Plain axum routes, served beside the gateways. Their handlers take
    /// [`Inject<T>`](crate::Inject).
    #[must_use]
    pub fn routes(mut self, routes: Router) -> Self {
        self.router = self.router.merge(routes);
        self
    }

    /// Makes it an error of the start when the gateway `G` was not found: naming it here also links
    /// its crate.
    #[must_use]
    pub fn expect<G: Gateway>(mut self) -> Self {
        self.expected.push(Key::of::<G>());
        self
    }

    /// An exception filter for all gateways, asked after their own.
    #[must_use]
    pub fn use_global_filters(mut self, filter: impl ExceptionFilter) -> Self {
        self.enhancers.filters.push(Arc::new(filter));
        self
    }

    /// A guard for all messages of all gateways, asked before their own.
    #[must_use]
    pub fn use_global_guards(mut self, guard: impl Guard) -> Self {
        self.enhancers.guards.push(Arc::new(guard));
        self
    }

    /// An interceptor around all handlers of all gateways, outside of their own.
    #[must_use]
    pub fn use_global_interceptors(mut self, interceptor: impl Interceptor) -> Self {
        self.enhancers.interceptors.push(Arc::new(interceptor));
        self
    }

    /// A pipe for the payloads of all gateways, before their own.
    #[must_use]
    pub fn use_global_pipes(mut self, pipe: impl Pipe) -> Self {
        self.enhancers.pipes.push(Arc::new(pipe));
        self
    }

    /// Who decides which clients are let in, for gateways that do not name their own.
    #[must_use]
    pub fn authenticate<A: Authenticator + Injectable>(mut self) -> Self {
        self.authenticator = Some(AuthenticatorFacts::of::<A>());
        self
    }

    /// Whether errors tell the client what it had sent, as `cause {pattern, data}`. On by default.
    #[must_use]
    pub fn include_cause(mut self, include: bool) -> Self {
        self.settings.include_cause = include;
        self
    }

    /// The path Socket.IO clients connect to; `/socket.io` by default.
    #[must_use]
    pub fn path(mut self, path: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        self.server.path = path.into();
        self
    }

    /// How clients may connect; by default by polling and by WebSocket.
    #[must_use]
    pub fn transports(mut self, transports: impl IntoIterator<Item = Transport>) -> Self {
        self.server.transports = transports.into_iter().collect();
        self
    }

    /// How often clients are pinged; 25 s by default.
    #[must_use]
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.server.ping_interval = interval;
        self
    }

    /// How long a client may take to answer a ping; 20 s by default.
    #[must_use]
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.server.ping_timeout = timeout;
        self
    }

    /// How long a client may take to join a namespace; 45 s by default.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.server.connect_timeout = timeout;
        self
    }

    /// The largest message taken, in bytes, on either transport (socket.io: `maxHttpBufferSize`);
    /// 1,000,000 by default. A client that sends a larger one is disconnected.
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.server.max_payload = bytes;
        self
    }

    /// How long an emit or a reply waits for a client whose queue is full; 10 s by default.
    #[must_use]
    pub fn emit_timeout(mut self, timeout: Duration) -> Self {
        self.settings.emit_timeout = timeout;
        self
    }

    /// How long [`Socket::emit_with_ack`](crate::Socket::emit_with_ack) waits for its answer; 5 s by
    /// default.
    #[must_use]
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.settings.ack_timeout = timeout;
        self
    }

    /// How long one write to a client may make no progress at all before its connection is cut; as
    /// long as [`ping_timeout`](Self::ping_timeout) by default.
    #[must_use]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.server.write_timeout = Some(timeout);
        self
    }

    /// How long shutting down may take; 10 s by default. See
    /// [`serve_until`](BoundApp::serve_until).
    #[must_use]
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.server.drain_timeout = timeout;
        self
    }

    /// Serves `GET /healthz`, 200 while the process answers, and `GET /readyz`: 200 while clients are
    /// let in and every [`readiness_check`](Self::readiness_check) holds, else 503.
    #[must_use]
    pub fn health_checks(mut self) -> Self {
        self.health_checks = true;
        self
    }

    /// Adds something that the application cannot serve without to what `GET /readyz` asks, which is
    /// served then (NestJS: a health indicator of Terminus). It counts as down when `check` fails,
    /// panics, or takes longer than 750 ms. The error is logged; whoever asks reads the name alone.
    ///
    /// An answer holds for half a second, however many ask. Clients that are connected stay.
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
    pub fn readiness_check<F, E>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<AppError>,
    {
        self.health_checks = true;
        let name = name.into();
        if !self.readiness.add(name.clone(), check) {
            self.checks_twice.push(name);
        }
        self
    }

    /// Finds the gateways, checks that everything fits together, and builds it: services, gateways,
    /// and their `after_init`.
    ///
    /// # Errors
    /// All mistakes at once, in one [`AppError`].
    pub fn build(mut self) -> impl Future<Output = Result<App, AppError>> {
        let built = async move {
            let mut router = std::mem::take(&mut self.router);
            let health = Arc::<Health>::default();
            if self.health_checks {
                let readiness = std::mem::take(&mut self.readiness);
                router = router.merge(health::routes(Arc::clone(&health), readiness));
            }
            let write_timeout = self.server.write_timeout();
            let path = self.server.path.clone();
            let (mounted, namespaces) = serve::open(&self.server);
            let drain_timeout = self.server.drain_timeout;
            let booted = boot::boot(self, &mounted, &health).await?;
            let front = FrontLayer::new(&path, Origins::new(booted.cors), Arc::clone(&health));
            let router = router
                .layer(Extension(Arc::clone(&booted.services)))
                .layer(Extension(booted.authenticators));
            Ok(App {
                gateways: booted.gateways,
                table: booted.table,
                mounted,
                // One layer of several: each that axum is given alone costs every request a box.
                router: router.layer((front, namespaces)),
                write_timeout,
                health,
                drain_timeout,
            })
        };
        // Compiled here, as `CompiledHere` says; not `Send`, as options need not be.
        built.boxed_local()
    }
}

impl fmt::Debug for AppBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AppBuilder")
            .field("services", &self.services)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// Why an application did not start, or stopped.
///
/// Its `Debug` is the report for the person at the terminal, so `main` can return it as it is. Any
/// error converts into it with `?`.
///
/// ```
/// use gateway_core::AppError;
///
/// fn port() -> Result<u16, AppError> {
///     Ok("3000".parse()?)
/// }
/// # assert_eq!(port().unwrap(), 3000);
/// ```
pub struct AppError(ErrorKind);

enum ErrorKind {
    Wiring(Report),
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl AppError {
    pub(crate) fn wiring(report: Report) -> Self {
        Self(ErrorKind::Wiring(report))
    }

    /// The mistakes in how the application is put together, a sentence each; none when something
    /// else went wrong.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        match &self.0 {
            ErrorKind::Wiring(report) => report.sentences(),
            ErrorKind::Other(_) => Vec::new(),
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for AppError {
    fn from(error: E) -> Self {
        Self(ErrorKind::Other(Box::new(error)))
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ErrorKind::Wiring(report) => report.fmt(formatter),
            ErrorKind::Other(error) => {
                write!(formatter, "{error}")?;
                let mut source = error.source();
                while let Some(error) = source {
                    write!(formatter, "\n  caused by: {error}")?;
                    source = error.source();
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for AppError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
