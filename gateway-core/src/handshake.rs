//! [`Handshake`]: what a client brought along when it connected.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

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
#[derive(Clone)]
pub struct Handshake(Arc<Inner>);

struct Inner {
    /// JSON.
    auth: Option<Box<str>>,
    /// Made when it is asked for: a tree is several times the text, and every connection keeps its
    /// handshake.
    auth_value: OnceLock<Box<Value>>,
    head: Arc<RequestHead>,
}

impl Handshake {
    pub(crate) fn new(auth: Option<Box<str>>, head: Arc<RequestHead>) -> Self {
        Self(Arc::new(Inner { auth, auth_value: OnceLock::new(), head }))
    }

    /// The same request with another `auth`.
    pub(crate) fn with_auth(&self, auth: &Value) -> Self {
        Self::new(Some(auth.to_string().into()), Arc::clone(&self.0.head))
    }

    /// Of a plain HTTP request.
    pub(crate) fn of_request(parts: &http::request::Parts) -> Self {
        Self::new(None, Arc::new(RequestHead::of_request(parts)))
    }

    /// The `auth` of the client's options; `null` when there was none.
    #[must_use]
    pub fn auth(&self) -> &Value {
        self.0.auth_value.get_or_init(|| self.auth_as().unwrap_or_default())
    }

    fn auth_as<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_str(self.0.auth.as_deref()?).ok()
    }

    /// A header of the request, when it is there and text. Names are not case-sensitive.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_bytes(name).and_then(text)
    }

    pub(crate) fn header_bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.head.text.header(name)
    }

    /// All headers of the request. Made anew each time; [`header`](Self::header) is cheaper.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let header = |(name, value)| {
            Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?))
        };
        let mut map = HeaderMap::new();
        for (name, value) in self.0.head.text.headers().filter_map(header) {
            map.append(name, value);
        }
        map
    }

    /// The URI of the request, made anew each time. Its query is written into many an access log: no
    /// place for secrets.
    #[must_use]
    pub fn uri(&self) -> Uri {
        self.0.head.text.uri()
    }

    /// A parameter of the query, percent-decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let query: axum::extract::Query<Vec<(String, String)>> =
            axum::extract::Query::try_from_uri(&self.uri()).ok()?;
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
        #[derive(Deserialize)]
        struct Auth<'a> {
            #[serde(borrow)]
            token: &'a RawValue,
        }
        let of_auth = self.auth_as::<Auth<'_>>().and_then(|auth| {
            // Tokens need no escapes, so the text itself will do.
            let borrowed = serde_json::from_str(auth.token.get()).ok();
            borrowed.or_else(|| self.auth()["token"].as_str())
        });
        of_auth
            .or_else(|| self.header(header::AUTHORIZATION.as_str()))
            .map(without_bearer)
            .filter(|token| !token.is_empty())
    }
}

/// Without what may hold a token: `auth`, the headers, the query.
impl fmt::Debug for Handshake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Handshake")
            .field("path", &self.uri().path())
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

/// What [`HeaderValue::to_str`] takes for text.
fn text(value: &[u8]) -> Option<&str> {
    let visible = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    std::str::from_utf8(value).ok().filter(|value| value.as_bytes().iter().all(visible))
}

fn without_bearer(text: &str) -> &str {
    let text = text.trim();
    let (scheme, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") { rest.trim() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::HeadText;

    fn handshake(auth: &str, authorization: Option<&'static str>, uri: &str) -> Handshake {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        let mut head = RequestHead::default();
        head.text = HeadText::new(&uri.parse().unwrap(), &headers);
        Handshake::new(Some(auth.into()), Arc::new(head))
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
        assert_eq!(token(r#"{"token":"\u0061b"}"#, None).as_deref(), Some("ab"));
        assert_eq!(token(r#"{"token":7}"#, Some("b")).as_deref(), Some("b"));
        assert_eq!(token("[]", Some("b")).as_deref(), Some("b"));
    }

    #[test]
    fn its_debug_holds_no_secret() {
        let shown =
            format!("{:?}", handshake(r#"{"token":"s3cret"}"#, Some("s3cret"), "/a?s3cret"));
        assert!(shown.contains("/a") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn the_query_is_decoded() {
        let handshake = handshake("{}", None, "/socket.io/?name=a%20b&EIO=4");
        assert_eq!(handshake.query("name").as_deref(), Some("a b"));
        assert_eq!(handshake.query("other"), None);
    }
}
