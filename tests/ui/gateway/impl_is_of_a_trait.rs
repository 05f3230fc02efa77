use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

trait Talk {
    fn talk(&self);
}

#[web_socket_gateway]
impl Talk for ChatGateway {
    #[subscribe_message("send-message")]
    fn talk(&self) {}
}

fn main() {}
