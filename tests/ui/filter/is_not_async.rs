use gateway_core::prelude::*;

#[injectable]
struct Silent;

impl ExceptionFilter for Silent {
    type Catch = WsException;
    type Body = serde_json::Value;

    fn catch(&self, exception: &WsException, _: &ExecutionContext) -> ErrorReply {
        ErrorReply::new("error", &exception.message())
    }
}

#[web_socket_gateway]
#[use_filters(Silent)]
struct ChatGateway;

fn main() {}
