use gateway_core::prelude::*;

#[web_socket_gateway]
#[use_guards(Admin)]
#[use_interceptors(Timing)]
#[use_pipes(Trim)]
#[set_metadata(Role::Admin)]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    #[use_guards(Admin)]
    async fn send_message(&self) {}
}

fn main() {}
