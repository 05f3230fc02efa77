use gateway_core::prelude::*;

#[web_socket_gateway(cors(origins = "https://example.com"))]
struct ChatGateway;

#[web_socket_gateway(cors(origins = []))]
struct PresenceGateway;

fn main() {}
