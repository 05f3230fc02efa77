// A gateway that names no authenticator has the application's; whose identity that is, is checked
// when the application is built.
#![deny(warnings)]

use gateway_core::prelude::*;

#[derive(Clone, serde::Deserialize)]
pub struct User {
    pub id: u64,
}

#[web_socket_gateway]
pub struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("who-am-i")]
    async fn who_am_i(&self, Identity(user): Identity<User>) -> u64 {
        user.id
    }

    #[on_connection]
    async fn connected(&self, user: Identity<User>) {
        drop(user);
    }
}

fn main() {
    drop(App::builder().authenticate::<JwtAuthenticator<User>>());
}
