use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message", seriel)]
    async fn send_message(&self) {}

    #[subscribe_message("read", serial, serial)]
    async fn read(&self) {}

    #[subscribe_message("join", serial = true)]
    async fn join(&self) {}
}

fn main() {}
