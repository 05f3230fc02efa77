//! Two gateways that know their clients as one type, by two authenticators: `identities ADDRESS WHICH`.

use std::io::{Read as _, Write as _};

use axum::{Router, routing::get};
use gateway_core::prelude::*;
use serde::Deserialize;

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(which)) = (arguments.next(), arguments.next()) else {
        panic!("an address and a way to be served")
    };
    let app = App::builder().provide(JwtService::hs256("a secret of 32 bytes, and some more"));
    let routes = Router::new().route("/me", get(me));
    match &*which {
        "alone" => app.build().await?.serve(address).await,
        "with routes" => app.routes(routes).build().await?.serve(address).await,
        "as a router" => {
            drop(app.build().await?.into_router());
            Ok(())
        }
        "decided" => {
            let app = app.routes(routes).authenticate::<JwtAuthenticator<User>>();
            ask(app.build().await?).await
        }
        "decided otherwise" => {
            let app = app.routes(routes).authenticate::<Guest>();
            ask(app.build().await?).await
        }
        other => panic!("{other}"),
    }
}

#[derive(Debug, Clone, Deserialize)]
struct User {
    #[serde(rename = "sub")]
    id: u64,
}

async fn me(Identity(user): Identity<User>) -> String {
    format!("the user {}", user.id)
}

/// Who a stranger is, to a route.
async fn ask(app: App) -> Result<(), AppError> {
    let app = app.bind("127.0.0.1:0").await?;
    let address = app.local_addr();
    let served = tokio::spawn(app.serve());
    let answer = tokio::task::spawn_blocking(move || -> std::io::Result<String> {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.write_all(b"GET /me HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    });
    let answer = answer.await??;
    served.abort();
    let last = answer.lines().last();
    println!("{} {}", answer.lines().next().unwrap_or_default(), last.unwrap_or_default());
    Ok(())
}

#[injectable]
struct Guest;

impl Authenticator for Guest {
    type Identity = User;

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<User>, WsException> {
        Ok(User { id: 999 }.into())
    }
}

#[web_socket_gateway(namespace = "/a-kiosk", authenticate = Guest)]
struct KioskGateway;

#[web_socket_gateway]
impl KioskGateway {
    #[subscribe_message("look")]
    async fn look(&self) {}
}

#[web_socket_gateway(namespace = "/chat", authenticate = JwtAuthenticator<User>)]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send")]
    async fn send(&self) {}
}

#[web_socket_gateway(namespace = "/news", authenticate = JwtAuthenticator<User>)]
struct NewsGateway;

#[web_socket_gateway]
impl NewsGateway {
    #[subscribe_message("read")]
    async fn read(&self) {}
}
