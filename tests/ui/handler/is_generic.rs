use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message<T>(&self, body: MessageBody<T>) {
        drop(body);
    }

    #[subscribe_message("read")]
    async fn read<const LIMIT: usize>(&self) {}

    #[subscribe_message("join")]
    async fn join<'a>(&'a self) {}

    #[subscribe_message("leave")]
    async fn leave(&self, body: MessageBody<impl Send>) {
        drop(body);
    }
}

fn main() {}
