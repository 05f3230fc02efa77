use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message", "say")]
    async fn send_message(&self) {}

    #[subscribe_message("join")]
    #[subscribe_message("enter")]
    async fn join(&self) {}
}

fn main() {}
