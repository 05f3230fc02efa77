use gateway_core::prelude::*;

struct Store;

#[web_socket_gateway]
struct ChatGateway {
    store: Store,
    sent: u32,
}

#[injectable]
struct Notifications {
    store: Box<Store>,
}

fn main() {}
