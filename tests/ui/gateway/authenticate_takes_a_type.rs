use gateway_core::prelude::*;

#[web_socket_gateway(authenticate = Tokens::new("secret"))]
struct ChatGateway;

fn main() {}
