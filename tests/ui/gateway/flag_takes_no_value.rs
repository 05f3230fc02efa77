use gateway_core::prelude::*;

#[web_socket_gateway(serial = true)]
struct ChatGateway;

fn main() {}
