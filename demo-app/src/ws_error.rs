//! How a message fails.

use gateway_core::code;
use gateway_core::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock;
use crate::language::Language;

/// Answers errors with the event `error`, and with the same object as the acknowledgement, in the
/// client's language.
#[derive(Debug)]
#[injectable]
pub(crate) struct WsExceptionFilter;

/// Why a message failed.
#[derive(Debug, Serialize, JsonSchema, Event)]
#[event("error")]
pub(crate) struct ErrorEvent {
    /// In the client's language.
    message: String,
    /// ISO 8601.
    timestamp: String,
    /// What happened, for programs.
    code: String,
    /// The fields that break a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldError>>,
}

impl ExceptionFilter for WsExceptionFilter {
    type Catch = WsException;
    type Body = ErrorEvent;

    async fn catch(
        &self,
        exception: &WsException,
        host: &ExecutionContext,
    ) -> Result<ErrorReply<ErrorEvent>, WsException> {
        let language = Language::of(host.handshake());
        let is_validation = exception.code() == code::VALIDATION;
        Ok(ErrorReply::of(&ErrorEvent {
            message: language.message(exception),
            timestamp: clock::now(),
            code: exception.code().to_owned(),
            errors: is_validation.then(|| language.fields(exception.errors())),
        }))
    }
}
