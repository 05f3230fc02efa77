use gateway_core::prelude::*;

#[derive(Clone)]
struct User;

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self, user: Identity<User>) {
        drop(user);
    }
}

fn main() {}
