use gateway_core::prelude::*;

const EVENT: &str = "send-message";

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message(EVENT)]
    async fn send_message(&self) {}

    #[subscribe_message(42)]
    async fn read(&self) {}
}

fn main() {}
