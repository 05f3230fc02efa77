//! What the process owes its operator: a log, an address, and an end on request.

use std::io::{self, IsTerminal as _};

use gateway_core::{App, AppBuilder, AppError, Limits};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::Config;

/// Asks whatever runs without an end of its own to come to one.
#[derive(Clone, Debug)]
pub(crate) struct Stop(CancellationToken);

impl Stop {
    /// Ends when the process is asked to stop.
    pub(crate) fn requested(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.clone().cancelled_owned()
    }
}

/// Starts the log, and listens for the signal to stop.
pub(crate) fn start(config: &Config) -> io::Result<Stop> {
    log_to_stderr();
    let signal = gateway_core::stop_signal(config.drain)?;
    let stop = Stop(CancellationToken::new());
    let asked = stop.0.clone();
    tokio::spawn(async move {
        signal.await;
        asked.cancel();
    });
    Ok(stop)
}

/// An application with what every part of it may ask for.
pub(crate) fn builder(config: &Config, stop: &Stop) -> AppBuilder {
    App::builder()
        .provide(config.clone())
        .provide(stop.clone())
        .trusted_proxies(&config.trusted_proxies)
        .drain_timeout(config.drain)
        .limits(Limits::default().sockets_per_user(config.devices_per_user))
}

/// Serves until the process is asked to stop, having said what and where.
pub(crate) async fn serve(app: App, listen: &str, stop: Stop) -> Result<(), AppError> {
    println!("{}", app.route_table());
    let bound = app.bind(listen).await?;
    println!("listening on http://{}", bound.local_addr());
    bound.serve_until(stop.requested()).await
}

/// Logs to stderr, so that stdout keeps the route table and the address. `RUST_LOG` chooses what; default `info`.
fn log_to_stderr() {
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}
