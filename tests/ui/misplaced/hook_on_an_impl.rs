use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[on_connection]
#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self) {}
}

#[web_socket_gateway]
#[on_disconnect]
impl ChatGateway {
    #[subscribe_message("read")]
    async fn read(&self) {}
}

fn main() {}
