//! Tells a gateway about users who come and go: the changes of one user one after the other, those of
//! different users concurrently, so that a slow announcement holds up only its own user.

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
use crate::{exception::WsException, excerpt, log_limiter::LogLimiter, socket::server::Broadcast};

/// An [`OnPresence`] of any type.
pub(crate) trait Announcer: Send + Sync {
    /// A user's name in the canonical form that the gateway's type gives it.
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

/// Announces changes until there are no more.
pub(crate) async fn announce<T>(mut changes: Changes, tell: impl Fn(Change) -> T)
where
    T: Future<Output = Result<(), WsException>>,
{
    /// How many users are announced concurrently.
    const AT_ONCE: usize = 64;

    let mut telling = FuturesUnordered::new();
    // For each user who is being announced: the changes that come next.
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

/// Announces one change, to completion or for as long as we wait.
async fn in_time(user: Arc<str>, tell: impl Future<Output = Result<(), WsException>>) -> Arc<str> {
    const PATIENCE: Duration = Duration::from_secs(10);
    static LINES: LogLimiter = LogLimiter::of(10);

    let why = match tokio::time::timeout(PATIENCE, AssertUnwindSafe(tell).catch_unwind()).await {
        Ok(Ok(Ok(()))) => return user,
        Ok(Ok(Err(exception))) => exception.logged(),
        Ok(Err(_panic)) => "it panicked".to_owned(),
        Err(_) => "it took too long and was dropped".to_owned(),
    };
    if let Some(times) = LINES.count() {
        tracing::error!(user = excerpt::logged(&user), why, times, "an announcement failed");
    }
    user
}
