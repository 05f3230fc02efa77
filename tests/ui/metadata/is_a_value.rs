use gateway_core::prelude::*;

#[web_socket_gateway]
#[set_metadata(role = "member")]
struct ChatGateway;

#[web_socket_gateway]
#[set_metadata(dyn Role)]
struct PresenceGateway;

fn main() {}
