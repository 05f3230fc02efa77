use gateway_core::prelude::*;

struct Secret;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("plain")]
    async fn plain(&self) -> Secret {
        Secret
    }

    #[subscribe_message("result")]
    async fn result(&self) -> Result<Secret, WsException> {
        Ok(Secret)
    }

    #[subscribe_message("response")]
    async fn response(&self) -> WsResponse<Secret> {
        WsResponse::new("secret", Secret)
    }
}

fn main() {}
