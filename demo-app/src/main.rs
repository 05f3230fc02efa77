//! The demo: a chat with rooms and presence behind Socket.IO, and the page that shows it.

mod auth;
mod chat;
mod clock;
mod config;
mod database;
mod http;
mod orders;
mod presence;
mod process;
mod ws_error;

use gateway_core::prelude::*;

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let (config, stop) = process::start()?;
    let database = database::open(&config.database_url).await?;
    let app = process::builder(&config, &stop)
        .readiness_check("database", database::ping(&database))
        .provide(database)
        .provide(config.jwt_service())
        .routes(http::routes(&config, auth::routes(config.dev_login()).merge(orders::routes()))?)
        .build()
        .await?;
    process::serve(app, &config.listen, stop).await
}
