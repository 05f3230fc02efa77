//! What a client is told when something does not go as asked.

use std::{error::Error, fmt};

use gateway_core::FieldError;
use serde::Deserialize;
use serde_json::Value;

/// Why a client was not let in.
///
/// ```
/// use gateway_test::ConnectError;
///
/// let error = ConnectError::Refused("unknown token".to_owned());
/// assert_eq!(error.to_string(), "unknown token");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// By the gateway: the message of the client's `connect_error`.
    Refused(String),
    /// By the server, before there was a session: the status and the body of its answer.
    Http(u16, String),
    /// The connection has ended first.
    Ended(CloseReason),
    /// Nothing came for five seconds.
    Silence,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(message) => formatter.write_str(message),
            Self::Http(status, body) => {
                write!(formatter, "the server has answered {status}: {body}")
            }
            Self::Ended(reason) => write!(formatter, "the connection has ended: {reason}"),
            Self::Silence => formatter.write_str("the server has neither let it in nor refused it"),
        }
    }
}

impl Error for ConnectError {}

/// The error that a client is answered with instead of an acknowledgement.
///
/// ```
/// # use gateway_test::{Refusal, TestClient};
/// # async fn say(alice: TestClient) {
/// let refusal = alice.ack::<()>("say", "").await.unwrap_err();
/// assert_eq!(refusal.code, "BAD_PAYLOAD");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// What went wrong, for programs: one of the framework's [codes](gateway_core::code), or the application's.
    pub code: String,
    /// The same, for people.
    pub message: String,
    /// The fields that were wrong.
    pub errors: Vec<FieldError>,
    /// Everything that the client was answered.
    pub body: Value,
}

impl Refusal {
    /// The error that the server has answered with, if it is one.
    pub(crate) fn of(body: Value) -> Result<Self, Value> {
        #[derive(Deserialize)]
        struct Field {
            path: String,
            message: String,
        }

        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let (code, message) = (text("code"), text("message"));
        // What the framework itself says; a filter of the application may leave out one or the other.
        if body["status"] != "error" && (code.is_none() || message.is_none()) {
            return Err(body);
        }
        let (code, message) = (code.unwrap_or_default(), message.unwrap_or_default());
        let fields = Vec::<Field>::deserialize(&body["errors"]).unwrap_or_default();
        let errors = fields.into_iter().map(|field| FieldError::new(field.path, field.message));
        Ok(Self { code, message, errors: errors.collect(), body })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl Error for Refusal {}

/// How a client's connection has ended, in the words of the official client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The server has disconnected this client: `io server disconnect`.
    ServerDisconnect,
    /// The client has left: `io client disconnect`.
    ClientDisconnect,
    /// The connection was closed, with the code of the WebSocket's close frame if it had one: `transport close`.
    TransportClose(Option<u16>),
    /// The connection was lost: `transport error`.
    TransportError,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerDisconnect => formatter.write_str("io server disconnect"),
            Self::ClientDisconnect => formatter.write_str("io client disconnect"),
            Self::TransportClose(None) => formatter.write_str("transport close"),
            Self::TransportClose(Some(code)) => write!(formatter, "transport close ({code})"),
            Self::TransportError => formatter.write_str("transport error"),
        }
    }
}
