use gateway_core::prelude::*;

#[web_socket_gateway]
#[subscribe_message("send-message")]
struct ChatGateway;

#[subscribe_message("read")]
struct Read;

fn main() {}
