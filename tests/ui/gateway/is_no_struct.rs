use gateway_core::prelude::*;

#[web_socket_gateway]
enum ChatGateway {
    Open,
    Closed,
}

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self) {}
}

#[web_socket_gateway]
fn presence() {}

#[web_socket_gateway]
trait Talk {}

fn main() {}
