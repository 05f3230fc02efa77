//! [`App`]: gateways, services and routes, put together and served.

pub(crate) mod builder;
mod capacity;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "contract")]
pub(crate) mod contract;
mod drain;
pub(crate) mod error;
mod front;
mod handshake_filter;
pub(crate) mod health_check;
mod porter;
#[cfg(feature = "prometheus")]
mod prometheus;
mod readiness;
mod routes;
mod stderr_log;
pub(crate) mod stop_signal;
pub(crate) mod stopping;
mod watchdog;
mod wrong_path;

use std::{
    fmt,
    future::{Future, pending},
    io::{self, Write},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Either, select},
};
use tokio::{
    net::{TcpListener, ToSocketAddrs},
    sync::oneshot,
    task::spawn_blocking,
};

use crate::{
    app::{
        builder::AppBuilder,
        drain::Drain,
        error::{AppError, BindError},
        stderr_log::StderrLog,
        stop_signal::stop_signal,
        watchdog::Watchdog,
    },
    boot::{route_table::Table, start_report::Report},
    call::extract::http::AppServices,
    declare::registry::Gateway,
    dispatch::gateway::GatewayRuntime,
    limits::Limits,
    platform::{
        PeerAddress,
        server::{Ended, Server, listener::Listener},
    },
    socket::server::Namespaces,
};

/// A future that is compiled in this crate. Async functions are compiled where they are awaited, and behind
/// these are all of axum, hyper and socketioxide, which applications should not have to compile again after
/// every edit.
type CompiledHere<T> = BoxFuture<'static, T>;

/// A built application.
///
/// ```no_run
/// use gateway_core::prelude::*;
///
/// #[tokio::main]
/// async fn main() -> Result<(), AppError> {
///     App::builder().build().await?.run("127.0.0.1:3000").await
/// }
/// ```
pub struct App {
    table: Table,
    server: Server,
    services: AppServices,
    drain: Drain,
    drain_timeout: Duration,
    /// Sessions are bound to addresses, and over a Unix socket nobody has one.
    needs_addresses: bool,
    /// Including those that follow from the limit of open files.
    limits: Limits,
    /// The problems that only count if it is taken out as a router.
    as_router: Report,
    stderr_log: StderrLog,
}

impl App {
    /// Starts an application with the default of every option.
    #[must_use]
    pub fn builder() -> AppBuilder {
        AppBuilder::default()
    }

    /// What is served, one line per handler: namespace, event, handler, payload, reply, and where it is written.
    #[must_use]
    pub fn route_table(&self) -> String {
        self.table.to_string()
    }

