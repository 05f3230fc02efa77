//! What happens around handlers: an interceptor that wraps every answer, and one that ends slow calls.
//!
//! ```sh
//! cargo run -p examples --example interceptor
//! ```
//!
//! ```js
//! import { io } from "socket.io-client";
//!
//! const socket = io("http://127.0.0.1:3000");
//! console.log(await socket.emitWithAck("add", 2, 3)); // { data: 5, handler: 'add' }
//! console.log((await socket.emitWithAck("sleep", 60)).code); // TIMEOUT
//! ```

use std::{env, time::Duration};

use gateway_core::prelude::*;
use serde_json::json;

#[injectable]
struct Envelope;

impl Interceptor for Envelope {
    async fn intercept(
        &self,
        context: &ExecutionContext,
        next: Next<'_>,
    ) -> Result<Reply, WsException> {
        let handler = context.handler().to_owned();
        // Before this line, the handler has not run; without it, it never does.
        let reply = next.handle().await?;
        Ok(reply.map(move |value| json!({ "data": value, "handler": handler })))
    }
}

/// The first interceptor listed is the outermost one.
#[web_socket_gateway]
#[use_interceptors(Envelope)]
struct Calculator;

#[web_socket_gateway]
impl Calculator {
    /// A tuple is the list of arguments: `emit("add", 2, 3)`.
    #[subscribe_message("add")]
    async fn add(&self, MessageBody((a, b)): MessageBody<(i64, i64)>) -> i64 {
        a.saturating_add(b)
    }

    #[subscribe_message("sleep")]
    #[use_interceptors(Timeout::after(Duration::from_millis(200)))]
    async fn sleep(&self, MessageBody(seconds): MessageBody<u64>) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    App::builder().run(address).await
}
