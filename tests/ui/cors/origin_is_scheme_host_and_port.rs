use gateway_core::prelude::*;

#[web_socket_gateway(cors(origins = ["example.com", "https://example.com/chat", "*"]))]
struct ChatGateway;

fn main() {}
