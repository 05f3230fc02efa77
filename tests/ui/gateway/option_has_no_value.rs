use gateway_core::prelude::*;

#[web_socket_gateway(namespace)]
struct ChatGateway;

#[web_socket_gateway(concurrency = , serial)]
struct PresenceGateway;

fn main() {}
