//! The smallest server: one gateway, one event, and its acknowledgement.
//!
//! ```sh
//! cargo run -p examples --example hello
//! ```
//!
//! ```js
//! import { io } from "socket.io-client";
//!
//! const socket = io("http://127.0.0.1:3000");
//! console.log(await socket.emitWithAck("greet", "Ada")); // Hello, Ada!
//!
//! // { status: 'error', code: 'UNKNOWN_EVENT' }
//! const { status, code } = await socket.emitWithAck("great", "Ada");
//! console.log({ status, code });
//! ```

use std::env;

use gateway_core::prelude::*;

/// Clients reach it at `/`, the namespace that is used if none is named.
#[web_socket_gateway]
struct Greeter;

#[web_socket_gateway]
impl Greeter {
    /// What a handler returns is the client's acknowledgement.
    #[subscribe_message("greet")]
    async fn greet(&self, MessageBody(name): MessageBody<String>) -> String {
        format!("Hello, {name}!")
    }
}

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    App::builder().run(address).await
}
