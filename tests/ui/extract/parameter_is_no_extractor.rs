use gateway_core::prelude::*;

#[derive(serde::Deserialize)]
struct SendMessage;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self, body: SendMessage) {
        drop(body);
    }

    #[subscribe_message("read")]
    async fn read(&self, socket: Socket, text: String) {
        drop((socket, text));
    }
}

fn main() {}
