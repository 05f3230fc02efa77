//! How a message fails.

use gateway_core::code;
use gateway_core::prelude::*;
use serde::Serialize;

use crate::clock;

/// Answers errors with the event `error`, and with the same object as the acknowledgement.
#[derive(Debug)]
#[injectable]
pub(crate) struct WsExceptionFilter;

#[derive(Serialize)]
struct ErrorEvent<'a> {
    message: &'a str,
    timestamp: String,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [FieldError]>,
}

impl ExceptionFilter for WsExceptionFilter {
    type Catch = WsException;

    async fn catch(
        &self,
        exception: &WsException,
        _host: &ExecutionContext,
    ) -> Result<ErrorReply, WsException> {
        let error = ErrorEvent {
            message: exception.message(),
            timestamp: clock::now(),
            code: exception.code(),
            errors: (exception.code() == code::VALIDATION).then(|| exception.errors()),
        };
        Ok(ErrorReply::new("error", &error))
    }
}
