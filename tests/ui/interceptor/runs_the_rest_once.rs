use gateway_core::prelude::*;

#[injectable]
struct Retry;

impl Interceptor for Retry {
    async fn intercept(
        &self,
        _: &ExecutionContext,
        next: Next<'_>,
    ) -> Result<Reply, WsException> {
        match next.handle().await {
            Ok(reply) => Ok(reply),
            Err(_) => next.handle().await,
        }
    }
}

fn main() {}
