use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "/chat,talk")]
struct ChatGateway;

#[web_socket_gateway(namespace = "/presence?all")]
struct PresenceGateway;

fn main() {}
