use gateway_core::prelude::*;

#[injectable]
struct WsJwtGuard {
    jwt: JwtService,
}

impl Guard for WsJwtGuard {
    async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
        let token = context.handshake().token().unwrap_or_default();
        self.jwt.verify::<String>(token).map(|_| true)
    }
}

#[web_socket_gateway]
#[use_guards(WsJwtGuard)]
struct ChatGateway;

fn main() {}
