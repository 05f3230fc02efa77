//! [`Handshake`]: what a client brought along when it connected.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderMap, Uri, header};
use serde_json::Value;

use crate::platform::RequestHead;

/// What a client brought along when it connected: its `auth` object, and the HTTP request.
///
/// ```
/// # use gateway_core::prelude::*;
/// # fn look(handshake: &Handshake) {
/// let language = handshake.header("accept-language").unwrap_or("en");
/// let version = handshake.auth()["clientVersion"].as_str();
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Handshake(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    auth: Value,
    head: Arc<RequestHead>,
}

impl Handshake {
    /// The same request with another `auth`.
    pub(crate) fn with_auth(&self, auth: Value) -> Self {
        Self(Arc::new(Inner { auth, head: Arc::clone(&self.0.head) }))
    }

    /// Of a plain HTTP request.
    pub(crate) fn of_request(parts: &http::request::Parts) -> Self {
        let head = RequestHead::of_request(parts);
        Self(Arc::new(Inner { auth: Value::Null, head: Arc::new(head) }))
    }

    pub(crate) fn new(auth: Option<&str>, head: Arc<RequestHead>) -> Self {
        let auth = auth.and_then(|json| serde_json::from_str(json).ok()).unwrap_or(Value::Null);
        Self(Arc::new(Inner { auth, head }))
    }

    /// The `auth` of the client's options; `null` when there was none.
    #[must_use]
    pub fn auth(&self) -> &Value {
        &self.0.auth
    }

    /// A header of the request, when it is there and text. Names are not case-sensitive.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// All headers of the request.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.head.headers
    }

    /// The URI of the request. Its query is written into many an access log: no place for secrets.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0.head.uri
    }

    /// A parameter of the query, percent-decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let query: axum::extract::Query<Vec<(String, String)>> =
            axum::extract::Query::try_from_uri(self.uri()).ok()?;
        query.0.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The other end of the TCP connection; a proxy, where there is one in front.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.head.address
    }

    /// The access token: `auth.token`, else the `Authorization` header, with or without the prefix
    /// `Bearer `. Never the query.
    ///
    /// Browsers cannot set headers on a WebSocket, so `auth.token` comes first.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.0.auth["token"]
            .as_str()
            .or_else(|| self.header(header::AUTHORIZATION.as_str()))
            .map(without_bearer)
            .filter(|token| !token.is_empty())
    }
}

fn without_bearer(text: &str) -> &str {
    let text = text.trim();
    let (scheme, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") { rest.trim() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(auth: &str, authorization: Option<&'static str>, uri: &str) -> Handshake {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        let mut head = RequestHead::default();
        head.uri = uri.parse().unwrap();
        head.headers = headers;
        Handshake::new(Some(auth), Arc::new(head))
    }

    #[test]
    fn the_token_comes_from_auth_then_from_the_header() {
        let token = |auth, header| handshake(auth, header, "/?token=no").token().map(str::to_owned);
        assert_eq!(token(r#"{"token":"a"}"#, Some("Bearer b")).as_deref(), Some("a"));
        assert_eq!(token(r#"{"token":"Bearer a"}"#, None).as_deref(), Some("a"));
        assert_eq!(token("{}", Some("bEARER b")).as_deref(), Some("b"));
        assert_eq!(token("{}", Some("b")).as_deref(), Some("b"));
        assert_eq!(token("{}", None), None);
        assert_eq!(token(r#"{"token":"Bearer "}"#, None), None);
    }

    #[test]
    fn the_query_is_decoded() {
        let handshake = handshake("{}", None, "/socket.io/?name=a%20b&EIO=4");
        assert_eq!(handshake.query("name").as_deref(), Some("a b"));
        assert_eq!(handshake.query("other"), None);
    }
}
