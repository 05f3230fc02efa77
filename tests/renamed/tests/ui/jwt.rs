use gw::prelude::*;

#[derive(Clone)]
struct User;

#[web_socket_gateway(authenticate = JwtAuthenticator<User>)]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("who")]
    async fn who(&self, Identity(_): Identity<User>) {}
}

fn main() {
    let _ = App::builder().provide(JwtService::hs256("a secret"));
}
