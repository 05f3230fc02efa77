use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[after_init]
    #[use_filters(Anything)]
    async fn ready(&self) {}
}

fn main() {}
