use gateway_core::prelude::*;

trait Clock: Send + Sync {}

struct Store;

#[web_socket_gateway]
struct ChatGateway {
    clock: Box<dyn Clock>,
    store: Box<Store>,
}

fn main() {}
