use gateway_core::prelude::*;

#[web_socket_gateway(reauthenticate = "")]
struct ChatGateway;

#[web_socket_gateway(reauthenticate = "connect")]
struct PresenceGateway;

#[web_socket_gateway(reauthenticate)]
struct RoomGateway;

fn main() {}
