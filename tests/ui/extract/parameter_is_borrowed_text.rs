use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self, _: &str) {}

    #[subscribe_message("upload")]
    async fn upload(&self, _: &[u8]) {}

    #[subscribe_message("select")]
    async fn select(&self, _: &[u64]) {}
}

fn main() {}
