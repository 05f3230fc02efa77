use gateway_core::prelude::*;

#[injectable]
struct Members;

impl Guard for Members {
    fn can_activate(&self, _: &ExecutionContext) -> Result<bool, WsException> {
        Ok(true)
    }
}

#[injectable]
struct Open;

impl Guard for Open {
    fn can_activate(&self, _: &ExecutionContext) -> bool {
        true
    }
}

#[web_socket_gateway]
#[use_guards(Members, Open)]
struct ChatGateway;

fn main() {}
