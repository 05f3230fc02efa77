use gateway_core::prelude::*;

struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    async fn send_message(&self) {}
}

fn main() {}
