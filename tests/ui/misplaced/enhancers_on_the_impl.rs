use gateway_core::prelude::*;

#[web_socket_gateway]
struct ChatGateway;

#[use_guards(Members)]
#[web_socket_gateway]
#[use_pipes(Trim)]
#[use_interceptors(Timing)]
#[set_metadata(Needs("member"))]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self) {}
}

fn main() {}
