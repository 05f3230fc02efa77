//! How a message fails.

use gateway_core::code;
use gateway_core::prelude::*;
use serde::Serialize;

use crate::clock;
use crate::language::Language;

/// Answers errors with the event `error`, and with the same object as the acknowledgement, in the
/// client's language.
#[derive(Debug)]
#[injectable]
pub(crate) struct WsExceptionFilter;

#[derive(Serialize)]
struct ErrorEvent<'a> {
    message: &'a str,
    timestamp: String,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldError>>,
}

impl ExceptionFilter for WsExceptionFilter {
    type Catch = WsException;

    async fn catch(
        &self,
        exception: &WsException,
        host: &ExecutionContext,
    ) -> Result<ErrorReply, WsException> {
        let language = Language::of(host.handshake());
        let is_validation = exception.code() == code::VALIDATION;
        let error = ErrorEvent {
            message: &language.message(exception),
            timestamp: clock::now(),
            code: exception.code(),
            errors: is_validation.then(|| language.fields(exception.errors())),
        };
        Ok(ErrorReply::new("error", &error))
    }
}
