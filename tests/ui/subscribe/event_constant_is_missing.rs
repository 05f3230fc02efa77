use gateway_core::prelude::*;

mod events {
    pub const SEND_MESSAGE: &str = "send-message";
}

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message(events::SEND_MESAGE)]
    async fn send_message(&self) {}
}

fn main() {}
