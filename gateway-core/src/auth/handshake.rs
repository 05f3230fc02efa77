//! [`Handshake`]: what a client sent when it connected.

use std::{
    error::Error,
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use axum::extract::Query;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    clock::Clock,
    exception::{FieldError, WsException},
    excerpt,
    platform::{Addressed, RequestHead},
    wire::{self, InboundArguments},
};

/// What a client sent when it connected: its `auth` object, and the HTTP request.
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
    /// Parsed when it is first asked for: the tree takes several times as much memory as the text, and every
    /// connection keeps its handshake.
    auth_value: OnceLock<Box<Value>>,
    head: Arc<RequestHead>,
    issued: SystemTime,
}

impl Handshake {
    pub(crate) fn new(auth: Option<Box<str>>, head: Arc<RequestHead>, issued: SystemTime) -> Self {
        Self(Arc::new(Inner { auth, auth_value: OnceLock::new(), head, issued }))
    }

    /// The same request with another `auth`.
    pub(crate) fn with_auth(&self, auth: &Value) -> Self {
        Self::new(Some(auth.to_string().into()), Arc::clone(&self.0.head), self.0.issued)
    }

    /// The handshake of a plain HTTP request.
    pub(crate) fn of_request(parts: &http::request::Parts) -> Self {
        Self::of_head(Arc::new(RequestHead::of_request(parts)))
    }

    /// The handshake of a request that is no client's yet.
    pub(crate) fn of_head(head: Arc<RequestHead>) -> Self {
        Self::new(None, head, Clock::default().wall())
    }

    /// The `auth` from the client's options; an empty object if there was none.
    #[must_use]
    pub fn auth(&self) -> &Value {
        self.0.auth_value.get_or_init(|| {
            let auth = self.0.auth.as_deref().and_then(|auth| wire::read(auth).ok());
            auth.unwrap_or_else(|| Box::new(Value::Object(Map::new())))
        })
    }

    /// The `auth` from the client's options, read as a `T`. If the client sent none, an `Option` is `None`.
    ///
    /// # Errors
    /// `BAD_PAYLOAD`, naming the field that was wrong, or saying that the client sent no `auth`.
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// #[derive(serde::Deserialize)]
    /// struct Auth {
    ///     invitation: String,
    /// }
    ///
    /// # fn invitation(handshake: &Handshake) -> Result<String, WsException> {
    /// let Auth { invitation } = handshake.auth_as()?;
    /// # Ok(invitation) }
    /// ```
    pub fn auth_as<T: DeserializeOwned>(&self) -> Result<T, WsException> {
        /// Keeps a tuple from being read as a list of arguments.
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Whole<T>(T);

        let sent = self.0.auth.as_deref();
        let auth = format!("[{}]", sent.unwrap_or("null"));
        let read = InboundArguments::acknowledgement(&auth, &[]).decode();
        let read = read.map_err(|error| match sent {
            // In words of our own: a token may be among what was sent.
            Some(_) => error.field(false),
            None => FieldError::new("", "the client sent none"),
        });
        read.map(|Whole(auth)| auth).map_err(|error| WsException::unreadable("auth", error))
    }

