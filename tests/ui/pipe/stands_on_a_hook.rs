use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[on_connection]
    #[use_pipes(Trim)]
    async fn connected(&self) {}

    #[use_pipes(Trim)]
    #[on_disconnect]
    async fn disconnected(&self) {}

    #[after_init]
    #[use_pipes(Trim)]
    async fn ready(&self) {}
}

fn main() {}