    /// A service or a gateway, for code that runs beside them (NestJS: `app.get(..)`); `None` if nothing provides
    /// it.
    ///
    /// ```
    /// # mod gateways {
    /// # use gateway_core::prelude::*;
    /// #[web_socket_gateway(namespace = "/news")]
    /// pub struct NewsGateway {
    ///     pub server: Server,
    /// }
    /// # #[web_socket_gateway]
    /// # impl NewsGateway {
    /// #     #[on_connection]
    /// #     async fn welcome(&self) {}
    /// # }
    /// # }
    /// # use gateway_core::prelude::*;
    /// # use gateways::NewsGateway;
    /// # fn follow(app: &App) {
    /// let news = app.get::<NewsGateway>().expect("it is one of the application's");
    /// tokio::spawn(async move { news.server.emit("headline", "it rains").await });
    /// # }
    /// ```
    #[must_use]
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.services.get()
    }

    pub(crate) fn gateways(&self) -> &[Arc<GatewayRuntime>] {
        &self.drain.gateways
    }

    /// The server of a gateway, for code that runs beside the application; `None` if it does not have that gateway.
    /// Services and handlers take a [`Server<G>`](crate::Server) instead.
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # fn follow<NewsGateway: gateway_core::Gateway>(app: &App) {
    /// let news = app.server::<NewsGateway>().expect("it is one of the application's");
    /// tokio::spawn(async move { news.emit("headline", "it rains").await });
    /// # }
    /// ```
    #[must_use]
    pub fn server<G: Gateway>(&self) -> Option<crate::Server<G>> {
        self.services.get::<Namespaces>()?.server_of()
    }

    /// A layer for a router of your own, which lets its handlers take [`Inject`](crate::Inject) and
    /// [`Identity`](crate::Identity). Routes given to [`routes`](AppBuilder::routes) already have it.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use gateway_core::prelude::*;
    ///
    /// async fn motto(Inject(motto): Inject<String>) -> String {
    ///     motto.to_string()
    /// }
    ///
    /// # fn outer(app: App) -> Router {
    /// let services = app.services();
    /// Router::new().route("/motto", get(motto)).layer(services).merge(app.into_router())
    /// # }
    /// ```
    #[must_use]
    pub fn services(&self) -> AppServices {
        self.services.clone()
    }

    /// Turns the application into an axum router, to be merged into a router of your own, nested in it, or served
    /// in your own way. Nested below `/api`, its clients connect to `/api/socket.io`.
    ///
    /// What [`serve`](Self::serve) adds is then up to you: ending writes that nobody reads, the
    /// [`Limits`](crate::Limits) on connections, heads and bodies, and running `on_disconnect` at shutdown.
    /// Clients have an [`address`](crate::Handshake::address) if the router is served with
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    ///
    /// # Panics
    /// If two gateways' authenticators give the same identity type and the application does not say which of the
    /// two routes should ask. With [`routes`](AppBuilder::routes) this is a startup error; here it is not known
    /// before that there are routes at all.
    #[track_caller]
    pub fn into_router(self) -> Router {
        assert!(self.as_router.is_empty(), "{}", self.as_router);
        self.stderr_log.install();
        self.server.router
    }

    /// Binds an address. `127.0.0.1:0` lets the system choose the port.
    ///
    /// # Errors
    /// If the address is in use, or is not an address of this machine.
    pub async fn bind(
        self,
        address: impl ToSocketAddrs + fmt::Debug,
    ) -> Result<BoundApp, AppError> {
        let wanted = format!("{address:?}");
        let bound = TcpListener::bind(address).await;
        let listener =
            bound.map_err(|source| AppError::other(BindError { address: wanted, source }))?;
        self.listen_on(listener)
    }

    /// Serves on a listener of your own: one of Tokio's, for example of a socket that systemd has opened, or whatever
    /// else implements axum's [`Listener`](axum::serve::Listener) and says of each connection where it
    /// [comes from](PeerAddress). Limits, drain and write timeout are the same as with [`bind`](Self::bind).
    ///
    /// # Errors
    /// If the listener has no address, or is a Unix socket and
    /// [sessions are bound to addresses](AppBuilder::bind_sessions_to_address).
    ///
    /// ```no_run
    /// # use gateway_core::prelude::*;
    /// # async fn run(app: App, inherited: std::net::TcpListener) -> Result<(), AppError> {
    /// inherited.set_nonblocking(true)?;
    /// app.listen_on(tokio::net::TcpListener::from_std(inherited)?)?.serve().await
    /// # }
    /// ```
    pub fn listen_on<L>(self, listener: L) -> Result<BoundApp<L::Addr>, AppError>
    where
        L: axum::serve::Listener<Addr: Into<PeerAddress>>,
    {
        let address = listener.local_addr()?;
        self.bound(Listener::of(listener), address)
    }

    /// Binds a Unix socket, with the permissions of its file: whoever may write to the file may connect. The file is
    /// removed at the end. One that a killed process has left behind is replaced; one that somebody listens on is not, nor
    /// is a file of another kind.
    ///
    /// Over a Unix socket, clients have no address, and come through a proxy as a rule: name it in
    /// [`trusted_proxies`](AppBuilder::trusted_proxies) as `unix`, so that they have the address that the proxy says.
    /// Otherwise limits per address do not apply, and [`Throttle::per_address`](crate::Throttle::per_address)
    /// refuses everything.
    ///
    /// # Errors
    /// If somebody listens on it, there is a file of another kind, or the file cannot be made. Also if
    /// [sessions are bound to addresses](AppBuilder::bind_sessions_to_address) and `unix` is not trusted.
    ///
    /// ```no_run
    /// # use gateway_core::prelude::*;
    /// # async fn run() -> Result<(), AppError> {
    /// let app = App::builder().trusted_proxies(["unix"]).build().await?;
    /// // For the user and the group of this process, such as the proxy's.
    /// app.bind_unix("/run/chat/chat.sock", 0o660).await?.serve().await
    /// # }
    /// ```
    #[cfg(unix)]
    pub async fn bind_unix(
        self,
        path: impl Into<std::path::PathBuf>,
        mode: u32,
    ) -> Result<BoundApp<std::path::PathBuf>, AppError> {
        use crate::platform::server::unix_socket::UnixSocket;

        let path = path.into();
        let wanted = format!("{path:?}");
        let made = path.clone();
        // It looks at files, and may have to wait for a process that starts at the same time.
        let socket = spawn_blocking(move || UnixSocket::bind(&made, mode)).await?;
        let socket =
            socket.map_err(|source| AppError::other(BindError { address: wanted, source }))?;
        self.bound(socket.into(), path)
    }

    fn bound<A>(self, listener: Listener, address: A) -> Result<BoundApp<A>, AppError> {
        if self.needs_addresses && listener.is_unix() {
            return Err(AppError::other(
                "`.bind_sessions_to_address(true)` compares addresses, and over a Unix socket clients have none: \
                 write `.trusted_proxies([\"unix\"])` if it is a proxy that connects, or leave the binding out",
            ));
        }
        Ok(BoundApp { app: self, listener, address })
    }

    /// Runs the application as a program: prints its [`route_table`](Self::route_table) and where it listens, serves
    /// until the process is asked to stop by SIGTERM or Ctrl-C, and then drains, as
    /// [`serve_until`](BoundApp::serve_until) describes. A process that does not end within
    /// [`drain_timeout`](AppBuilder::drain_timeout), or that is asked a second time, is ended with exit code 70, as
    /// [`stop_signal`](crate::stop_signal) describes.
    ///
    /// [`AppBuilder::run`] also builds the application, and listens for the signal from the beginning. For a server of
    /// your own there are [`bind`](Self::bind) and [`into_router`](Self::into_router).
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind), of [`stop_signal`](crate::stop_signal), and of
    /// [`serve_until`](BoundApp::serve_until). [`exit_code`](crate::exit_code) turns the result into what `main`
    /// returns.
    pub async fn run(self, address: impl ToSocketAddrs + fmt::Debug) -> Result<(), AppError> {
        let stop = stop_signal(self.drain_timeout)?;
        say(&self.route_table());
        let scheme = if self.server.is_encrypted() { "https" } else { "http" };
        let bound = self.bind(address).await?;
        say(&format!("listening on {scheme}://{}", bound.local_addr()));
        bound.serve_until(stop).await
    }

    /// Binds an address and serves on it until the process ends.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind), and if the listener fails for good.
    pub async fn serve(self, address: impl ToSocketAddrs + fmt::Debug) -> Result<(), AppError> {
        self.bind(address).await?.serve().await
    }
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("App")
            .field("gateways", &self.drain.gateways)
            .finish_non_exhaustive()
    }
}

