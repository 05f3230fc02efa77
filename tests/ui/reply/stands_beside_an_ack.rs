use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("value")]
    async fn value(&self, ack: Ack) -> u32 {
        drop(ack);
        1
    }

    #[subscribe_message("result")]
    async fn result(&self, ack: Option<Ack>) -> Result<String, WsException> {
        drop(ack);
        Ok(String::new())
    }
}

fn main() {}
