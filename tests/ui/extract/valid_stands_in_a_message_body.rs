use gateway_core::prelude::*;

#[derive(serde::Deserialize)]
struct SendMessage {
    content: String,
}

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self, Valid(body): Valid<SendMessage>) {
        drop(body.content);
    }
}

fn main() {}