    /// A header of the request, if it is present and is text. Names are not case-sensitive.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_bytes(name).and_then(text)
    }

    pub(crate) fn header_bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.head.text.header(name)
    }

    /// All headers of the request. The map is built on each call; [`header`](Self::header) is cheaper.
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

    /// The URI of the request, built on each call. Queries end up in access logs, so they are no place for
    /// secrets.
    #[must_use]
    pub fn uri(&self) -> Uri {
        self.0.head.text.uri()
    }

    /// A query parameter, percent-decoded; the first one if several have this name.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        self.queries().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// All query parameters, percent-decoded and in order. They include the protocol's own: `EIO`,
    /// `transport`, `sid`, `t`.
    #[must_use]
    pub fn queries(&self) -> Vec<(String, String)> {
        Query::try_from_uri(&self.uri()).map(|Query(all)| all).unwrap_or_default()
    }

    /// The query parameters, read as a `T` in the way axum's `Query<T>` does. They include the protocol's own,
    /// so `T` must not deny unknown fields.
    ///
    /// # Errors
    /// `BAD_PAYLOAD`, with what was wrong.
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// #[derive(serde::Deserialize)]
    /// struct Version {
    ///     #[serde(default)]
    ///     client: u32,
    /// }
    ///
    /// # fn version(handshake: &Handshake) -> Result<u32, WsException> {
    /// let Version { client } = handshake.query_as()?;
    /// # Ok(client) }
    /// ```
    pub fn query_as<T: DeserializeOwned>(&self) -> Result<T, WsException> {
        /// The length, in bytes, at which the reason is cut: serde quotes what was sent.
        const LONGEST: usize = 256;

        let read = Query::try_from_uri(&self.uri());
        let read = read.map_err(|rejection| {
            // The words that axum puts in front are about HTTP.
            let why = rejection.source().map_or_else(|| rejection.to_string(), ToString::to_string);
            WsException::unreadable("query", FieldError::new("", excerpt::cut(&why, LONGEST)))
        });
        read.map(|Query(parameters)| parameters)
    }

    /// The client's address: the other end of the TCP connection, or, if that is one of the
    /// [trusted proxies](crate::AppBuilder::trusted_proxies), the client that the proxy names. The port is 0 if
    /// a proxy does not name one. An IPv4 address is given as such even if it arrived as IPv6.
    ///
    /// `None` under a server that does not pass addresses on, such as `axum::serve` without
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.head.client.address()
    }

    /// When the client asked to join the namespace, by the calendar (socket.io: `handshake.issued`); for a request of HTTP,
    /// when it came.
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # fn log(handshake: &Handshake) {
    /// let age = handshake.issued().elapsed().unwrap_or_default();
    /// println!("connected for {} s", age.as_secs());
    /// # }
    /// ```
    #[must_use]
    pub fn issued(&self) -> SystemTime {
        self.0.issued
    }

    /// Whether the client uses TLS (socket.io: `handshake.secure`): because the application encrypts its own
    /// port (feature `tls`), or according to the `X-Forwarded-Proto` of a
    /// [trusted proxy](crate::AppBuilder::trusted_proxies) that ends it. From anybody else, the header is ignored.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.addressed().scheme == Some("https")
    }

    /// The server, as the client named it.
    pub(crate) fn addressed(&self) -> Addressed {
        self.0.head.addressed()
    }

    /// The access token: `auth.token`, or else the `Authorization` header, with or without the prefix
    /// `Bearer `. The query is never consulted.
    ///
    /// Browsers cannot set headers on a WebSocket, so `auth.token` comes first.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        #[derive(Deserialize)]
        struct Auth<'a> {
            #[serde(borrow)]
            token: &'a RawValue,
        }
        let auth: Option<Auth<'_>> =
            self.0.auth.as_deref().and_then(|auth| serde_json::from_str(auth).ok());
        let of_auth = auth.and_then(|auth| {
            // Tokens contain nothing that is escaped, so the text can be borrowed.
            let borrowed = serde_json::from_str(auth.token.get()).ok();
            borrowed.or_else(|| self.auth()["token"].as_str())
        });
        of_auth
            .or_else(|| self.header(header::AUTHORIZATION.as_str()))
            .map(without_bearer)
            .filter(|token| !token.is_empty())
    }
}

/// Leaves out what may contain a token: `auth`, the headers, the query.
impl fmt::Debug for Handshake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Handshake")
            .field("path", &self.uri().path())
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

