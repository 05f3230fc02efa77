use gateway_core::prelude::*;

#[injectable]
struct Translate;

#[web_socket_gateway]
#[use_filters(Translate)]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    #[use_filters(String::new())]
    async fn send_message(&self) {}
}

fn main() {}
