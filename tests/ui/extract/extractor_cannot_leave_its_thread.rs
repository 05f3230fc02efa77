use std::rc::Rc;

use gateway_core::prelude::*;

struct Local(#[allow(dead_code)] Rc<u32>);

impl<G, On> FromMessage<G, On> for Local {
    async fn from_message(_: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(Self(Rc::new(1)))
    }
}

#[web_socket_gateway]
struct ChatGateway;

#[web_socket_gateway]
impl ChatGateway {
    #[subscribe_message("one")]
    async fn one(&self, local: Local) {
        drop(local);
    }

    #[subscribe_message("two")]
    async fn two(&self, local: Local, MessageBody(text): MessageBody<String>) -> String {
        drop(local);
        text
    }
}

fn main() {}
