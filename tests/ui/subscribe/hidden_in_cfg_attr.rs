use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[cfg_attr(all(), subscribe_message("send-message"))]
    async fn send_message(&self) {}
}

fn main() {}
