//! Tells a gateway of users who come and go: each user's changes one after the other, those of
//! different users side by side, so that a slow announcement holds up nobody else's.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    future::Future,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use super::{
    OnPresence, PresenceError, named,
    store::{Change, Changes},
};
use crate::{exception::WsException, server::Broadcast};

/// An [`OnPresence`] of any type.
pub(crate) trait Announcer: Send + Sync {
    /// The name of a user in the one form that the gateway's type gives it.
    fn name(&self, user: &str) -> Result<String, PresenceError>;

    fn announce(&self, change: Change, everyone: Broadcast) -> Announcement<'_>;
}

pub(crate) type Announcement<'a> = BoxFuture<'a, Result<(), WsException>>;

impl<G: OnPresence> Announcer for G {
    fn name(&self, user: &str) -> Result<String, PresenceError> {
        Ok(named::<G::User>(user)?.to_string())
    }

    fn announce(&self, Change { user, online }: Change, everyone: Broadcast) -> Announcement<'_> {
        Box::pin(async move {
            let user = named(&user)?;
            match online {
                true => self.user_online(user, everyone).await,
                false => self.user_offline(user, everyone).await,
            }
        })
    }
}

/// Tells of all changes until there are no more.
pub(crate) async fn announce<T>(mut changes: Changes, tell: impl Fn(Change) -> T)
where
    T: Future<Output = Result<(), WsException>>,
{
    /// Users who are told of at once.
    const AT_ONCE: usize = 64;

    let mut telling = FuturesUnordered::new();
    // Of users who are told of: what is told next.
    let mut next: HashMap<Arc<str>, VecDeque<Change>> = HashMap::new();
    let mut more = true;
    loop {
        tokio::select! {
            change = changes.next(), if more && telling.len() < AT_ONCE => match change {
                Some(change) => match next.entry(Arc::clone(&change.user)) {
                    Entry::Occupied(mut told) => told.get_mut().push_back(change),
                    Entry::Vacant(untold) => {
                        untold.insert(VecDeque::new());
                        telling.push(in_time(Arc::clone(&change.user), tell(change)));
                    }
                },
                None => more = false,
            },
            Some(user) = telling.next() => match next.get_mut(&user).and_then(VecDeque::pop_front) {
                Some(change) => telling.push(in_time(user, tell(change))),
                None => drop(next.remove(&user)),
            },
            else => return,
        }
    }
}

/// Tells of one change, to the end or to the end of our patience.
async fn in_time(user: Arc<str>, tell: impl Future<Output = Result<(), WsException>>) -> Arc<str> {
    const PATIENCE: Duration = Duration::from_secs(10);

    match tokio::time::timeout(PATIENCE, AssertUnwindSafe(tell).catch_unwind()).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(exception))) => tracing::error!(%user, %exception, "an announcement failed"),
        Ok(Err(_panic)) => tracing::error!(%user, "an announcement panicked"),
        Err(_) => tracing::error!(%user, "an announcement took too long, and was given up"),
    }
    user
}
