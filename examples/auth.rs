//! Who is let in: JSON Web Tokens, checked before a client is told that it is connected.
//!
//! `POST /login` issues a token; the gateway and the route `/me` know its bearer as a `User`; the event
//! `close` is for staff.
//!
//! ```sh
//! cargo run -p examples --example auth
//! ```
//!
//! ```js
//! import { io } from "socket.io-client";
//!
//! const url = "http://127.0.0.1:3000";
//! const login = await fetch(`${url}/login`, {
//!   method: "POST",
//!   headers: { "content-type": "application/json" },
//!   body: JSON.stringify({ name: "ada" }),
//! });
//! const { token } = await login.json();
//!
//! const socket = io(url, { auth: { token } });
//! console.log(await socket.emitWithAck("who-am-i")); // ada
//! console.log((await socket.emitWithAck("close")).code); // FORBIDDEN
//!
//! const me = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } });
//! console.log(await me.text()); // ada
//!
//! const stranger = io(url, { forceNew: true });
//! stranger.on("connect_error", (error) => console.log(error.message)); // Missing token
//! ```

use std::{env, time::SystemTime};

use axum::{
    Json, Router,
    routing::{get, post},
};
use gateway_core::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

/// What the token says about its bearer.
#[derive(Clone, Deserialize)]
struct User {
    #[serde(rename = "sub")]
    name: String,
}

#[web_socket_gateway(authenticate = JwtAuthenticator<User>)]
struct Shop;

#[web_socket_gateway]
impl Shop {
    #[subscribe_message("who-am-i")]
    async fn who_am_i(&self, Identity(user): Identity<User>) -> String {
        user.name
    }

    /// The roles are those in the token's claims `role` and `roles`.
    #[subscribe_message("close")]
    #[use_guards(Roles::any(["staff"]))]
    async fn close(&self) -> &'static str {
        "closed"
    }
}

#[derive(Deserialize)]
struct Login {
    name: String,
}

/// A real application would check a password here, and look up the roles.
async fn login(
    Inject(jwt): Inject<JwtService>,
    Body(login): Body<Login>,
) -> Result<Json<Value>, WsException> {
    let in_an_hour = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs() + 3_600;
    let claims = json!({ "sub": login.name, "roles": ["customer"], "exp": in_an_hour });
    Ok(Json(json!({ "token": jwt.sign(&claims)? })))
}

/// In a route, `Identity` takes the token from the `Authorization` header.
async fn me(Identity(user): Identity<User>) -> String {
    user.name
}

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let secret =
        env::var("JWT_SECRET").unwrap_or_else(|_| "only for trying it on a laptop".repeat(2));
    App::builder()
        .provide(JwtService::hs256(secret))
        .routes(Router::new().route("/login", post(login)).route("/me", get(me)))
        .run(address)
        .await
}
