use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[use_filters(Above)]
#[web_socket_gateway]
#[use_filters(Below)]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self) {}
}

fn main() {}
