//! The HTTP side of sessions: each request for the Socket.IO path is given its line, and a WebSocket its stream, before
//! socketioxide sees it.
//!
//! Upgrades are accepted here, and socketioxide is given the stream. So everything below it is ours, whatever serves the
//! application, and over whatever it is served.

mod posts;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use hyper::upgrade::OnUpgrade;
use socketioxide::service::SocketIoService;
use socketioxide_core::Sid;
use tower::Service;

use super::{
    RequestHead, Transport,
    adapter::GatewayAdapter,
    binding::Binding,
    fault::Fault,
    line::{
        Line, LineStream, NoAttempt, PolledBody, Sessions, StreamOptions, Upgraded, WINDOW_BYTES,
        end_session,
    },
    opening,
    porter::Porter,
    reception::{Reception, Ticket},
    refusal::Refusal,
    request::{Asked, Offers},
    serve::ServerOptions,
    server::Peer,
    upgrade,
};
use crate::limits::Limits;

type SocketIo = SocketIoService<NotFound, GatewayAdapter>;

/// The Socket.IO server of an application, for its requests of HTTP. All clones are the same one: so it is
/// also one where a router has it at several routes, or is cloned for every connection.
#[derive(Debug, Clone)]
pub(crate) struct Namespaces(Arc<Door>);

struct Door {
    socket_io: SocketIo,
    reception: Arc<Reception>,
    sessions: Arc<Sessions>,
    binding: Binding,
    options: StreamOptions,
    offers: Offers,
    /// Whether a session on polling may go over to a WebSocket.
    allows_upgrades: bool,
    porter: Porter,
    handshakes: Handshakes,
    upgrade_timeout: Duration,
    tried: Tried,
}

/// The requests for a new session, as socketioxide is told of them: whatever else a client has asked
/// is in the [`RequestHead`].
struct Handshakes {
    polling: Uri,
    websocket: Uri,
}

impl Handshakes {
    fn at(path: &str) -> Self {
        let uri =
            |transport| format!("{path}/?EIO=4&transport={transport}").parse().unwrap_or_default();
        Self { polling: uri("polling"), websocket: uri("websocket") }
    }
}

/// Told of each WebSocket that a session on polling has tried: what has become of it, in a word.
pub(super) type Tried = fn(&'static str);

impl Namespaces {
    pub(super) fn new(
        socket_io: SocketIo,
        options: &ServerOptions,
        limits: &Limits,
        reception: Arc<Reception>,
        tried: Tried,
    ) -> Self {
        let sessions = Sessions::new(poster(&options.path, &socket_io));
        let handshakes = Handshakes::at(&options.path);
        Self(Arc::new(Door {
            socket_io,
            reception,
            sessions,
            binding: Binding::new(options.bind_to_address),
            options: options.streams(limits),
            offers: Offers {
                polling: options.offers(Transport::Polling),
                websocket: options.offers(Transport::Websocket),
            },
            allows_upgrades: options.allows_upgrades,
            porter: options.porter.clone(),
            handshakes,
            upgrade_timeout: options.upgrade_timeout,
            tried,
        }))
    }

    #[cfg(test)]
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }
}

impl Service<Request> for Namespaces {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let door = Arc::clone(&self.0);
        async move { Ok(door.answer(request).await) }.boxed()
    }
}

impl Door {
    async fn answer(&self, request: Request) -> Response {
        let mut response = self.take(request).await;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            // Of one client, and of one moment.
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        response
    }

    async fn take(&self, mut request: Request) -> Response {
        let upgrade = request.extensions_mut().remove::<OnUpgrade>();
        let asked = Asked::of(request.method(), request.uri(), self.offers);
        match asked.and_then(|asked| self.belongs(&request, asked)) {
            Ok(Asked::WebSocket(sid)) => match (sid, upgrade) {
                (_, None) => refuse_websocket(Refusal::BadRequest),
                (None, Some(upgrade)) => {
                    self.open_websocket(request, upgrade).await.unwrap_or_else(closing)
                }
                (Some(_), Some(_)) if !self.allows_upgrades => {
                    refuse_websocket(Refusal::BadRequest)
                }
                (Some(sid), Some(upgrade)) => self.try_websocket(&request, sid, upgrade),
            },
            Ok(Asked::Session) => {
                let head = RequestHead::of_handshake(&request, self.polled_line());
                drop(request);
                self.open_polling(head.into()).await.unwrap_or_else(|refused| refused)
            }
            Ok(Asked::Packets(sid)) => self.hand_out(request, sid).await,
            Ok(Asked::Post(sid)) => match self.sessions.get(sid) {
                Some(line) => self.take_in(request, &line).await,
                None => self.ask(request).await,
            },
            Err(refusal) => {
                if refusal == Refusal::UnsupportedVersion {
                    Fault::Version.report(None);
                }
                match upgrade {
                    Some(_) => refuse_websocket(refusal),
                    None => refusal.into_response(),
                }
            }
        }
    }

