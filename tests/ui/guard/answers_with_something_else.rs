use gateway_core::prelude::*;

#[injectable]
struct Members;

impl Guard for Members {
    async fn can_activate(&self, context: &ExecutionContext) -> bool {
        context.event() != "secret"
    }
}

#[web_socket_gateway]
#[use_guards(Members)]
struct ChatGateway;

fn main() {}
