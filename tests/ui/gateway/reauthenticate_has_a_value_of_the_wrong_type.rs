use gateway_core::prelude::*;

#[web_socket_gateway(reauthenticate = true)]
struct ChatGateway;

fn main() {}
