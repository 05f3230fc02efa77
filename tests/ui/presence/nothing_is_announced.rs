use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "/presence", presence)]
struct PresenceGateway {
    presence: Presence<u64>,
}

fn main() {}
