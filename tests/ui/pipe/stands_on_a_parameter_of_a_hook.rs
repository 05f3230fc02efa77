use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[on_connection]
    async fn connected(&self, #[use_pipes(Trim)] socket: Socket) {
        drop(socket);
    }
}

fn main() {}
