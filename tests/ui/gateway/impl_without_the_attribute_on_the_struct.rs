use gateway_core::prelude::*;

struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self, socket: Socket) {
        drop(socket);
    }

    #[on_connection]
    async fn connected(&self) {}
}

fn main() {}
