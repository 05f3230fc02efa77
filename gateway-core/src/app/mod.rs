//! [`App`]: gateways, services and routes, put together and served.

pub(crate) mod builder;
mod capacity;
mod drain;
pub(crate) mod error;
mod front;
mod handshake_filter;
mod readiness;
mod routes;
mod stderr_log;
pub(crate) mod stop_signal;
mod watchdog;
mod wrong_path;

use std::{
    fmt,
    future::{Future, pending},
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
};

use crate::{
    app::{
        builder::AppBuilder,
        drain::Drain,
        error::{AppError, BindError},
        stderr_log::StderrLog,
        watchdog::Watchdog,
    },
    boot::{route_table::Table, start_report::Report},
    call::extract::http::AppServices,
    limits::Limits,
    platform::server::{Ended, Server},
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
///     App::builder().build().await?.serve("127.0.0.1:3000").await
/// }
/// ```
pub struct App {
    table: Table,
    server: Server,
    services: AppServices,
    drain: Drain,
    drain_timeout: Duration,
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
        let address = listener.local_addr()?;
        Ok(BoundApp { app: self, listener, address })
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

/// An application that is bound to its address.
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
    /// The address, with the port that the system chose.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process ends. It logs the limits at `INFO`, and a warning if a task occupies a worker of
    /// the runtime for more than a second.
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
        let Self { app, listener, .. } = self;
        Box::pin(async move {
            app.stderr_log.install();
            tracing::info!("what clients may take:\n{}", app.limits);
            // For as long as it serves.
            let _watchdog = Watchdog::start();
            let timeout = app.drain_timeout.mul_f64(drain::ALL);
            let drain = |deadline| app.drain.run(deadline);
            match app.server.serve(listener, stopped, timeout, drain).await {
                Ended::ByItself => Ok(()),
                Ended::ByForce => Err(AppError::forced()),
            }
        })
    }
}
