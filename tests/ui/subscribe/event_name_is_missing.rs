use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message]
    async fn send_message(&self) {}

    #[subscribe_message()]
    async fn read(&self) {}

    #[subscribe_message(serial)]
    async fn leave(&self) {}

    #[subscribe_message = "join"]
    async fn join(&self) {}
}

fn main() {}
