use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[on_connection]
    async fn connected(&self, body: MessageBody<String>) {
        drop(body);
    }

    #[on_disconnect]
    async fn disconnected(&self, ack: Ack) {
        drop(ack);
    }
}

fn main() {}
