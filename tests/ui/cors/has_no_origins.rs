use gateway_core::prelude::*;

#[web_socket_gateway(cors())]
struct ChatGateway;

#[web_socket_gateway(cors(credentials = true))]
struct PresenceGateway;

fn main() {}
