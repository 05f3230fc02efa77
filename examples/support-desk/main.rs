//! A support desk: agents and customers, a room for each ticket, files, typing, who is online, and
//! pushes over HTTP. `cargo run -p examples --example support-desk` runs it; its client is
//! `tests/wire/cases/support-desk.test.mjs`.

mod desk;
#[cfg(test)]
mod tests;
mod tickets;

use std::{env, time::SystemTime};

use axum::{Router, extract::Path, http::StatusCode, routing::post};
use gateway_core::prelude::*;
use serde::Deserialize;
use serde_json::json;

use crate::desk::Desk;

/// Whoever has a token, as it says. Its `role` is what the guard `Roles` asks for.
#[derive(Clone, Deserialize)]
struct Person {
    #[serde(rename = "sub")]
    name: String,
    role: String,
}

impl Person {
    fn is_agent(&self) -> bool {
        self.role == "agent"
    }
}

/// A real desk would check a password.
async fn login(
    Inject(jwt): Inject<JwtService>,
    Body(person): Body<Person>,
) -> Result<String, WsException> {
    let in_an_hour = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs() + 3_600;
    jwt.sign(&json!({ "sub": person.name, "role": person.role, "exp": in_an_hour }))
}

/// Tells something to all devices of a person.
async fn notify(
    Path(name): Path<String>,
    desk: Server<Desk>,
    text: String,
) -> Result<StatusCode, WsException> {
    desk.user(name).emit("notice", text).await?;
    Ok(StatusCode::ACCEPTED)
}

fn app() -> AppBuilder {
    let secret = env::var("JWT_SECRET").unwrap_or_else(|_| "for a laptop only".repeat(2));
    App::builder()
        .max_payload(5_000_000)
        .provide(JwtService::hs256(secret))
        .routes(Router::new().route("/login", post(login)).route("/people/{name}", post(notify)))
}

#[tokio::main]
async fn main() -> Result<(), AppError> {
    app().run(env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned())).await
}
