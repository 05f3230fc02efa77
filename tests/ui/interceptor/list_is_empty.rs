use gateway_core::prelude::*;

#[web_socket_gateway]
#[use_interceptors]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    #[use_interceptors()]
    async fn send_message(&self) {}
}

fn main() {}