    /// Passes on what a client may ask of the session that it names.
    fn belongs(&self, request: &Request, asked: Asked) -> Result<Asked, Refusal> {
        let handshake = asked.session().and_then(|sid| self.sessions.handshake(sid));
        handshake.map_or(Ok(()), |handshake| self.binding.check(&handshake, request))?;
        Ok(asked)
    }

    /// Whether a request may begin a session: whether there is room, and the application allows it.
    async fn enter(&self, head: &Arc<RequestHead>) -> Result<Ticket, Response> {
        let ticket = self.reception.enter(head).map_err(IntoResponse::into_response)?;
        self.porter.admit(head).await?;
        Ok(ticket)
    }

    /// A session that begins as a WebSocket.
    async fn open_websocket(
        &self,
        request: Request,
        upgrade: OnUpgrade,
    ) -> Result<Response, Response> {
        let opened = opening::accept(request.headers());
        let mut response = opened.map_err(IntoResponse::into_response)?;
        let line = Line::new(WINDOW_BYTES);
        let head = Arc::new(RequestHead::of_handshake(&request, line.clone()));
        let ticket = self.enter(&head).await?;
        self.porter.greet(&head, &mut response);
        let visit = self.reception.begin(ticket, head);
        let uri = self.handshakes.websocket.clone();
        let (mut socket_io, options) = (self.socket_io.clone(), self.options);
        tokio::spawn(async move {
            let Ok(upgraded) = upgrade.await else { return };
            let stream = Box::new(LineStream::new(upgraded.into(), line, options));
            let mut request = http::Request::new(());
            *request.uri_mut() = uri;
            request.extensions_mut().insert(visit);
            hand_over(&mut socket_io, stream, request).await;
        });
        if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<Peer>>() {
            // The server opens the session with its own first frame.
            peer.http.hold_head();
        }
        Ok(response)
    }

    /// A session on polling tries a WebSocket, and goes over to it if it proves itself.
    fn try_websocket(&self, request: &Request, sid: Sid, upgrade: OnUpgrade) -> Response {
        let attempt = self.sessions.attempt(sid);
        if let Err(NoAttempt::Unknown) = attempt {
            return refuse_websocket(Refusal::SessionUnknown);
        }
        let response = match opening::accept(request.headers()) {
            Ok(response) => response,
            Err(refusal) => return refuse_websocket(refusal),
        };
        let (mut socket_io, options) = (self.socket_io.clone(), self.options);
        let (uri, patience, tried) = (request.uri().clone(), self.upgrade_timeout, self.tried);
        tokio::spawn(async move {
            let stream = async { upgrade.await.ok().map(Upgraded::from) };
            match upgrade::go_over(stream, attempt, patience, options).await {
                Ok(stream) => {
                    tried("upgraded");
                    let mut request = http::Request::new(());
                    *request.uri_mut() = uri;
                    hand_over(&mut socket_io, Box::new(stream), request).await;
                }
                Err(failed) => {
                    tried(failed.why.as_str());
                    tracing::debug!(why = ?failed.why, "a session stays on polling");
                    failed.dismiss().await;
                }
            }
        });
        response
    }

    fn polled_line(&self) -> Line {
        // A response has at most `max_payload` of packets, and what is in flight must fit into one:
        // what does not, socketioxide sets aside, and forgets where the session goes over to a
        // WebSocket meanwhile. Half of it is left to what base64 adds, and to socketioxide.
        Line::new(WINDOW_BYTES.min(self.options.packets.max_payload / 2))
    }

    /// A session that begins on polling: it is known by the id in socketioxide's first packet.
    async fn open_polling(&self, head: Arc<RequestHead>) -> Result<Response, Response> {
        let ticket = self.enter(&head).await?;
        let visit = self.reception.begin(ticket, Arc::clone(&head));
        let line = head.line.clone();
        let mut handshake = Request::new(Body::empty());
        *handshake.uri_mut() = self.handshakes.polling.clone();
        handshake.extensions_mut().insert(visit);
        let response = self.ask(handshake).await;
        if response.status() != StatusCode::OK {
            return Err(response);
        }
        let (mut parts, mut packets) = into_bytes(response).await;
        if let Some(sid) = opened(&packets) {
            self.sessions.insert(sid, &line, Arc::downgrade(&head));
        }
        if !self.allows_upgrades {
            parts.headers.remove(header::CONTENT_LENGTH);
            packets = without_upgrades(&packets);
        }
        let mut response = Response::from_parts(parts, packets.into());
        self.porter.greet(&head, &mut response);
        Ok(response)
    }

