use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize, Event)]
#[event("new-message")]
struct NewMessage {
    text: String,
}

async fn ask(socket: Socket) -> Result<(), EmitError> {
    let _ack = socket.request(&NewMessage { text: "hello".to_owned() }).await?;
    Ok(())
}

fn main() {}
