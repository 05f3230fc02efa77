use gateway_core::prelude::*;

#[web_socket_gateway(presence(grace = |config| config.grace))]
struct PresenceGateway;

impl OnPresence for PresenceGateway {
    type User = u64;
}

fn main() {}
