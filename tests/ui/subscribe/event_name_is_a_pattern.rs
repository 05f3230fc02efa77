use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("*")]
    async fn any(&self) {}

    #[subscribe_message("chat.*")]
    async fn chat(&self) {}
}

fn main() {}
