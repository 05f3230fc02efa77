use gateway_core::prelude::*;

#[web_socket_gateway]
#[injectable]
struct ChatGateway;

#[injectable]
#[web_socket_gateway]
struct PresenceGateway;

fn main() {}
