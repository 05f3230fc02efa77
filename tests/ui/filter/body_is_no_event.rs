use gateway_core::prelude::*;
use serde::Serialize;

#[derive(Serialize)]
pub struct Told {
    message: String,
}

pub struct Translate;

impl ExceptionFilter for Translate {
    type Catch = WsException;
    type Body = Told;

    async fn catch(
        &self,
        exception: &WsException,
        _: &ExecutionContext,
    ) -> Result<ErrorReply<Told>, WsException> {
        Ok(ErrorReply::new("error", &Told { message: exception.message().to_owned() }))
    }
}

fn main() {}
