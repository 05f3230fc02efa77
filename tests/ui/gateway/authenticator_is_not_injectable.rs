use gateway_core::prelude::*;

struct Tokens;

impl Authenticator for Tokens {
    type Identity = String;

    async fn authenticate(
        &self,
        handshake: &Handshake,
    ) -> Result<Authenticated<String>, WsException> {
        match handshake.token() {
            Some(token) => Ok(token.to_owned().into()),
            None => Err(WsException::unauthorized("who are you?")),
        }
    }
}

#[web_socket_gateway(authenticate = Tokens)]
struct ChatGateway;

fn main() {}
