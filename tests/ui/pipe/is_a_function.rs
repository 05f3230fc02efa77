use gateway_core::prelude::*;

fn trim(text: String) -> String {
    text.trim().to_owned()
}

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self, #[use_pipes((trim))] MessageBody(text): MessageBody<String>) {
        drop(text);
    }
}

fn main() {}
