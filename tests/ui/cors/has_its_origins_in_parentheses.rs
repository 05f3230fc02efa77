use gateway_core::prelude::*;

#[web_socket_gateway(cors)]
struct ChatGateway;

#[web_socket_gateway(cors = true)]
struct PresenceGateway;

fn main() {}
