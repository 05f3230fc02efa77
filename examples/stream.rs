//! Many events for one message: a handler returns a stream, which ends with its client.
//!
//! ```sh
//! cargo run -p examples --example stream
//! ```
//!
//! ```js
//! import { io } from "socket.io-client";
//!
//! const socket = io("http://127.0.0.1:3000");
//! // 3
//! // 2
//! // 1
//! socket.on("tick", (seconds) => console.log(seconds));
//! await socket.emitWithAck("count-down", 3);
//! console.log("lift-off"); // lift-off
//!
//! console.log((await socket.emitWithAck("count-down", 3_000)).code); // TOO_LONG
//! ```

use std::{env, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use gateway_core::prelude::*;

#[web_socket_gateway]
struct LaunchPad;

#[web_socket_gateway]
impl LaunchPad {
    /// The stream outlives the call, so it must not borrow from the gateway: `+ use<>`. The acknowledgement is
    /// sent when the stream has ended.
    #[subscribe_message("count-down")]
    async fn count_down(
        &self,
        MessageBody(from): MessageBody<u32>,
    ) -> Result<WsStream<impl Stream<Item = WsResponse<u32>> + use<>>, WsException> {
        if from > 60 {
            return Err(WsException::new("nobody waits that long").with_code("TOO_LONG"));
        }
        let ticks = stream::iter((1..=from).rev()).then(async |seconds| {
            tokio::time::sleep(Duration::from_millis(100)).await;
            WsResponse::new("tick", seconds)
        });
        Ok(WsStream::new(ticks))
    }
}

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    App::builder().run(address).await
}
