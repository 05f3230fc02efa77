use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(
        &self,
        #[use_guards(Members)] socket: Socket,
        #[set_metadata(Needs("member"))] MessageBody(text): MessageBody<String>,
    ) {
        drop((socket, text));
    }
}

fn main() {}
