use gw::prelude::*;

struct SendMessage;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self, MessageBody(Valid(_)): MessageBody<Valid<SendMessage>>) {}
}

fn main() {}
