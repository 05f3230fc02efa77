use gateway_core::prelude::*;

#[web_socket_gateway(port = 3000, path = "/ws", pingInterval = 25000, adapter = Redis)]
struct ChatGateway;

fn main() {}
