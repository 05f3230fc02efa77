use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize, Event)]
#[event("new-message")]
pub struct NewMessage {
    text: String,
}

#[web_socket_gateway(namespace = "/chat", emits(NewMessage, NewMessage))]
pub struct ChatGateway {
    server: Server,
}

fn main() {}
