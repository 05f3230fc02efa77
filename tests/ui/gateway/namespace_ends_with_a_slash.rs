use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "/chat/")]
struct ChatGateway;

fn main() {}
