use gateway_core::prelude::*;

#[injectable]
struct Trim;

#[web_socket_gateway]
#[use_pipes(Trim)]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    #[use_pipes(String::new())]
    async fn send_message(&self) {}

    #[subscribe_message("read")]
    async fn read(&self, #[use_pipes(Trim)] MessageBody(text): MessageBody<String>) {
        drop(text);
    }
}

fn main() {}
