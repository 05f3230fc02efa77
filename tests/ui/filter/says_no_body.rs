use gateway_core::prelude::*;

pub struct Translate;

impl ExceptionFilter for Translate {
    type Catch = WsException;

    async fn catch(
        &self,
        _: &WsException,
        _: &ExecutionContext,
    ) -> Result<ErrorReply, WsException> {
        Err(WsException::new("no"))
    }
}

fn main() {}
