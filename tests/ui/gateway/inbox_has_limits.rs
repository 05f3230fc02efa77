use gateway_core::prelude::*;

#[web_socket_gateway(inbox = 5)]
struct ChatGateway;

#[web_socket_gateway(inbox(message = 5))]
struct PresenceGateway;

fn main() {}
