use gateway_core::prelude::*;

#[web_socket_gateway(namspace = "/chat", serial = true)]
struct ChatGateway {
    #[init()]
    sent: u32,
}

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("")]
    fn send_message(&self) {}

    #[on_connection]
    async fn connected() {}

    #[subscribe_message("read")]
    async fn read(&self, body: String) {
        drop(body);
    }
}

fn main() {}
