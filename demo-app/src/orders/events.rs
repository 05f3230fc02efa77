//! Updates without a socket: Server-Sent Events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{StreamExt as _, stream};
use gateway_core::Event as _;
use gateway_core::prelude::*;

use super::model::{OrderUpdate, Update};
use super::store::OrderStore;
use super::streams::{Stream, Streams};
use crate::http::{LAST_EVENT_ID, overloaded, too_many_streams};
use crate::language::Language;
use crate::limits::Limit;
use crate::user::{User, UserId};

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How long a client waits before it comes back.
const RETRY: Duration = Duration::from_secs(1);

/// `GET /orders/events`: what devices in `/chat` are told, from now on, or from the event on that
/// the client had last.
///
/// The token comes in the header, as everywhere. A browser's `EventSource` cannot send one, and
/// what it can send, a token in the URL, would stand in the log of every proxy on the way: a page
/// reads the stream with `fetch`.
pub(super) async fn follow(
    Identity(user): Identity<User>,
    language: Language,
    Inject(orders): Inject<OrderStore>,
    Inject(streams): Inject<Streams>,
    Inject(stopping): Inject<Stopping>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, WsException> {
    // Before anything is read, so that no change after that goes unnoticed.
    let stream = streams.open(user.id).map_err(refused)?;
    let newest = orders.newest(user.id).await?;
    let last = match headers.get(LAST_EVENT_ID) {
        None => newest,
        // One that is not ours, or of a database that is no more: all there is comes again.
        Some(last) => {
            let number = last.to_str().ok().and_then(|last| last.parse().ok());
            number.filter(|number| (0..=newest).contains(number)).unwrap_or_default()
        }
    };
    // Sent at once: a client that is cut off before the first update knows where to go on, too.
    let begin = Event::default().id(last.to_string()).retry(RETRY);
    let remaining = user.remaining();
    let ends = async move {
        tokio::select! {
            () = stopping.requested() => {}
            () = tokio::time::sleep(remaining) => {}
        }
    };
    let updates = Updates { user: user.id, language, orders, stream, last, page: VecDeque::new() };
    let updates = stream::unfold(updates, Updates::next).take_until(Box::pin(ends));
    let events = stream::once(async { Ok(begin) }).chain(updates);
    // A proxy that collects what it passes on would keep the updates to itself.
    let headers = [(X_ACCEL_BUFFERING, "no")];
    Ok((headers, Sse::new(events).keep_alive(KeepAlive::default())))
}

fn refused(limit: Limit) -> WsException {
    limit.reached();
    match limit {
        Limit::StreamsPerUser => too_many_streams(),
        _ => overloaded(),
    }
}

/// The updates of one user, a page in memory at most: a client that reads slowly is only asked for
/// more when it has taken what it was sent.
struct Updates {
    user: UserId,
    language: Language,
    orders: Arc<OrderStore>,
    stream: Stream,
    last: i64,
    page: VecDeque<Update>,
}

impl Updates {
    /// The next one, as soon as there is one. An error ends the stream: the client comes back, and
    /// goes on where it was.
    async fn next(mut self) -> Option<(Result<Event, axum::Error>, Self)> {
        let update = match self.read().await {
            Ok(update) => update,
            Err(error) => {
                tracing::error!(user = %self.user, %error, "a stream of order updates broke off");
                return None;
            }
        };
        let event = Event::default().event(OrderUpdate::NAME).id(update.number.to_string());
        let told = OrderUpdate::new(&update, self.language);
        Some((event.json_data(told), self))
    }

    async fn read(&mut self) -> Result<Update, WsException> {
        loop {
            if let Some(update) = self.page.pop_front() {
                self.last = update.number;
                return Ok(update);
            }
            self.stream.changes.mark_unchanged();
            self.page = self.orders.after(self.user, self.last).await?.into();
            if self.page.is_empty() {
                // The service that tells of changes lives as long as the server.
                self.stream.changes.changed().await?;
            }
        }
    }
}
