use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[use_guards(Members)]
    #[after_init]
    async fn ready(&self) {}
}

fn main() {}
