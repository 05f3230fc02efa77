// What a handler may return.
#![deny(warnings)]

use futures_util::stream::{self, Stream};
use gateway_core::prelude::*;

#[derive(serde::Serialize)]
pub struct ChatMessage {
    pub text: String,
}

#[web_socket_gateway]
pub struct ChatGateway {
    #[init]
    name: String,
}

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("nothing")]
    async fn nothing(&self) {}

    #[subscribe_message("unit")]
    async fn unit(&self) -> () {}

    #[subscribe_message("value")]
    async fn value(&self) -> ChatMessage {
        ChatMessage { text: String::new() }
    }

    #[subscribe_message("borrowed")]
    async fn borrowed(&self) -> &str {
        &self.name
    }

    #[subscribe_message("optional")]
    async fn optional(&self) -> Option<u32> {
        None
    }

    #[subscribe_message("result")]
    async fn result(&self) -> Result<ChatMessage, WsException> {
        Err(WsException::new("no"))
    }

    #[subscribe_message("empty-result")]
    async fn empty_result(&self) -> Result<(), std::io::Error> {
        Ok(())
    }

    #[subscribe_message("arguments")]
    async fn arguments(&self) -> Args<(u32, String)> {
        Args((1, String::new()))
    }

    #[subscribe_message("response")]
    async fn response(&self) -> WsResponse<ChatMessage> {
        WsResponse::new("message", ChatMessage { text: String::new() })
    }

    #[subscribe_message("fallible-response")]
    async fn fallible_response(&self) -> Result<WsResponse<u32>, WsException> {
        Ok(WsResponse::new("message", 1))
    }

    #[subscribe_message("optional-response")]
    async fn optional_response(&self) -> Option<WsResponse<u32>> {
        None
    }

    #[subscribe_message("responses")]
    async fn responses(&self) -> Result<Vec<WsResponse<ChatMessage>>, WsException> {
        Ok(Vec::new())
    }

    #[subscribe_message("by-hand")]
    async fn by_hand(&self, ack: Ack) -> Result<WsResponse<u32>, WsException> {
        ack.send(1).await?;
        Ok(WsResponse::new("message", 1))
    }

    #[subscribe_message("stream")]
    async fn stream(&self) -> WsStream<stream::Iter<std::vec::IntoIter<WsResponse<u32>>>> {
        WsStream::new(stream::iter(vec![WsResponse::new("tick", 1)]))
    }

    #[subscribe_message("opaque-stream")]
    async fn opaque_stream(
        &self,
    ) -> Result<
        WsStream<impl Stream<Item = Result<WsResponse<u32>, WsException>> + use<>>,
        WsException,
    > {
        Ok(WsStream::new(stream::iter([Ok(WsResponse::new("tick", 1))])))
    }

    #[subscribe_message("opaque")]
    async fn opaque(&self) -> impl serde::Serialize {
        5
    }
}

fn main() {}
