use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "")]
struct ChatGateway;

fn main() {}
