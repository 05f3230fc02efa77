use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[after_init]
    async fn ready(&self, socket: Socket) {
        drop(socket);
    }
}

fn main() {}
