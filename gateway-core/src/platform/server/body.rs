//! The body of a request, which must come at some pace.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::{Peer, Times};
use crate::{clock, limits::reached};

/// Counts only the time in which somebody waits for it: a handler that looks away costs its client
/// nothing.
pub(super) struct PacedBody<B = Incoming> {
    body: B,
    peer: Peer,
    times: Times,
    bytes: u64,
    /// For how long it was waited for, before the current wait.
    waited: Duration,
    wait: Option<Box<Wait>>,
}

struct Wait {
    since: Instant,
    over: Pin<Box<Sleep>>,
}

impl<B: HttpBody<Data = Bytes> + Unpin> PacedBody<B> {
    pub(super) fn new(body: B, peer: Peer, times: Times) -> Self {
        Self { body, peer, times, bytes: 0, waited: Duration::ZERO, wait: None }
    }

    /// How long the next byte may take.
    fn patience(&self) -> Duration {
        let Times { body, body_rate, .. } = self.times;
        if body_rate == 0 {
            return body;
        }
        let earned = Duration::from_millis(self.bytes.saturating_mul(1000) / body_rate as u64);
        body.min(body.saturating_add(earned).saturating_sub(self.waited))
    }
}

impl<B> HttpBody for PacedBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            if let Some(wait) = this.wait.take() {
                this.waited += wait.since.elapsed();
            }
            if let Some(Ok(frame)) = &frame {
                this.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            if frame.is_none() || this.body.is_end_stream() {
                this.peer.http.has_body();
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let patience = this.patience();
        let wait = this.wait.get_or_insert_with(|| {
            Box::new(Wait { since: clock::now(), over: Box::pin(sleep(patience)) })
        });
        ready!(wait.over.as_mut().poll(context));
        this.peer.http.body_is_late();
        let by = this.peer.address;
        if patience < this.times.body {
            reached::body_rate(by);
        } else {
            reached::body_timeout(by);
        }
        Poll::Ready(Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for PacedBody<B> {
    fn drop(&mut self) {
        // Nobody waits for the rest of it.
        self.peer.http.has_body();
    }
}

/// The client did not send its request's body in time.
#[derive(Debug)]
struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the body of the request came too slowly")
    }
}

impl Error for TooSlow {}
