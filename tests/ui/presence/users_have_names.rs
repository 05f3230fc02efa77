use gateway_core::prelude::*;

struct User {
    id: u64,
}

#[web_socket_gateway(presence)]
struct PresenceGateway;

impl OnPresence for PresenceGateway {
    type User = User;
}

fn main() {}
