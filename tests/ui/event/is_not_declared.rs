use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize)]
pub struct NewMessage {
    text: String,
}

#[web_socket_gateway(namespace = "/chat", emits(NewMessage))]
pub struct ChatGateway {
    server: Server<Self>,
}

async fn tell(socket: Socket) -> Result<(), EmitError> {
    socket.send(&NewMessage { text: "hello".to_owned() }).await
}

fn reply() -> WsResponse<NewMessage> {
    WsResponse::of(NewMessage { text: "hello".to_owned() })
}

fn main() {}
