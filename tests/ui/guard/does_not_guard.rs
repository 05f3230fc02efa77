use gateway_core::prelude::*;

#[injectable]
struct Members;

#[web_socket_gateway]
#[use_guards(Members)]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    #[use_guards(String::new())]
    async fn send_message(&self) {}
}

fn main() {}
