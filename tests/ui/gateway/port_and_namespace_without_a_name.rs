use gateway_core::prelude::*;

#[web_socket_gateway(3000, "/chat")]
struct ChatGateway;

fn main() {}