    /// Packets of a session on polling.
    async fn hand_out(&self, request: Request, sid: Sid) -> Response {
        let Some(line) = self.sessions.get(sid) else { return self.ask(request).await };
        let peer = request.extensions().get::<ConnectInfo<Peer>>().cloned();
        let response = tokio::select! {
            biased;
            response = self.ask(request) => response,
            // What is dropped here has waited for packets, and so has taken none.
            () = line.polls_flushed() => return nothing(),
        };
        if response.status() != StatusCode::OK {
            return response;
        }
        let (parts, packets) = into_bytes(response).await;
        if line.is_watched() && end_session(&packets) {
            line.end();
        }
        if let Some(ConnectInfo(peer)) = peer {
            peer.http.polls(&line);
        }
        let packets = PolledBody::new(packets, line, self.options);
        Response::from_parts(parts, Body::new(packets))
    }

    async fn ask(&self, request: Request) -> Response {
        let response = match Service::<Request>::call(&mut self.socket_io.clone(), request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        };
        if response.status() != StatusCode::BAD_REQUEST {
            return response;
        }
        let (_, body) = into_bytes(response).await;
        Refusal::of_answer(&body).into_response()
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Door").finish_non_exhaustive()
    }
}

/// In a box, because socketioxide's futures have places for several of them.
type WebSocket = Box<LineStream<Upgraded>>;

async fn hand_over(socket_io: &mut SocketIo, stream: WebSocket, request: http::Request<()>) {
    // It was read before, so nothing in it is refused now.
    Service::<(WebSocket, http::Request<()>)>::call(socket_io, (stream, request)).await.ok();
}

fn refuse_websocket(refusal: Refusal) -> Response {
    closing(refusal.into_response())
}

/// A client that asked for a WebSocket has no other use for the connection.
fn closing(mut refused: Response) -> Response {
    refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    refused
}

/// A poll's answer that says nothing.
fn nothing() -> Response {
    const NOOP: &str = "6";
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=UTF-8")];
    (headers, NOOP).into_response()
}

/// A response of socketioxide, which has all of its body.
async fn into_bytes(response: Response) -> (http::response::Parts, Bytes) {
    let (parts, body) = response.into_parts();
    (parts, axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default())
}

/// The id of the session that a first packet opens.
fn opened(packet: &[u8]) -> Option<Sid> {
    #[derive(serde::Deserialize)]
    struct Open<'a> {
        #[serde(borrow)]
        sid: &'a str,
    }
    let open: Open<'_> = serde_json::from_slice(packet.strip_prefix(b"0")?).ok()?;
    open.sid.parse().ok()
}

/// A first packet that offers nothing better than polling.
fn without_upgrades(packet: &[u8]) -> Bytes {
    let open = packet.strip_prefix(b"0").and_then(|open| serde_json::from_slice(open).ok());
    let Some(serde_json::Value::Object(mut open)) = open else {
        return Bytes::copy_from_slice(packet);
    };
    open.insert("upgrades".to_owned(), serde_json::json!([]));
    format!("0{}", serde_json::Value::Object(open)).into()
}

/// Sends a packet into a session on polling, by a request as its client would.
fn poster(path: &str, socket_io: &SocketIo) -> impl Fn(Sid, &'static str) + Send + Sync + use<> {
    let (path, socket_io) = (path.to_owned(), socket_io.clone());
    move |sid, packet| {
        // Without a runtime there is no session any more, either.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let uri = format!("{path}/?EIO=4&transport=polling&sid={sid}");
        let mut request = Request::new(Body::from(packet));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.parse().unwrap_or_default();
        let answered = Service::<Request>::call(&mut socket_io.clone(), request);
        runtime.spawn(answered);
    }
}

/// What socketioxide would send on what is not its own: it is asked for nothing else.
#[derive(Debug, Clone)]
pub(crate) struct NotFound;

impl Service<Request> for NotFound {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        ready(Ok(StatusCode::NOT_FOUND.into_response()))
    }
}

#[cfg(test)]
mod tests;
