use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize, Event)]
#[event("new-message")]
pub struct NewMessage {
    text: String,
}

#[web_socket_gateway(namespace = "/chat", emits(NewMessage))]
pub struct ChatGateway {
    server: Server<Self>,
}

async fn tell(chat: Server<ChatGateway>) -> Result<(), EmitError> {
    chat.send(&NewMessage { words: "hello".to_owned() }).await
}

fn main() {}
