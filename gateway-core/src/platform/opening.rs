//! The server's half of a WebSocket's opening handshake (RFC 6455, 4.2).

use std::collections::HashSet;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::refusal::Refusal;

/// The answer that opens a WebSocket for a request with these headers.
///
/// Who offers subprotocols is answered with the first: browsers end a connection on which none of
/// them is spoken, and the reference server takes the first one, too.
///
/// # Errors
/// Where the request is none that opens a WebSocket.
pub(super) fn accept(headers: &HeaderMap) -> Result<Response, Refusal> {
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refusal::WebSocketVersion);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes()));
    let key = key.ok_or(Refusal::BadRequest)?;
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()));
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let answer = response.headers_mut();
    answer.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.insert(header::SEC_WEBSOCKET_ACCEPT, accept.map_err(|_| Refusal::BadRequest)?);
    if let Some(protocol) = first_protocol(headers)? {
        answer.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok(response)
}

/// Whether it is 16 bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let Some((digits, b"==")) = key.split_at_checked(22) else { return false };
    digits.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/'))
}

/// The first of the subprotocols that a client offers, where it offers some.
fn first_protocol(headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
    let mut first = None;
    let mut offered = HashSet::new();
    for value in headers.get_all(header::SEC_WEBSOCKET_PROTOCOL) {
        for name in value.as_bytes().split(|byte| *byte == b',') {
            let name = name.trim_ascii();
            // Tokens, each of them once.
            if name.is_empty() || !name.iter().all(is_token) || !offered.insert(name) {
                return Err(Refusal::BadRequest);
            }
            first.get_or_insert(name);
        }
    }
    first.map(HeaderValue::from_bytes).transpose().map_err(|_| Refusal::BadRequest)
}

/// What the names of HTTP are made of (RFC 9110, 5.6.2).
fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn opened(version: &str, key: &str, protocols: &[&str]) -> Result<Response, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(header::SEC_WEBSOCKET_VERSION, version.parse().unwrap());
        headers.insert(header::SEC_WEBSOCKET_KEY, key.parse().unwrap());
        for protocols in protocols {
            headers.append(header::SEC_WEBSOCKET_PROTOCOL, protocols.parse().unwrap());
        }
        accept(&headers)
    }

    fn protocol(protocols: &[&str]) -> Result<Option<String>, Refusal> {
        let response = opened("13", KEY, protocols)?;
        let answered = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
        Ok(answered.map(|name| name.to_str().unwrap().to_owned()))
    }

    #[test]
    fn the_example_of_the_standard_is_accepted() {
        let response = opened("13", KEY, &[]).unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(
            response.headers()[header::SEC_WEBSOCKET_ACCEPT],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn the_first_protocol_is_spoken() {
        for (offered, spoken) in [
            (&[][..], None),
            (&["my-app"], Some("my-app")),
            (&["my-app, other"], Some("my-app")),
            (&["b,a", "c"], Some("b")),
            (&["v1.json"], Some("v1.json")),
        ] {
            assert_eq!(protocol(offered).unwrap().as_deref(), spoken, "{offered:?}");
        }
        for offered in [&[""][..], &[","], &["a,,b"], &["a b"], &["\"a\""], &["a, a"], &["a", "a"]]
        {
            assert_eq!(protocol(offered), Err(Refusal::BadRequest), "{offered:?}");
        }
    }

    #[test]
    fn what_opens_no_websocket_is_refused() {
        for version in ["8", "14", ""] {
            assert_eq!(opened(version, KEY, &[]).unwrap_err(), Refusal::WebSocketVersion);
        }
        for key in [
            "",
            "x",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "dGhlIHNhbXBsZSBub25jZQ===",
            "dGhlIHNhb!BsZSBub25jZQ==",
        ] {
            assert_eq!(opened("13", key, &[]).unwrap_err(), Refusal::BadRequest, "{key}");
        }
    }
}
