use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[on_connection]
    async fn connected(&self) -> String {
        String::new()
    }

    #[on_disconnect]
    async fn disconnected(&self) -> Result<u32, WsException> {
        Ok(1)
    }
}

fn main() {}
