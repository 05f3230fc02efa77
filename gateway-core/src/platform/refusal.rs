//! What Engine.IO answers a request that it does not take, in the words of its reference server.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::exception::code;

/// Why a request is not taken: a number and a message, which clients of all languages know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    TransportUnknown,
    SessionUnknown,
    BadHandshakeMethod,
    BadRequest,
    /// Of a session that somebody else has opened.
    Forbidden,
    UnsupportedVersion,
    /// The opening of a WebSocket of another version than 13 (RFC 6455, 4.4).
    WebSocketVersion,
    /// A body on polling that is larger than this.
    TooLarge {
        max_payload: usize,
    },
    /// There is no room for one more session.
    Full,
    /// The client's address asks for sessions too often: it may again after so many seconds.
    TooFast {
        wait: u64,
    },
}

/// Seconds after which a client that found no room may try again.
const TRY_AGAIN: u64 = 5;

impl Refusal {
    /// One of the reference server's, or where it knows nothing of the kind, one of ours.
    fn code(self) -> Value {
        let number = match self {
            Self::TransportUnknown => 0,
            Self::SessionUnknown => 1,
            Self::BadHandshakeMethod => 2,
            Self::BadRequest | Self::WebSocketVersion | Self::TooLarge { .. } => 3,
            Self::Forbidden => 4,
            Self::UnsupportedVersion => 5,
            Self::Full => return code::OVERLOADED.into(),
            Self::TooFast { .. } => return code::THROTTLED.into(),
        };
        number.into()
    }

    fn message(self) -> &'static str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::SessionUnknown => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedVersion => "Unsupported protocol version",
            Self::WebSocketVersion => "Only version 13 of WebSocket is served",
            Self::TooLarge { .. } => "The body is too large",
            Self::Full => "Too many sessions",
            Self::TooFast { .. } => "Too many handshakes",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::WebSocketVersion => StatusCode::UPGRADE_REQUIRED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooFast { .. } => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Of socketioxide's own answer, whose code is no number, or which has no body at all.
    pub(super) fn of_answer(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Answer<'a> {
            message: &'a str,
        }
        let message =
            serde_json::from_slice::<Answer<'_>>(body).map_or("", |answer| answer.message);
        let known = [
            Self::TransportUnknown,
            Self::SessionUnknown,
            Self::BadHandshakeMethod,
            Self::UnsupportedVersion,
        ];
        known.into_iter().find(|known| known.message() == message).unwrap_or(Self::BadRequest)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({ "code": self.code(), "message": self.message() });
        if let Self::TooLarge { max_payload } = self {
            body["maxPayload"] = max_payload.into();
        }
        let mut response = (self.status(), axum::Json(body)).into_response();
        let headers = response.headers_mut();
        match self {
            Self::WebSocketVersion => {
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            Self::Full => {
                headers.insert(header::RETRY_AFTER, TRY_AGAIN.into());
            }
            Self::TooFast { wait } => {
                headers.insert(header::RETRY_AFTER, wait.into());
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shown(refusal: Refusal) -> (u16, String) {
        let response = refusal.into_response();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn codes_are_numbers() {
        let answer = br#"{"code":"1","message":"Session ID unknown"}"#;
        let expected = r#"{"code":1,"message":"Session ID unknown"}"#;
        assert_eq!(shown(Refusal::of_answer(answer)).await, (400, expected.to_owned()));
        for unknown in [&b""[..], b"{", br#"{"code":"9","message":"of another time"}"#] {
            assert_eq!(Refusal::of_answer(unknown), Refusal::BadRequest);
        }
        let (status, body) = shown(Refusal::TooLarge { max_payload: 7 }).await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let expected = json!({ "code": 3, "maxPayload": 7, "message": "The body is too large" });
        assert_eq!((status, body), (413, expected));
        let (status, body) = shown(Refusal::TooFast { wait: 7 }).await;
        let expected = r#"{"code":"THROTTLED","message":"Too many handshakes"}"#;
        assert_eq!((status, &*body), (429, expected));
        let response = Refusal::TooFast { wait: 7 }.into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
    }
}
