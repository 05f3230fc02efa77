use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self) {}

    async fn helper(&self, #[use_pipes(Trim)] text: String) {
        drop(text);
    }
}

fn main() {}
