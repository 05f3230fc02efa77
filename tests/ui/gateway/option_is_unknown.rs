use gateway_core::prelude::*;

#[web_socket_gateway(namspace = "/chat", pingTimeouts = 5, colour = "red")]
struct ChatGateway;

fn main() {}
