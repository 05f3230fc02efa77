use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "/chat", cors(origins = ["http://localhost:4200"]))]
struct ChatGateway;

fn main() {}
