use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("say")]
    async fn say(&self) {}

    #[subscribe_message(_)]
    async fn any(&self) {}

    #[subscribe_message(_, serial)]
    async fn others(&self) {}
}

fn main() {}
