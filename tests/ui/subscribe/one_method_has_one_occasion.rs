use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("hello")]
    #[on_connection]
    async fn hello(&self) {}
}

fn main() {}
