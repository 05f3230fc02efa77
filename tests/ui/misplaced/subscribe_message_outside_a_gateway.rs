use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self, socket: Socket) {
        drop(socket);
    }
}

fn main() {}
