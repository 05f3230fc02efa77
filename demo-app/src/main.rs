//! The demo as a program. `--help` names its settings.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use demo_app::Config;
use gateway_core::AppError;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};

/// Gives memory back that a burst has taken; README, "Operations", has the figures.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let config = Config::load();
    if config.health_check {
        return gateway_core::health_check(&config.listen).await;
    }
    log_to_stderr();
    gateway_core::exit_code(run(&config).await)
}

async fn run(config: &Config) -> Result<(), AppError> {
    // Heard from here on: the database may take its time.
    drop(gateway_core::stop_signal(config.drain)?);
    let database = demo_app::open_database(&config.database_url).await.map_err(AppError::other)?;
    demo_app::app(config, database).run(&config.listen).await
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
