use gateway_core::prelude::*;

#[web_socket_gateway(namespace = ["/", "/custom"])]
struct ChatGateway;

fn main() {}
