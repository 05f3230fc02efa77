use gateway_core::prelude::*;

struct Timing;

impl Interceptor for Timing {
    async fn intercept(
        &self,
        _: &ExecutionContext,
        next: Next<'_>,
    ) -> Result<Reply, WsException> {
        next.handle().await
    }
}

#[web_socket_gateway]
#[use_interceptors(Timing)]
struct ChatGateway;

fn main() {}
