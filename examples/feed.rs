//! What a user must not miss: it is sent to each device that connects, until one of them has acknowledged it.
//!
//! ```sh
//! cargo run -p examples --example feed
//! ```
//!
//! ```js
//! import { io } from "socket.io-client";
//!
//! const url = "http://127.0.0.1:3000";
//! const send = (text) => fetch(`${url}/users/ada/letters`, { method: "POST", body: text });
//! await send("first");
//! await send("second");
//!
//! const phone = io(url, { auth: { user: "ada" }, forceNew: true });
//! const taken = new Promise((resolve) => {
//!   phone.on("letter", ({ number, text }, acknowledge) => {
//!     console.log(number, text);
//!     acknowledge();
//!     if (number === 3) resolve();
//!   });
//! }); // 1 first
//! await new Promise((resolve) => phone.on("connect", resolve)); // 2 second
//! await send("third"); // 3 third
//! await taken;
//! phone.off("letter");
//!
//! const laptop = io(url, { auth: { user: "ada" }, forceNew: true });
//! laptop.on("letter", ({ number, text }) => console.log(number, text));
//! await new Promise((resolve) => laptop.on("connect", resolve));
//! await send("fourth"); // 4 fourth
//! ```

use std::{
    collections::HashMap,
    env,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use gateway_core::{feed_events, prelude::*};
use serde::{Deserialize, Serialize};

#[web_socket_gateway(authenticate = ByName, emits(Letter<'_>))]
struct PostGateway;

#[web_socket_gateway]
impl PostGateway {
    #[on_connection]
    async fn connected(
        &self,
        socket: Socket,
        Inject(letters): Inject<Feed<Letters>>,
    ) -> Result<(), WsException> {
        Ok(letters.deliver(&socket)?)
    }
}

/// Believes what the client says. The example `auth` shows how not to.
#[injectable]
struct ByName;

#[derive(Deserialize)]
struct Claim {
    user: String,
}

impl Authenticator for ByName {
    type Identity = ();

    async fn authenticate(&self, handshake: &Handshake) -> Result<Authenticated<()>, WsException> {
        let Claim { user } = handshake.auth_as()?;
        Ok(Authenticated::new(()).user(user))
    }
}

#[derive(Serialize, Event)]
#[event("letter", ack = ())]
struct Letter<'a> {
    number: i64,
    text: &'a str,
}

/// The letters of each user, from number 1 on. Here they are lost with the process; what must outlive it is in a
/// database, as docs/durable-inbox.md shows.
#[injectable]
struct Letters {
    #[init]
    users: Mutex<HashMap<String, Vec<Stored>>>,
}

#[derive(Clone)]
struct Stored {
    number: i64,
    text: String,
    settled: bool,
}

impl Letters {
    fn write(&self, user: &str, text: String) -> i64 {
        let mut users = self.users();
        let letters = users.entry(user.to_owned()).or_default();
        let number = letters.last().map_or(0, |last| last.number) + 1;
        letters.push(Stored { number, text, settled: false });
        number
    }

    fn users(&self) -> MutexGuard<'_, HashMap<String, Vec<Stored>>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FeedStore for Letters {
    type Gateway = PostGateway;
    type User = String;
    type Update = Stored;
    type Event<'a> = Letter<'a>;

    async fn newest(&self, user: &String) -> Result<i64, WsException> {
        let users = self.users();
        Ok(users.get(user).and_then(|letters| letters.last()).map_or(0, |last| last.number))
    }

    async fn unseen(&self, user: &String, unseen: Unseen) -> Result<Vec<Stored>, WsException> {
        let is_unseen = |letter: &&Stored| {
            letter.number > unseen.after && (!letter.settled || letter.number >= unseen.since)
        };
        let users = self.users();
        let letters = users.get(user).into_iter().flatten();
        Ok(letters.filter(is_unseen).take(100).cloned().collect())
    }

    async fn settle(&self, user: &String, number: i64) -> Result<(), WsException> {
        let mut users = self.users();
        let mut letters = users.get_mut(user).into_iter().flatten();
        if let Some(letter) = letters.find(|letter| letter.number == number) {
            letter.settled = true;
        }
        Ok(())
    }

    fn number(letter: &Stored) -> i64 {
        letter.number
    }

    fn event<'a>(letter: &'a Stored, _: &Handshake) -> Letter<'a> {
        Letter { number: letter.number, text: &letter.text }
    }
}

async fn write(
    Path(user): Path<String>,
    Inject(letters): Inject<Letters>,
    Inject(feed): Inject<Feed<Letters>>,
    text: String,
) -> StatusCode {
    let number = letters.write(&user, text);
    feed.announce(&user, number).await;
    StatusCode::ACCEPTED
}

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let routes = Router::new()
        .route("/users/{user}/letters", post(write))
        .route("/letters", get(feed_events::<Letters>));
    App::builder().feed::<Letters>().routes(routes).run(address).await
}
