use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message(send_message)]
    async fn send_message(&self) {}

    #[subscribe_message(42)]
    async fn read(&self) {}

    #[subscribe_message(["join", "enter"])]
    async fn join(&self) {}

    #[subscribe_message(|config: &Config| config.event)]
    async fn leave(&self) {}
}

fn main() {}