/// What [`HeaderValue::to_str`] accepts as text.
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
    use crate::platform::{HeadText, TrustedProxies};

    fn handshake(auth: &str, authorization: Option<&'static str>, uri: &str) -> Handshake {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        let mut head = RequestHead::default();
        head.text = HeadText::new(&uri.parse().unwrap(), &headers);
        Handshake::new(Some(auth.into()), Arc::new(head), SystemTime::UNIX_EPOCH)
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
    fn it_is_secure_if_a_trusted_proxy_says_so() {
        let of = |trusted: &[&str], scheme: &'static str| {
            let request = http::Request::get("/").header("x-forwarded-proto", scheme).body(());
            let (mut parts, ()) = request.unwrap().into_parts();
            let peer: SocketAddr = "10.0.0.1:5".parse().unwrap();
            parts.extensions.insert(axum::extract::ConnectInfo(peer));
            let networks = trusted.iter().map(|text| text.parse().unwrap());
            TrustedProxies::new(networks).see(&mut parts.extensions, &parts.headers);
            Handshake::of_request(&parts).is_secure()
        };
        assert!(of(&["10.0.0.0/8"], "https") && of(&["10.0.0.0/8"], "WSS"));
        assert!(!of(&["10.0.0.0/8"], "http") && !of(&["10.0.0.0/8"], ""));
        assert!(!of(&["11.0.0.0/8"], "https") && !of(&[], "https"));
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

    #[test]
    fn the_query_is_read_as_a_type() {
        #[derive(Deserialize, Debug, PartialEq)]
        struct Asked {
            name: String,
            #[serde(default)]
            size: u8,
        }

        let asked = |uri| handshake("{}", None, uri).query_as::<Asked>();
        let read = asked("/socket.io/?name=a%20b&size=3&EIO=4").unwrap();
        assert_eq!(read, Asked { name: "a b".into(), size: 3 });
        let missing = asked("/socket.io/?EIO=4").unwrap_err();
        assert_eq!(missing.code(), crate::code::BAD_PAYLOAD);
        assert_eq!(missing.message(), "Bad query: missing field `name`");
        let large = asked("/?name=a&size=300").unwrap_err();
        assert!(large.message().starts_with("Bad query: size: number too large"), "{large}");
        let pairs = handshake("{}", None, "/?a=1&b&a=%32").queries();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (&**k, &**v)).collect();
        assert_eq!(pairs, [("a", "1"), ("b", ""), ("a", "2")]);
    }

    #[test]
    fn auth_is_read_as_a_type() {
        #[derive(Deserialize, Debug)]
        struct Auth {
            invitation: String,
        }

        let read = |auth| handshake(auth, None, "/").auth_as::<Auth>();
        assert_eq!(read(r#"{"invitation":"x"}"#).unwrap().invitation, "x");
        let error = read(r#"{"invitation":5}"#).unwrap_err();
        assert_eq!(error.errors()[0].path, "invitation");
        assert!(error.message().starts_with("Bad auth: `invitation`: "), "{error}");
        assert_eq!(read("null").unwrap_err().code(), crate::code::BAD_PAYLOAD);
        assert_eq!(handshake("[1,2]", None, "/").auth_as::<(u8, u8)>().unwrap(), (1, 2));
        let none = Handshake::new(None, Arc::default(), SystemTime::UNIX_EPOCH);
        assert_eq!(none.auth_as::<Option<u8>>().unwrap(), None);
    }

    #[test]
    fn no_auth_is_told_from_one_that_says_nothing() {
        #[derive(Deserialize, Debug)]
        struct Auth {
            #[serde(default)]
            invitation: Option<String>,
        }

        let none = Handshake::new(None, Arc::default(), SystemTime::UNIX_EPOCH);
        let error = none.auth_as::<Auth>().unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            (crate::code::BAD_PAYLOAD, "Bad auth: the client sent none")
        );
        assert!(none.auth_as::<Option<Auth>>().unwrap().is_none());
        let empty = handshake("{}", None, "/");
        assert_eq!(empty.auth_as::<Auth>().unwrap().invitation, None);
        assert!(empty.auth_as::<Option<Auth>>().unwrap().is_some());
    }
}
