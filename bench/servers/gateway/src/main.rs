//! The benchmark's chat on the framework: `/chat` in the default order, `/serial` one at a time.

mod chat;
mod model;

use std::env;

use axum::Router;
use axum::routing::get;
use gateway_core::prelude::*;
use tokio::runtime::Handle;

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let listen = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let secret = env::var("JWT_SECRET").expect("JWT_SECRET");
    let tasks = || async { Handle::current().metrics().num_alive_tasks().to_string() };
    let app = App::builder()
        .provide(JwtService::hs256(secret))
        .routes(Router::new().route("/tasks", get(tasks)));
    #[cfg(feature = "cluster")]
    let app = app.cluster(env::var("REDIS_URL").ok().map(gateway_core::Redis::at));
    let app = app.build().await?;
    let bound = app.bind(listen).await?;
    println!("listening on http://{}", bound.local_addr());
    bound.serve().await
}
