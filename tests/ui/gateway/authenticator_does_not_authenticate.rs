use gateway_core::prelude::*;

#[injectable]
struct Tokens;

#[web_socket_gateway(authenticate = Tokens)]
struct ChatGateway;

fn main() {}
