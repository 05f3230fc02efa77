use gateway_core::prelude::*;

#[web_socket_gateway(
    namespace = "/chat",
    outbox_packets = "many",
    outbox_bytes = 4.5,
    handler_grace = 30
)]
struct ChatGateway;

#[web_socket_gateway(
    outbox_packets(8192),
    outbox_bytes,
    handler_grace = ,
    outbox = 5
)]
struct OtherGateway;

fn main() {}
