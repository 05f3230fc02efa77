// `Valid<T>` inside a `MessageBody`, alone and optional.
#![deny(warnings)]

use garde::Validate;
use gateway_core::prelude::*;

#[derive(serde::Deserialize, Validate)]
pub struct SendMessage {
    #[garde(length(chars, min = 1, max = 4000))]
    pub content: String,
}

#[web_socket_gateway]
pub struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(
        &self,
        MessageBody(Valid(message)): MessageBody<Valid<SendMessage>>,
    ) -> String {
        message.content
    }

    #[subscribe_message("maybe")]
    async fn maybe(&self, body: Result<MessageBody<Valid<SendMessage>>, WsException>) -> bool {
        body.is_ok()
    }
}

fn main() {}
