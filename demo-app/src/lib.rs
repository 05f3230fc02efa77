//! The demo: a chat with rooms and presence behind Socket.IO, and the page that shows it.

mod auth;
mod chat;
mod clock;
mod config;
mod database;
mod http;
mod language;
mod limits;
mod orders;
mod presence;
mod rules;
mod user;
mod ws_error;

use gateway_core::{App, AppBuilder, Limits, Redis};
use sqlx::AnyPool;

pub use crate::{
    config::Config,
    database::{DatabaseError, open as open_database},
};

/// The whole application, on a database that is open.
pub fn app(config: &Config, database: AnyPool) -> AppBuilder {
    let routes = auth::routes(config.dev_login()).merge(orders::routes());
    let app = App::builder()
        .cluster(config.redis_url.as_deref().map(Redis::at))
        .trusted_proxies(&config.trusted_proxies)
        .cors(&config.cors_origin)
        .cors_credentials(true)
        .drain_timeout(config.drain)
        .limits(
            Limits::default()
                .sockets_per_user(config.devices_per_user.get())
                .feed_streams(config.streams.get())
                .feed_streams_per_user(config.streams_per_user.get()),
        )
        .prometheus("/metrics")
        .serve_client()
        .api_docs()
        .readiness_check("database", database::probe(&database))
        .provide(config.clone())
        .provide(database)
        .provide_with(auth::jwt_service)
        .authenticate::<auth::TokenAuthenticator>()
        .feed::<orders::OrderStore>()
        .use_global_filters(ws_error::WsExceptionFilter)
        .routes(http::routes(config, routes));
    limits::describe();
    app
}
