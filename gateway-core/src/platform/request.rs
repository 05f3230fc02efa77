//! The request a client connected with, detached from the connection's read buffer.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, Method, Request, Uri};
use socketioxide_core::Sid;

use super::{
    Transport,
    forwarded::{Addressed, Client},
    line::Line,
    refusal::Refusal,
};

/// What gateways can read of the handshake's request.
///
/// socketioxide keeps the request for the life of the connection, and header values are slices of
/// hyper's read buffer, which they would keep alive with them. So the head is copied out once, and
/// socketioxide is given a request with nothing but this.
#[derive(Clone, Default)]
pub(crate) struct RequestHead {
    pub(crate) text: HeadText,
    pub(crate) client: Client,
    /// Of the session that the request opens.
    pub(super) line: Line,
}

impl RequestHead {
    /// Of a request that opens a session.
    pub(super) fn of_handshake<B>(request: &Request<B>, line: Line) -> Self {
        let client = Client::of(request.extensions());
        line.is_of(client);
        Self { text: HeadText::new(request.uri(), request.headers()), client, line }
    }

    /// Of a request that does not open a connection.
    pub(crate) fn of_request(parts: &http::request::Parts) -> Self {
        Self {
            text: HeadText::new(&parts.uri, &parts.headers),
            client: Client::of(&parts.extensions),
            ..Self::default()
        }
    }

    /// The server, as the client named it.
    pub(crate) fn addressed(&self) -> Addressed {
        let uri = self.text.uri();
        let authority = uri.authority().map(|authority| authority.as_str());
        self.client.addressed(authority, |name| self.text.values(name))
    }
}

/// A request's URI and headers in one piece, since every connection keeps its own: a map of the
/// headers a browser sends takes kilobytes.
#[derive(Clone, Default)]
pub(crate) struct HeadText(Box<[u8]>);

impl HeadText {
    /// The URI, then a line for each header: neither can contain a line's end, nor a name a colon.
    pub(crate) fn new(uri: &Uri, headers: &HeaderMap) -> Self {
        // Of a request to a server it is the path; the rest is for proxies.
        let uri = match uri.path_and_query() {
            Some(path) if uri.authority().is_none() => Cow::Borrowed(path.as_str()),
            _ => Cow::Owned(uri.to_string()),
        };
        let sizes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 2);
        let mut text = Vec::with_capacity(uri.len() + sizes.sum::<usize>());
        text.extend_from_slice(uri.as_bytes());
        for (name, value) in headers {
            text.push(b'\n');
            text.extend_from_slice(name.as_str().as_bytes());
            text.push(b':');
            text.extend_from_slice(value.as_bytes());
        }
        Self(text.into())
    }

    /// Bytes that are kept.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn uri(&self) -> Uri {
        let uri = self.lines().next().unwrap_or_default();
        Uri::try_from(uri).unwrap_or_default()
    }

    /// The values of all headers of this name.
    pub(crate) fn values(&self, name: &HeaderName) -> Vec<&[u8]> {
        let named = self.headers().filter(|(known, _)| *known == name.as_str().as_bytes());
        named.map(|(_, value)| value).collect()
    }

    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers();
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines().skip(1).filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((&line[..colon], &line[colon + 1..]))
        })
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'\n')
    }
}

/// Whether a request to the server asks for a new session.
pub(crate) fn is_handshake(uri: &Uri) -> bool {
    parameter(uri, "sid=").is_none_or(str::is_empty)
}

/// Whether a request asks for a session of Engine.IO, of whatever version and wherever.
pub(crate) fn asks_for_session(uri: &Uri) -> bool {
    parameter(uri, "EIO=").is_some() && parameter(uri, "transport=").is_some()
}

/// The first parameter of the query of this name, which ends with its `=`.
fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix(name))
}

/// What a request asks of Engine.IO.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A WebSocket: of a new session, or of one that began on polling.
    WebSocket(Option<Sid>),
    /// A new session on polling.
    Session,
    /// The packets of a session on polling.
    Packets(Sid),
    /// To take packets of a client on polling.
    Post(Sid),
}

impl Asked {
    /// Reads a request to a server with these transports.
    ///
    /// # Errors
    /// The answer to a request that is none of these. If there are several reasons, the reference server gives the first in
    /// this order.
    pub(super) fn of(method: &Method, uri: &Uri, offers: Offers) -> Result<Self, Refusal> {
        let transport = match parameter(uri, "transport=") {
            Some("polling") if offers.polling => Transport::Polling,
            Some("websocket") if offers.websocket => Transport::Websocket,
            _ => return Err(Refusal::TransportUnknown),
        };
        let sid = match parameter(uri, "sid=") {
            None | Some("") => None,
            Some(sid) => Some(sid.parse().map_err(|_| Refusal::SessionUnknown)?),
        };
        if sid.is_none() && method != Method::GET {
            return Err(Refusal::BadHandshakeMethod);
        }
        if parameter(uri, "EIO=") != Some("4") {
            return Err(Refusal::UnsupportedVersion);
        }
        match (transport, method, sid) {
            (Transport::Websocket, &Method::GET, sid) => Ok(Self::WebSocket(sid)),
            (Transport::Polling, _, None) => Ok(Self::Session),
            (Transport::Polling, &Method::GET, Some(sid)) => Ok(Self::Packets(sid)),
            (Transport::Polling, &Method::POST, Some(sid)) => Ok(Self::Post(sid)),
            _ => Err(Refusal::BadRequest),
        }
    }
}

