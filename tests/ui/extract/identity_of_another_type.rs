use gateway_core::prelude::*;

#[derive(Clone, serde::Deserialize)]
struct User;

#[derive(Clone, serde::Deserialize)]
struct Admin;

#[web_socket_gateway(authenticate = JwtAuthenticator<User>)]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("send-message")]
    async fn send_message(&self, user: Identity<Admin>) {
        drop(user);
    }
}

fn main() {}
