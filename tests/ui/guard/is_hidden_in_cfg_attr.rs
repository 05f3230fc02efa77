use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    #[cfg_attr(any(), use_guards(Members))]
    async fn send_message(&self) {}
}

fn main() {}
