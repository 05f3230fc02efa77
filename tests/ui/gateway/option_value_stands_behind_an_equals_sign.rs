use gateway_core::prelude::*;

#[web_socket_gateway(namespace: "/chat")]
struct ChatGateway;

#[web_socket_gateway(concurrency(5))]
struct PresenceGateway;

fn main() {}
