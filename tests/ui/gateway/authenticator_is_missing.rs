use gateway_core::prelude::*;

#[web_socket_gateway(authenticate)]
struct ChatGateway;

#[web_socket_gateway(authenticate = )]
struct PresenceGateway;

fn main() {}
