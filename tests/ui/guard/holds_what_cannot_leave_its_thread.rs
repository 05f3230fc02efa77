use gateway_core::prelude::*;

#[injectable]
struct Members;

impl Guard for Members {
    async fn can_activate(&self, _: &ExecutionContext) -> Result<bool, WsException> {
        let allowed = std::rc::Rc::new(true);
        std::future::ready(()).await;
        Ok(*allowed)
    }
}

#[web_socket_gateway]
#[use_guards(Members)]
struct ChatGateway;

fn main() {}