impl Asked {
    /// The session that the request names.
    pub(super) fn session(&self) -> Option<Sid> {
        match self {
            Self::WebSocket(sid) => *sid,
            Self::Session => None,
            Self::Packets(sid) | Self::Post(sid) => Some(*sid),
        }
    }
}

/// The transports that a server offers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offers {
    pub(super) polling: bool,
    pub(super) websocket: bool,
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    #[test]
    fn what_is_in_one_piece_is_found() {
        let mut map = HeaderMap::new();
        map.insert(header::HOST, HeaderValue::from_static("localhost:3000"));
        map.append(header::COOKIE, HeaderValue::from_static("a=1"));
        map.append(header::COOKIE, HeaderValue::from_bytes(b"b=\xff:2").unwrap());
        let uri = Uri::from_static("/socket.io/?EIO=4&name=a:b");
        let text = HeadText::new(&uri, &map);
        assert_eq!(text.uri(), uri);
        assert_eq!(text.header("Host"), Some(&b"localhost:3000"[..]));
        assert_eq!(text.header("cookie"), Some(&b"a=1"[..]));
        assert_eq!(text.header("origin"), None);
        assert_eq!(text.headers().last(), Some((&b"cookie"[..], &b"b=\xff:2"[..])));
        assert_eq!(HeadText::new(&uri, &HeaderMap::new()).headers().count(), 0);
        assert_eq!(HeadText::default().uri(), Uri::default());
    }

    const BOTH: Offers = Offers { polling: true, websocket: true };

    fn asked(method: &Method, query: &str, offers: Offers) -> Result<Asked, Refusal> {
        Asked::of(method, &format!("/socket.io/?{query}").parse().unwrap(), offers)
    }

    #[test]
    fn requests_are_told_apart() {
        const SID: &str = "AAAAAAAAAAAAAAAA";
        let sid: Sid = SID.parse().unwrap();
        for (method, query, expected) in [
            (Method::GET, "EIO=4&transport=websocket", Asked::WebSocket(None)),
            (
                Method::GET,
                "sid=AAAAAAAAAAAAAAAA&transport=websocket&EIO=4",
                Asked::WebSocket(Some(sid)),
            ),
            (Method::GET, "EIO=4&transport=polling&t=x", Asked::Session),
            (Method::GET, "EIO=4&transport=polling&sid=", Asked::Session),
            (Method::GET, "EIO=4&transport=websocket&sid=", Asked::WebSocket(None)),
            (Method::GET, "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", Asked::Packets(sid)),
            (Method::POST, "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", Asked::Post(sid)),
        ] {
            assert_eq!(asked(&method, query, BOTH), Ok(expected), "{method} {query}");
        }
    }

    #[test]
    fn what_is_refused_is_told_the_first_reason() {
        for (method, query, expected) in [
            (Method::GET, "", Refusal::TransportUnknown),
            (Method::GET, "EIO=4", Refusal::TransportUnknown),
            (Method::GET, "EIO=4&transport=", Refusal::TransportUnknown),
            (Method::GET, "EIO=4&transport=carrier-pigeon", Refusal::TransportUnknown),
            (Method::GET, "EIO=3&transport=webtransport", Refusal::TransportUnknown),
            (Method::GET, "EIO=4&transport=websocket&sid=short", Refusal::SessionUnknown),
            (Method::POST, "EIO=3&transport=polling&sid=short", Refusal::SessionUnknown),
            (Method::POST, "EIO=4&transport=polling", Refusal::BadHandshakeMethod),
            (Method::PUT, "EIO=3&transport=polling&sid=", Refusal::BadHandshakeMethod),
            (Method::POST, "EIO=4&transport=websocket", Refusal::BadHandshakeMethod),
            (Method::GET, "EIO=3&transport=polling", Refusal::UnsupportedVersion),
            (Method::GET, "EIO=5&transport=websocket", Refusal::UnsupportedVersion),
            (Method::GET, "EIO=&transport=websocket", Refusal::UnsupportedVersion),
            (Method::GET, "transport=websocket", Refusal::UnsupportedVersion),
            (Method::DELETE, "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", Refusal::BadRequest),
        ] {
            assert_eq!(asked(&method, query, BOTH), Err(expected), "{method} {query}");
        }
        let socket = Uri::from_static("/socket.io/");
        assert_eq!(Asked::of(&Method::GET, &socket, BOTH), Err(Refusal::TransportUnknown));
    }

    #[test]
    fn a_transport_that_is_not_offered_is_unknown() {
        let (polling, websocket) = ("EIO=4&transport=polling", "EIO=4&transport=websocket");
        let only = Offers { polling: false, websocket: true };
        assert_eq!(asked(&Method::GET, polling, only), Err(Refusal::TransportUnknown));
        assert_eq!(asked(&Method::GET, websocket, only), Ok(Asked::WebSocket(None)));
        let only = Offers { polling: true, websocket: false };
        assert_eq!(asked(&Method::GET, websocket, only), Err(Refusal::TransportUnknown));
        assert_eq!(asked(&Method::GET, polling, only), Ok(Asked::Session));
    }

    #[test]
    fn an_empty_id_is_none() {
        for (query, handshake) in [("", true), ("sid=", true), ("sid=a", false)] {
            let uri = format!("/socket.io/?EIO=4&{query}").parse().unwrap();
            assert_eq!(is_handshake(&uri), handshake, "{query}");
        }
    }
}
