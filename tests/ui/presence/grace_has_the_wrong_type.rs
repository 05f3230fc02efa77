use gateway_core::prelude::*;

#[web_socket_gateway(presence(grace = 3))]
struct PresenceGateway;

impl OnPresence for PresenceGateway {
    type User = u64;
}

fn main() {}
