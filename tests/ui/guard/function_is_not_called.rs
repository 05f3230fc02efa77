use gateway_core::prelude::*;

#[web_socket_gateway]
#[use_guards(Roles::any)]
struct ChatGateway;

fn main() {}
