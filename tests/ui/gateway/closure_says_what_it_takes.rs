use gateway_core::prelude::*;

#[web_socket_gateway(namespace = |config| config.namespace.clone())]
struct ChatGateway;

struct Limits {
    concurrency: usize,
}

#[web_socket_gateway(concurrency = |limits: Limits| limits.concurrency)]
struct PresenceGateway;

#[web_socket_gateway(concurrency = || 5)]
struct OrdersGateway;

fn main() {}
