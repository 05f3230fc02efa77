use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async unsafe fn send_message(&self) {}

    #[subscribe_message("read")]
    const fn read(&self) {}

    #[subscribe_message("join")]
    async extern "C" fn join(&self) {}
}

fn main() {}
