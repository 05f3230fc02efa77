//! Events that no message asked for: a route pushes to all devices of a user.
//!
//! ```sh
//! cargo run -p examples --example push
//! ```
//!
//! ```js
//! import { io } from "socket.io-client";
//!
//! const url = "http://127.0.0.1:3000";
//! const phone = io(url, { auth: { user: "ada" }, forceNew: true });
//! await new Promise((resolve) => phone.on("connect", resolve));
//!
//! const heard = new Promise((resolve) => phone.on("parcel", resolve));
//! const sent = await fetch(`${url}/users/ada/parcels`, {
//!   method: "POST",
//!   headers: { "content-type": "application/json" },
//!   body: JSON.stringify({ number: 7, status: "delivered" }),
//! });
//! console.log(sent.status); // 202
//! console.log(await heard); // { number: 7, status: 'delivered' }
//! ```

use std::env;

use axum::{Router, extract::Path, http::StatusCode, routing::post};
use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};

#[web_socket_gateway(authenticate = ByName)]
struct Parcels;

#[web_socket_gateway]
impl Parcels {
    #[on_connection]
    async fn connected(&self, Identity(Name(name)): Identity<Name>) {
        println!("{name} has another device");
    }
}

/// Believes what the client says. The example `auth` shows how not to.
#[injectable]
struct ByName;

#[derive(Clone)]
struct Name(String);

#[derive(Deserialize)]
struct Claim {
    user: String,
}

impl Authenticator for ByName {
    type Identity = Name;

    async fn authenticate(
        &self,
        handshake: &Handshake,
    ) -> Result<Authenticated<Name>, WsException> {
        let Claim { user } = handshake.auth_as()?;
        // `user` is what `server.user(..)` finds the client's sockets by.
        Ok(Authenticated::new(Name(user.clone())).user(user))
    }
}

#[derive(Serialize, Deserialize)]
struct Parcel {
    number: u64,
    status: String,
}

async fn update(
    Path(user): Path<String>,
    parcels: Server<Parcels>,
    Body(parcel): Body<Parcel>,
) -> Result<StatusCode, WsException> {
    parcels.user(user).emit("parcel", &parcel).await?;
    Ok(StatusCode::ACCEPTED)
}

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    App::builder()
        .routes(Router::new().route("/users/{user}/parcels", post(update)))
        .run(address)
        .await
}
