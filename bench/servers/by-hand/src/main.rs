//! The benchmark's chat on socketioxide alone, in the way its documentation teaches: handlers
//! registered on each socket that connects, a middleware that verifies the token.

mod model;

use std::env;
use std::fmt;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use garde::Validate as _;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, Extension, SocketRef};
use socketioxide::handler::ConnectHandler as _;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::model::{
    Auth, ChatMessage, Echo, JoinRoom, Joined, Refusal, SendMessage, User, ValidatedEcho,
};

#[derive(Debug)]
struct Unauthorized;

impl fmt::Display for Unauthorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unauthorized")
    }
}

async fn on_connect(socket: SocketRef) {
    socket.on(
        "join-room",
        async |socket: SocketRef, Data(body): Data<JoinRoom>, ack: AckSender| {
            socket.join(body.room_id);
            ack.send(&Joined { success: true }).ok();
        },
    );

    socket.on(
        "send-message",
        async |io: SocketIo,
               Extension(user): Extension<User>,
               Data(body): Data<SendMessage>,
               ack: AckSender| {
            let message = ChatMessage {
                id: Uuid::now_v7(),
                room_id: body.room_id,
                content: body.content,
                sender_id: user.id,
                created_at: OffsetDateTime::now_utc(),
            };
            let Some(chat) = io.of("/chat") else { return };
            chat.to(message.room_id.clone()).emit("new-message", &message).await.ok();
            ack.send(&message).ok();
        },
    );

    socket.on("echo", async |Data(body): Data<Echo>, ack: AckSender| {
        ack.send(&body).ok();
    });

    socket.on("validated", async |Data(body): Data<ValidatedEcho>, ack: AckSender| {
        match body.validate() {
            Ok(()) => ack.send(&body).ok(),
            Err(report) => ack.send(&Refusal { status: "error", message: report.to_string() }).ok(),
        };
    });

    socket.on("text", async |Data(text): Data<String>, ack: AckSender| {
        ack.send(&text).ok();
    });

    socket.on("binary", async |Data(bytes): Data<Bytes>, ack: AckSender| {
        ack.send(&bytes).ok();
    });
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let key = DecodingKey::from_secret(env::var("JWT_SECRET")?.as_bytes());

    let authenticate = move |socket: SocketRef, Data(auth): Data<Auth>| {
        let verified =
            jsonwebtoken::decode::<User>(&auth.token, &key, &Validation::new(Algorithm::HS256));
        async move {
            socket.extensions.insert(verified.map_err(|_| Unauthorized)?.claims);
            Ok::<_, Unauthorized>(())
        }
    };
    let (layer, io) = SocketIo::new_layer();
    io.ns("/chat", on_connect.with(authenticate));

    let tasks = || async { Handle::current().metrics().num_alive_tasks().to_string() };
    let app = Router::new().route("/tasks", get(tasks)).layer(layer);
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // The documentation leaves it out; pipelined acknowledgements would wait for the peer without.
    let listener = listener.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    axum::serve(listener, app).await?;
    Ok(())
}
