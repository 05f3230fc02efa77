use gateway_core::prelude::*;

struct UserAgent;

impl<G, On> FromMessage<G, On> for UserAgent {
    fn from_message(_: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(Self)
    }
}

fn main() {}
