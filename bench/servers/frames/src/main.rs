//! The benchmark's chat on plain WebSocket frames, Socket.IO's framing sliced by hand: one task
//! for each connection, a channel for what others send to it, an event encoded once for a room.
//!
//! Only what the benchmark needs: one namespace, no polling, no errors for the client. It is what
//! WebSockets cost without an engine above them, not a server that anybody should write.

mod connection;
mod model;
mod packet;
mod rooms;

use std::env;
use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use crate::rooms::Rooms;

/// What all connections share.
struct Shared {
    key: DecodingKey,
    rooms: Rooms,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let key = DecodingKey::from_secret(env::var("JWT_SECRET")?.as_bytes());
    let shared = Arc::new(Shared { key, rooms: Rooms::default() });
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream, Arc::clone(&shared)));
    }
}

/// How a request begins that wants to know how many tasks are alive.
const TASKS: &[u8] = b"GET /tasks";

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut begin = [0; TASKS.len()];
    match stream.peek(&mut begin).await {
        Ok(_) if begin == TASKS => {
            tasks(stream).await.ok();
        }
        Ok(_) => {
            // However it ends, there is nobody left to tell.
            connection::run(stream, &shared).await.ok();
        }
        Err(_) => {}
    }
}

async fn tasks(mut stream: TcpStream) -> std::io::Result<()> {
    let tasks = Handle::current().metrics().num_alive_tasks().to_string();
    let length = tasks.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(format!("{head}{tasks}").as_bytes()).await?;
    stream.shutdown().await
}
