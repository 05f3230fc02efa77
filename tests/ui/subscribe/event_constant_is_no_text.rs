use gateway_core::prelude::*;

mod events {
    pub const NUMBER: u32 = 42;
}

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message(events::NUMBER)]
    async fn count(&self) {}
}

fn main() {}
