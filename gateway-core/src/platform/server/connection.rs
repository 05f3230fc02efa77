//! One connection, as long as it speaks HTTP.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::ConnectInfo,
};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    sync::watch,
    time::{Duration, Instant, sleep_until},
};
use tower::Service;

use super::{Going, Peer, Times, body::PacedBody, listener::PeerAddress};
use crate::{
    clock,
    limits::reached,
    platform::line::{self, Below, HttpStream, Stage},
};

pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) times: Times,
    pub(super) goes: watch::Receiver<Going>,
}

/// How long a client that is still sending its request may go on, once the server goes out.
const LAST_BYTES: Duration = Duration::from_secs(1);

impl Connection {
    pub(super) async fn serve<S: Below + Send + 'static>(
        self,
        stream: HttpStream<S>,
        router: Router,
    ) {
        let Self { peer, times, mut goes } = self;
        let http = peer.http.clone();
        let mut builder = http1::Builder::new();
        // Without a timer, and so without its own time for a head, which includes the pause before it.
        builder.max_header_size(times.head_bytes);
        let service = service_fn(|request| answer(router.clone(), &peer, times, request));
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let mut connection = pin!(connection);
        let mut look = pin!(sleep_until(clock::after(times.look())));
        let mut going = Going::On;
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        if error.is_parse_too_large() {
                            reached::head_bytes(peer.address);
                        }
                        tracing::debug!(address = %peer.address, %error, "a connection has ended");
                    }
                    return;
                }
                changed = goes.changed() => {
                    // Nobody is there to say any more where serving was given up.
                    going = if changed.is_ok() { *goes.borrow_and_update() } else { Going::Over };
                    if going == Going::Over || matches!(http.stage(), Stage::Head { .. }) {
                        return;
                    }
                    // One with nothing to do ends now, but for what is still to be written.
                    connection.as_mut().graceful_shutdown();
                    look.as_mut().reset(clock::after(LAST_BYTES));
                }
                () = look.as_mut() => match going {
                    Going::On => match due(http.stage(), times) {
                        Ok(next) => look.as_mut().reset(next),
                        Err(reached) => {
                            reached(peer.address);
                            return;
                        }
                    },
                    _ if http.is_reading_body() || http.stage() != Stage::Request => return,
                    // The rest is the server's to answer.
                    _ => look.as_mut().reset(clock::after(times.head)),
                },
            }
        }
    }
}

/// When to look again, or which limit is reached. Never later than what begins meanwhile could be overdue.
fn due(stage: Stage, times: Times) -> Result<Instant, fn(PeerAddress)> {
    let now = clock::now();
    let (over, reached): (_, fn(PeerAddress)) = match stage {
        Stage::Head { since } => (clock::later(since, times.head), reached::head_timeout),
        Stage::Idle { since } => (clock::later(since, times.keep_alive), reached::keep_alive),
        Stage::Request => return Ok(clock::later(now, times.look())),
    };
    if over <= now { Err(reached) } else { Ok(over.min(clock::later(now, times.look()))) }
}

async fn answer(
    mut router: Router,
    peer: &Peer,
    times: Times,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let has_body = !request.body().is_end_stream();
    let of = peer.http.begin_request(has_body);
    let mut request = request.map(|body| {
        if has_body { Body::new(PacedBody::new(body, peer.clone(), times)) } else { Body::empty() }
    });
    request.extensions_mut().insert(ConnectInfo(peer.clone()));
    let mut response = Service::call(&mut router, request).await?;
    if peer.http.is_body_late() {
        *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| AnswerBody { body, _of: of }))
}

/// A response's body: with it, the request is over.
struct AnswerBody {
    body: Body,
    _of: line::Request,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
