use gateway_core::prelude::*;

#[injectable]
struct Timing;

#[web_socket_gateway]
#[use_interceptors(Timing)]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    #[use_interceptors(String::new())]
    async fn send_message(&self) {}
}

fn main() {}
