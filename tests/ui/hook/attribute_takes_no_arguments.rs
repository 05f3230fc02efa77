use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[on_connection("connect")]
    async fn connected(&self) {}
}

fn main() {}
