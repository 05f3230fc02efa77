use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway(namespace = "/chat", pingInterval = 5)]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self) {}
}

fn main() {}
