use gateway_core::prelude::*;

#[web_socket_gateway(presence(grase = std::time::Duration::from_secs(3), store = "memory"))]
struct PresenceGateway;

impl OnPresence for PresenceGateway {
    type User = u64;
}

fn main() {}
