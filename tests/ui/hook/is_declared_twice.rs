use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[on_connection]
    async fn connected(&self) {}

    #[on_connection]
    async fn greeted(&self) {}
}

fn main() {}