/// An application that is bound to its address: of the network, or with
/// [`bind_unix`](App::bind_unix) and [`listen_on`](App::listen_on) of another kind.
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
pub struct BoundApp<A = SocketAddr> {
    app: App,
    listener: Listener,
    address: A,
}

impl<A: Clone> BoundApp<A> {
    /// The address, with the port that the system chose.
    #[must_use]
    pub fn local_addr(&self) -> A {
        self.address.clone()
    }
}

impl<A> BoundApp<A> {
    /// Serves until the process ends, or the application is [asked to stop](crate::Stopping). It logs the limits at
    /// `INFO`, and a warning if a task occupies a worker of the runtime for more than a second.
    ///
    /// # Errors
    /// If the listener fails for good.
    pub fn serve(self) -> impl Future<Output = Result<(), AppError>> + Send {
        self.run(pending().boxed())
    }

    /// Serves until `shutdown` resolves, and then drains: nobody is let in any more, the messages in hand are
    /// answered (new ones are refused with [`SHUTTING_DOWN`](crate::code::SHUTTING_DOWN)), every client's
    /// `on_disconnect` runs, and the connections are closed, so that clients reconnect elsewhere.
    ///
    /// This takes at most [`drain_timeout`](AppBuilder::drain_timeout), whatever hangs; handlers that block their
    /// thread are dealt with by [`stop_signal`](crate::stop_signal).
    ///
    /// # Errors
    /// If something had to be ended by force because it took longer than that: a handler, an `on_disconnect`, a
    /// request, or a client that does not read. The log says which. [`exit_code`](crate::exit_code) turns this
    /// into exit code 70.
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
        tracing::info!("the limits on clients:\n{}", self.app.limits);
        let serving = self.serve_quietly(stopped);
        Box::pin(async move {
            // For as long as it serves.
            let _watchdog = Watchdog::start();
            serving.await
        })
    }

    /// Serves until `stopped` resolves, or the application is asked to stop, and drains. It logs nothing of its own, and
    /// starts no watchdog: a test has no use for either.
    pub(crate) fn serve_quietly(
        self,
        stopped: BoxFuture<'static, ()>,
    ) -> CompiledHere<Result<(), AppError>> {
        let Self { app, listener, .. } = self;
        let asked = app.drain.draining.asked.clone().cancelled_owned();
        let stopped = select(stopped, asked.boxed()).map(drop);
        Box::pin(async move {
            app.stderr_log.install();
            let timeout = app.drain_timeout.mul_f64(drain::ALL);
            let drain = |deadline| app.drain.run(deadline);
            match app.server.serve(listener, stopped, timeout, drain).await {
                Ended::ByItself => Ok(()),
                Ended::ByForce => Err(AppError::forced()),
            }
        })
    }
}

/// To stdout. That nobody reads it is no reason not to serve.
fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).ok();
}
