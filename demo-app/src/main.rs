//! The demo: a chat with rooms and presence behind Socket.IO, and the page that shows it.

mod auth;
mod chat;
mod clock;
mod config;
mod database;
mod http;
mod metrics;
mod orders;
mod page;
mod presence;
mod process;
mod ws_error;

use gateway_core::prelude::*;

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let config = config::Config::load();
    let stop = process::start(config.drain)?;
    let app = App::builder()
        .provide(config.jwt_service())
        .provide(config.clone())
        .provide(stop.clone())
        .provide(database::open(&config.database_url).await?)
        .routes(auth::routes(config.dev_login()).merge(orders::routes()).merge(page::routes()))
        .routes(metrics::start()?)
        .health_checks()
        .drain_timeout(config.drain)
        .build()
        .await?;
    println!("{}", app.route_table());
    let bound = app.bind(config.listen).await?;
    println!("listening on http://{}", bound.local_addr());
    bound.serve_until(stop.requested()).await
}
