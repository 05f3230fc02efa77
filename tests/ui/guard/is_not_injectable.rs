use gateway_core::prelude::*;

struct Members;

impl Guard for Members {
    async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
        Ok(context.event() != "secret")
    }
}

#[web_socket_gateway]
#[use_guards(Members)]
struct ChatGateway;

fn main() {}
