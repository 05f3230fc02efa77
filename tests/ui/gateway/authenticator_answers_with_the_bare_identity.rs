use gateway_core::prelude::*;

#[injectable]
struct Tokens;

impl Authenticator for Tokens {
    type Identity = String;

    async fn authenticate(&self, handshake: &Handshake) -> Result<String, WsException> {
        handshake.token().map(str::to_owned).ok_or_else(|| WsException::new("who are you?"))
    }
}

#[web_socket_gateway(authenticate = Tokens)]
struct ChatGateway;

fn main() {}
