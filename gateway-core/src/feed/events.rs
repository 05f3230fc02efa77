//! A feed without a socket: Server-Sent Events.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::{
    extract::{FromRequestParts, Request},
    response::{
        IntoResponse, Response,
        sse::{Event as Sent, KeepAlive, Sse},
    },
};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, request::Parts};

use super::{Feed, FeedStore, Shared, Unseen, named, streams::Stream};
use crate::{
    auth::handshake::Handshake,
    call::extract::{Inject, http::authenticated},
    clock,
    exception::WsException,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How long a client waits before it comes back.
const RETRY: Duration = Duration::from_secs(1);

/// Answers a request with a [`Feed`] as Server-Sent Events, for clients without a socket: a handler for
/// [`routes`](crate::AppBuilder::routes).
///
/// The user is whom the gateway's authenticator makes of the request. The stream has the user's updates from now on, or
/// those after the `Last-Event-ID` that the client names, settled or not; the `id` of an event is the update's number. It
/// ends when the user's session does, when the application stops, and when the store cannot be read: the client comes back
/// and goes on where it was. How many may be open is in [`Limits`](crate::Limits): `feed_streams`, answered with 503, and
/// `feed_streams_per_user`, answered with 429.
///
/// A browser's `EventSource` cannot send a token but in the URL, which is in the log of every proxy: a page reads the
/// stream with `fetch`.
///
/// ```
/// use axum::{Router, routing::get};
/// use gateway_core::{FeedStore, feed_events, prelude::*};
///
/// fn with_feed<S: FeedStore>(builder: AppBuilder) -> AppBuilder {
///     builder.feed::<S>().routes(Router::new().route("/updates", get(feed_events::<S>)))
/// }
/// ```
pub async fn feed_events<S: FeedStore>(request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    follow::<S>(&mut parts).await.unwrap_or_else(|refused| refused)
}

async fn follow<S: FeedStore>(parts: &mut Parts) -> Result<Response, Response> {
    let Inject(feed) = Inject::<Feed<S>>::from_request_parts(parts, &()).await?;
    let feed = Arc::clone(&feed.shared);
    let identity = feed.server.open_namespace().identity.key;
    let (session, handshake) = authenticated(parts, identity).await?;
    let refused = WsException::into_response;
    let user = named::<S>(session.user()).map_err(|error| refused(error.into()))?;
    // Before anything is read, so that nothing that is announced after that goes unnoticed.
    let stream = feed.streams.open(user.to_string()).map_err(refused)?;
    let newest = feed.store.newest(&user).await.map_err(refused)?;
    let last = last_event(&parts.headers, newest).unwrap_or(newest);
    // Sent at once: a client that is cut off before the first update knows where to go on, too.
    let begin = Sent::default().id(last.to_string()).retry(RETRY);
    let remaining = session.expires_at().map_or(Duration::MAX, |end| feed.clock.until(end));
    let (expired, stopping) = (clock::after(remaining), feed.stopping.requested());
    let end = Box::pin(async move {
        tokio::select! {
            () = stopping => {}
            () = tokio::time::sleep_until(expired) => {}
        }
    });
    let updates = Updates { feed, user, handshake, stream, last, page: VecDeque::new() };
    let updates = stream::unfold(updates, Updates::next).take_until(end);
    let events = stream::once(async { Ok(begin) }).chain(updates);
    // A proxy that collects what it passes on would keep the updates to itself.
    let headers = [(X_ACCEL_BUFFERING, "no")];
    Ok((headers, Sse::new(events).keep_alive(KeepAlive::default())).into_response())
}

/// The number after which the client wants to go on, if it says so. One that is not ours, or of a store that is no more,
/// is 0: all there is comes again.
fn last_event(headers: &HeaderMap, newest: i64) -> Option<i64> {
    let last = headers.get(LAST_EVENT_ID)?.to_str().ok().and_then(|last| last.parse().ok());
    Some(last.filter(|number| (0..=newest).contains(number)).unwrap_or_default())
}

/// The updates of one user, a page in memory at most: a client that reads slowly is only asked for more when it has taken
/// what it was sent.
struct Updates<S: FeedStore> {
    feed: Arc<Shared<S>>,
    user: S::User,
    handshake: Handshake,
    stream: Stream,
    last: i64,
    page: VecDeque<S::Update>,
}

impl<S: FeedStore> Updates<S> {
    /// The next one, as soon as there is one. An error ends the stream.
    async fn next(mut self) -> Option<(Result<Sent, axum::Error>, Self)> {
        let update = match self.read().await {
            Ok(update) => update,
            Err(exception) => {
                let (event, user) = (Feed::<S>::NAME, &self.user);
                tracing::error!(event, %user, exception = exception.logged(), "a stream of updates broke off");
                return None;
            }
        };
        let sent = Sent::default().event(Feed::<S>::NAME).id(self.last.to_string());
        let sent = sent.json_data(S::event(&update, &self.handshake));
        Some((sent, self))
    }

    async fn read(&mut self) -> Result<S::Update, WsException> {
        loop {
            if let Some(update) = self.page.pop_front() {
                self.last = S::number(&update);
                return Ok(update);
            }
            self.stream.begin_to_look();
            // All of them are new to whoever has seen none before.
            let unseen = Unseen { after: self.last, since: 0 };
            self.page = self.feed.store.unseen(&self.user, unseen).await?.into();
            if self.page.is_empty() {
                self.stream.news().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_goes_on_where_it_was() {
        let last =
            |id: &str| last_event(&HeaderMap::from_iter([(LAST_EVENT_ID, id.parse().unwrap())]), 5);
        assert_eq!(last_event(&HeaderMap::new(), 5), None);
        assert_eq!((last("0"), last("3"), last("5")), (Some(0), Some(3), Some(5)));
        for foreign in ["6", "-1", "", "x", "3.0", "99999999999999999999"] {
            assert_eq!(last(foreign), Some(0), "{foreign}");
        }
    }
}
