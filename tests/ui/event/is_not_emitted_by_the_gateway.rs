use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize, Event)]
#[event("new-message")]
pub struct NewMessage {
    text: String,
}

#[derive(Serialize, Event)]
#[event("order-update", ack = ())]
pub struct OrderUpdate {
    order: u64,
}

#[web_socket_gateway(namespace = "/chat", emits(NewMessage))]
pub struct ChatGateway {
    server: Server<Self>,
}

impl ChatGateway {
    async fn tell(&self) -> Result<(), EmitError> {
        self.server.to("room").send(&OrderUpdate { order: 7 }).await
    }
}

async fn ask(chat: Server<ChatGateway>) -> Result<(), EmitError> {
    let _answers = chat.request(&OrderUpdate { order: 7 }).await?;
    Ok(())
}

fn main() {}
