use gateway_core::prelude::*;

#[web_socket_gateway(cors(origins = 4200))]
struct ChatGateway;

#[web_socket_gateway(cors(origins = [4200]))]
struct PresenceGateway;

fn main() {}
