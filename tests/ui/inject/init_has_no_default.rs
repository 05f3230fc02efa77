use gateway_core::prelude::*;

struct Store;

#[web_socket_gateway]
struct ChatGateway {
    #[init]
    store: Store,
}

fn main() {}
