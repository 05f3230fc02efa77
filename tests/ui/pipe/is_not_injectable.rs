use gateway_core::{Argument, prelude::*};

struct Trim;

impl Pipe for Trim {
    async fn transform(
        &self,
        value: Argument,
        _: &ArgumentMetadata<'_>,
    ) -> Result<Argument, WsException> {
        Ok(value)
    }
}

#[web_socket_gateway]
#[use_pipes(Trim)]
struct ChatGateway;

fn main() {}
