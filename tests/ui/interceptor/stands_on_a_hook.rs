use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[on_connection]
    #[use_interceptors(Timing)]
    async fn connected(&self) {}

    #[use_interceptors(Timing)]
    #[on_disconnect]
    async fn disconnected(&self) {}

    #[after_init]
    #[use_interceptors(Timing)]
    async fn ready(&self) {}
}

fn main() {}
