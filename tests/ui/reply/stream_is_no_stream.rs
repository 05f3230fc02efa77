use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self) -> WsStream<Vec<u32>> {
        WsStream::new(Vec::new())
    }
}

fn main() {}
