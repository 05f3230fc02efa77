use gateway_core::prelude::*;

struct Session {
    started: std::time::Instant,
}

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self, data: SocketData<Session>) {
        drop(data);
    }
}

fn main() {}
