use gateway_core::prelude::*;

struct ChatGateway;

impl ChatGateway {
    #[on_connection]
    async fn connected(&self) {}

    #[on_disconnect]
    async fn disconnected(&self) {}

    #[after_init]
    async fn ready(&self) {}
}

fn main() {}
