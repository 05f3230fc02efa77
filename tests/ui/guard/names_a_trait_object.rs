use gateway_core::prelude::*;

#[web_socket_gateway]
#[use_guards(dyn Members)]
struct ChatGateway;

fn main() {}
