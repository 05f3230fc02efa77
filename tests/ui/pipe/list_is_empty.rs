use gateway_core::prelude::*;

#[web_socket_gateway]
#[use_pipes]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    #[use_pipes()]
    async fn send_message(&self) {}

    #[subscribe_message("read")]
    async fn read(&self, #[use_pipes] MessageBody(text): MessageBody<String>) {
        drop(text);
    }
}

fn main() {}
