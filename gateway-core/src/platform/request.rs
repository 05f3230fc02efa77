//! The request a client connected with, detached from the connection's read buffer.

use std::{
    borrow::Cow,
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll},
};

use axum::extract::ConnectInfo;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};
use hyper::upgrade::OnUpgrade;

use super::{
    io::{Line, State},
    serve::Peer,
};

/// What gateways can read of the handshake's request.
///
/// The base keeps the request for the life of the connection, and header values are slices of
/// hyper's read buffer, which they would keep alive with them. So the head is copied out once, and
/// the request goes on with only the headers the handshake itself needs.
#[derive(Clone, Default)]
pub(crate) struct RequestHead {
    pub(crate) text: HeadText,
    pub(crate) address: Option<SocketAddr>,
    /// The TCP connection, where the session began as a WebSocket.
    pub(super) line: Option<Line>,
    pub(super) lines: Lines,
}

impl RequestHead {
    /// Of a request that opens no connection.
    pub(crate) fn of_request(parts: &http::request::Parts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        Self {
            text: HeadText::new(&parts.uri, &parts.headers),
            address: peer.map(|ConnectInfo(peer)| peer.address),
            ..Self::default()
        }
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

    pub(crate) fn uri(&self) -> Uri {
        let uri = self.lines().next().unwrap_or_default();
        Uri::try_from(uri).unwrap_or_default()
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

/// The TCP connections of sessions that began on polling and went over to a WebSocket, by session:
/// the request the base keeps came on another one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<HashMap<String, Weak<State>>>>);

impl Lines {
    pub(super) fn get(&self, session: &str) -> Option<Line> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.get(session).and_then(Line::upgrade)
    }

    fn insert(&self, session: String, line: &Line) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody tells when a connection ends, so the dead are swept before the map grows.
        if lines.len() == lines.capacity() {
            lines.retain(|_, line| line.strong_count() > 0);
        }
        lines.insert(session, line.downgrade());
    }
}

/// What the base reads of a request's headers.
const HANDSHAKE_HEADERS: [HeaderName; 2] = [header::SEC_WEBSOCKET_KEY, header::CONTENT_TYPE];

/// Whether a request is for the server at `base`: that path, or one below it.
pub(crate) fn is_under(path: &str, base: &str) -> bool {
    let rest = path.strip_prefix(base.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a request asks the server at `base` for a new session.
pub(crate) fn is_handshake(uri: &Uri, base: &str) -> bool {
    let mut parameters = uri.query().unwrap_or("").split('&');
    is_under(uri.path(), base) && !parameters.any(|pair| pair.starts_with("sid="))
}

/// Puts a [`RequestHead`] into the extensions of requests for the Socket.IO path.
#[derive(Debug, Clone)]
pub(crate) struct DetachLayer {
    path: Arc<str>,
    lines: Lines,
}

impl DetachLayer {
    pub(crate) fn new(path: &str) -> Self {
        Self { path: path.into(), lines: Lines::default() }
    }
}

impl<S> tower::Layer<S> for DetachLayer {
    type Service = Detach<S>;

    fn layer(&self, inner: S) -> Detach<S> {
        Detach { inner, layer: self.clone() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Detach<S> {
    inner: S,
    layer: DetachLayer,
}

impl<S, B> tower::Service<Request<B>> for Detach<S>
where
    S: tower::Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if is_under(request.uri().path(), &self.layer.path) {
            detach(&mut request, &self.layer.lines);
        }
        self.inner.call(request)
    }
}

fn detach<B>(request: &mut Request<B>, lines: &Lines) {
    let text = HeadText::new(request.uri(), request.headers());
    let uri = text.uri();
    let mut kept = HeaderMap::with_capacity(1);
    for name in HANDSHAKE_HEADERS {
        let value = request.headers().get(&name).map(HeaderValue::as_bytes);
        if let Some(Ok(copy)) = value.map(HeaderValue::from_bytes) {
            kept.insert(name, copy);
        }
    }
    *request.headers_mut() = kept;

    let mut extensions = std::mem::take(request.extensions_mut());
    let peer = extensions.remove::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer);
    let address = peer.as_ref().map(|peer| peer.address).or_else(|| {
        extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| *address)
    });
    let line = peer.and_then(|peer| {
        let websocket = WebSocketRequest::of(&uri)?;
        let Some(session) = websocket.session else {
            // The server opens the session with its own first frame.
            peer.line.hold_head();
            return Some(peer.line);
        };
        lines.insert(session.to_owned(), &peer.line);
        None
    });
    *request.uri_mut() = uri;
    // What axum's router leaves here are slices of the same buffer; the base needs the upgrade.
    if let Some(upgrade) = extensions.remove::<OnUpgrade>() {
        request.extensions_mut().insert(upgrade);
    }
    let head = RequestHead { text, address, line, lines: lines.clone() };
    request.extensions_mut().insert(Arc::new(head));
}

/// A request for a WebSocket.
struct WebSocketRequest<'a> {
    /// The session that began on polling and goes over to it.
    session: Option<&'a str>,
}

impl<'a> WebSocketRequest<'a> {
    /// As the base reads it.
    fn of(uri: &'a Uri) -> Option<Self> {
        let query = uri.query()?;
        let parameter = |name| query.split('&').find_map(|pair| pair.strip_prefix(name));
        let transport = parameter("transport=")?.split('=').next();
        (transport == Some("websocket")).then(|| Self { session: parameter("sid=") })
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_websocket_may_continue_a_session() {
        let session = |query: &str| {
            let uri: Uri = format!("/socket.io/?{query}").parse().unwrap();
            WebSocketRequest::of(&uri).map(|request| request.session.map(str::to_owned))
        };
        assert_eq!(session("EIO=4&transport=websocket"), Some(None));
        assert_eq!(session("sid=a&transport=websocket"), Some(Some("a".to_owned())));
        assert_eq!(session("transport=websocket=x"), Some(None));
        assert_eq!(session("transport=polling&sid=a"), None);
        assert_eq!(session("EIO=4"), None);
    }
}
