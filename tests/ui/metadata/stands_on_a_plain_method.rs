use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self) {}

    #[set_metadata(Needs("member"))]
    async fn helper(&self) {}
}

fn main() {}
