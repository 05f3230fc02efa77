//! The demo: a chat with rooms and presence behind Socket.IO, and the page that shows it.

mod auth;
mod chat;
mod clock;
mod config;
mod database;
mod health_check;
mod http;
mod language;
mod limits;
mod orders;
mod presence;
mod process;
mod user;
mod ws_error;

use std::process::ExitCode;

use gateway_core::prelude::*;

use crate::config::Config;

/// Gives memory back that a burst has taken; README, "Operations", has the figures.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let config = Config::load();
    if config.health_check {
        return health_check::run(&config.listen).await;
    }
    gateway_core::exit_code(run(config).await)
}

async fn run(config: Config) -> Result<(), AppError> {
    let stop = process::start(&config)?;
    let database = database::open(&config.database_url).await.map_err(AppError::other)?;
    let routes = auth::routes(config.dev_login()).merge(orders::routes());
    let app = process::builder(&config, &stop)
        .readiness_check("database", database::probe(&database))
        .provide(database)
        .provide(auth::jwt_service(&config))
        .routes(http::routes(&config, routes).map_err(AppError::other)?)
        .build()
        .await?;
    process::serve(app, &config.listen, stop).await
}
