//! Files: binary data anywhere in a payload, in both directions, without base64.
//!
//! ```sh
//! cargo run -p examples --example binary
//! ```
//!
//! ```js
//! import { io } from "socket.io-client";
//!
//! const [ada, ben] = [1, 2].map(() => io("http://127.0.0.1:3000", { forceNew: true }));
//! await Promise.all([ada, ben].map((socket) => socket.emitWithAck("enter", "gallery")));
//!
//! const pixels = Buffer.from([0, 1, 2, 3]);
//! const heard = new Promise((resolve) => ben.on("picture", resolve));
//! console.log(await ada.emitWithAck("share", "gallery", { title: "dots", pixels })); // 4
//! console.log(await heard); // { title: 'dots', pixels: <Buffer 00 01 02 03> }
//!
//! console.log(await ada.emitWithAck("invert", pixels)); // <Buffer ff fe fd fc>
//! ```

use std::env;

use gateway_core::{Binary, prelude::*};
use serde::{Deserialize, Serialize};

/// `Binary` is passed on as it came, without being copied.
#[derive(Serialize, Deserialize)]
struct Picture {
    title: String,
    pixels: Binary,
}

#[web_socket_gateway]
struct Gallery;

#[web_socket_gateway]
impl Gallery {
    #[subscribe_message("enter")]
    async fn enter(
        &self,
        socket: Socket,
        MessageBody(room): MessageBody<String>,
    ) -> Result<(), WsException> {
        Ok(socket.join(room).await?)
    }

    /// Sends the picture to everyone else in the room.
    #[subscribe_message("share")]
    async fn share(
        &self,
        socket: Socket,
        MessageBody((room, picture)): MessageBody<(String, Picture)>,
    ) -> Result<usize, WsException> {
        let bytes = picture.pixels.len();
        socket.to(room).emit("picture", picture).await?;
        Ok(bytes)
    }

    /// `Bytes` is sent as binary data; a `Vec<u8>` would be an array of numbers.
    #[subscribe_message("invert")]
    async fn invert(&self, MessageBody(pixels): MessageBody<Bytes>) -> Bytes {
        pixels.iter().map(|pixel| !pixel).collect()
    }
}

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    // Larger messages are refused, and the client is disconnected.
    App::builder().max_payload(5_000_000).run(address).await
}
