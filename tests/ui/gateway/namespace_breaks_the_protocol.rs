use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "/chat,talk")]
struct ChatGateway;

#[web_socket_gateway(namespace = "/presence?all")]
struct PresenceGateway;

#[web_socket_gateway(namespace = "/chat#talk")]
struct FragmentGateway;

fn main() {}
