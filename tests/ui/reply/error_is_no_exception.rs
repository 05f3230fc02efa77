use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("text")]
    async fn text(&self) -> Result<(), String> {
        Err("no".to_owned())
    }

    #[subscribe_message("nothing")]
    async fn nothing(&self) -> Result<u32, ()> {
        Err(())
    }

    #[subscribe_message("local")]
    async fn local(&self) -> Result<WsResponse<u32>, Box<dyn std::error::Error>> {
        Ok(WsResponse::new("local", 1))
    }

    #[on_connection]
    async fn connected(&self) -> Result<(), String> {
        Ok(())
    }
}

fn main() {}
