use gateway_core::prelude::*;

#[web_socket_gateway(concurrency = "many")]
struct ChatGateway;

fn main() {}
