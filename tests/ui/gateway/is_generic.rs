use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway<Store> {
    #[init]
    store: Option<Store>,
}

fn main() {}
