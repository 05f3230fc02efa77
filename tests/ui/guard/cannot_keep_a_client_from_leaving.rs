use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[on_disconnect]
    #[use_guards(Members)]
    async fn disconnected(&self) {}
}

fn main() {}
