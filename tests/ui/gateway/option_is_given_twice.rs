use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "/chat", serial, namespace = "/talk")]
struct ChatGateway;

fn main() {}
