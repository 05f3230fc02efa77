use gateway_core::prelude::*;

#[injectable]
struct Translate;

impl ExceptionFilter for Translate {
    type Catch = String;
    type Body = serde_json::Value;

    async fn catch(&self, _: &String, _: &ExecutionContext) -> Result<ErrorReply, WsException> {
        Ok(ErrorReply::new("error", &"no"))
    }
}

fn main() {}
