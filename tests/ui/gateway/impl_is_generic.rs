use gateway_core::prelude::*;

struct ChatGateway<Store>(Store);

#[web_socket_gateway]
impl<Store> ChatGateway<Store> {
    #[subscribe_message("send-message")]
    async fn send_message(&self) {}
}

#[web_socket_gateway]
impl ChatGateway<u32> {
    #[subscribe_message("read")]
    async fn read(&self) {}
}

fn main() {}
