use gateway_core::prelude::*;

#[injectable]
struct Timing;

impl Interceptor for Timing {
    async fn intercept(
        &self,
        _: &ExecutionContext,
        next: Next<'_>,
    ) -> Result<(), WsException> {
        next.handle().await?;
        Ok(())
    }
}

#[web_socket_gateway]
#[use_interceptors(Timing)]
struct ChatGateway;

fn main() {}
