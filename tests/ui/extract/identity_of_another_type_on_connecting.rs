use gateway_core::prelude::*;

#[derive(Clone, serde::Deserialize)]
struct User;

#[web_socket_gateway(authenticate = JwtAuthenticator<User>)]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[on_connection]
    async fn connected(&self, Identity(name): Identity<String>) {
        drop(name);
    }
}

fn main() {}
