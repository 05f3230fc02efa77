use gateway_core::prelude::*;

struct Count(std::cell::Cell<u32>);

#[web_socket_gateway]
#[set_metadata(Count(std::cell::Cell::new(0)))]
struct ChatGateway;

fn main() {}
