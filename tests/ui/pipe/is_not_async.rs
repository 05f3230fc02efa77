use gateway_core::prelude::*;

#[injectable]
struct Trim;

impl Pipe for Trim {
    fn transform(&self, value: Argument, _: &ArgumentMetadata<'_>) -> Result<Argument, WsException> {
        Ok(value)
    }
}

#[injectable]
struct Same;

impl Pipe for Same {
    async fn transform(&self, value: Argument, _: &ArgumentMetadata<'_>) -> Argument {
        value
    }
}

#[web_socket_gateway]
#[use_pipes(Trim, Same)]
struct ChatGateway;

fn main() {}
