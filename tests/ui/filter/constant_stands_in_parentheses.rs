use gateway_core::prelude::*;

struct Translate;

impl ExceptionFilter for Translate {
    type Catch = WsException;
    type Body = serde_json::Value;

    async fn catch(
        &self,
        exception: &WsException,
        _: &ExecutionContext,
    ) -> Result<ErrorReply, WsException> {
        Ok(ErrorReply::new("error", &exception.message()))
    }
}

const TRANSLATE: Translate = Translate;

#[web_socket_gateway]
#[use_filters(TRANSLATE)]
struct ChatGateway;

fn main() {}
