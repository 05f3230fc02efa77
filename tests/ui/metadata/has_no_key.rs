use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    #[set_metadata("roles", ["admin"])]
    async fn send_message(&self) {}
}

fn main() {}
