//! Tells a gateway about users who come and go. Either one change at a time: the changes of one user one after
//! the other, those of different users concurrently, so that a slow announcement holds up only its own user.
//! Or many changes at once, at a bounded rate, for gateways that ask for it.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, Fuse, FuturesUnordered},
};
use tokio::time::sleep_until;

use super::{
    OnPresence, PresenceError,
    changes::{Declined, PresenceChange, PresenceChanges},
    named,
    store::{Change, Changes},
};
use crate::{
    clock, exception::WsException, excerpt, log_limiter::LogLimiter, socket::broadcast::Broadcast,
};

/// An [`OnPresence`] of any type.
pub(crate) trait Announcer: Send + Sync {
    /// A user's name in the canonical form that the gateway's type gives it.
    fn name(&self, user: &str) -> Result<String, PresenceError>;

    /// Announces one change.
    fn announce(&self, change: Change, everyone: Broadcast) -> Announcement<'_, ()>;

    /// Announces all these changes, unless the gateway wants to be told of one at a time.
    fn announce_all(&self, changes: Arc<[Change]>, everyone: Broadcast) -> Announcement<'_, Batch>;
}

pub(crate) type Announcement<'a, T> = BoxFuture<'a, Result<T, WsException>>;

/// What has become of many changes that a gateway was told of at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Batch {
    Announced,
    /// The gateway wants to be told of one change at a time, and has announced none of these.
    Declined,
}

impl<G: OnPresence> Announcer for G {
    fn name(&self, user: &str) -> Result<String, PresenceError> {
        Ok(named::<G::User>(user)?.to_string())
    }

    fn announce(
        &self,
        Change { user, online }: Change,
        everyone: Broadcast,
    ) -> Announcement<'_, ()> {
        Box::pin(async move {
            let user = named(&user)?;
            match online {
                true => self.user_online(user, everyone).await,
                false => self.user_offline(user, everyone).await,
            }
        })
    }

    fn announce_all(&self, changes: Arc<[Change]>, everyone: Broadcast) -> Announcement<'_, Batch> {
        Box::pin(async move {
            let typed = changes.iter().filter_map(|Change { user, online }| match named(user) {
                Ok(user) => Some(PresenceChange { user, online: *online }),
                Err(error) => {
                    log_failure(user, &error.to_string());
                    None
                }
            });
            let typed: Vec<_> = typed.collect();
            if typed.is_empty() {
                return Ok(Batch::Announced);
            }
            let declined = Declined::default();
            let changes = PresenceChanges::new(typed, Arc::clone(&declined));
            self.users_changed(changes, everyone).await?;
            Ok(if declined.get().is_some() { Batch::Declined } else { Batch::Announced })
        })
    }
}

/// Announces changes until there are no more: with `all`, or, from the first time that it declines, with `one`.
pub(crate) async fn announce<One, All>(
    changes: Changes,
    one: impl Fn(Change) -> One,
    all: impl Fn(Arc<[Change]>) -> All,
) where
    One: Future<Output = Result<(), WsException>>,
    All: Future<Output = Result<Batch, WsException>>,
{
    /// Between two calls of `all`, at least.
    const PAUSE: Duration = Duration::from_millis(100);

    let mut changes = changes.fuse();
    let mut next_call = clock::now();
    while let Some(first) = changes.next().await {
        sleep_until(next_call).await;
        next_call = clock::now() + PAUSE;
        let batch: Arc<[Change]> = batch(first, &mut changes).await.into();
        match in_time(all(Arc::clone(&batch))).await {
            Ok(Batch::Announced) => {}
            Ok(Batch::Declined) => {
                let declined = stream::iter(batch.to_vec());
                return one_by_one(declined.chain(changes).boxed(), one).await;
            }
            Err(why) => log_failures(batch.len(), &why),
        }
    }
}

/// A change, and all others that are there already.
async fn batch(first: Change, changes: &mut Fuse<Changes>) -> Vec<Change> {
    let mut batch = vec![first];
    let rest = poll_fn(|context| {
        while let Poll::Ready(Some(change)) = changes.poll_next_unpin(context) {
            batch.push(change);
        }
        Poll::Ready(())
    });
    // tokio would pretend after some that there are no more, to let others have their turn.
    tokio::task::unconstrained(rest).await;
    batch
}

/// Announces changes one at a time until there are no more.
pub(super) async fn one_by_one<T>(mut changes: Changes, tell: impl Fn(Change) -> T)
where
    T: Future<Output = Result<(), WsException>>,
{
    /// How many users are announced concurrently.
    const AT_ONCE: usize = 64;

    let tell = |change: Change| {
        let user = Arc::clone(&change.user);
        let telling = tell(change);
        async move {
            if let Err(why) = in_time(telling).await {
                log_failure(&user, &why);
            }
            user
        }
    };
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
                        telling.push(tell(change));
                    }
                },
                None => more = false,
            },
            Some(user) = telling.next() => match next.get_mut(&user).and_then(VecDeque::pop_front) {
                Some(change) => telling.push(tell(change)),
                None => drop(next.remove(&user)),
            },
            else => return,
        }
    }
}

/// Makes an announcement, to completion or for as long as we wait; or else why it failed.
async fn in_time<T>(tell: impl Future<Output = Result<T, WsException>>) -> Result<T, String> {
    const PATIENCE: Duration = Duration::from_secs(10);

    match tokio::time::timeout(PATIENCE, AssertUnwindSafe(tell).catch_unwind()).await {
        Ok(Ok(Ok(told))) => Ok(told),
        Ok(Ok(Err(exception))) => Err(exception.logged()),
        Ok(Err(_panic)) => Err("it panicked".to_owned()),
        Err(_) => Err("it took too long and was dropped".to_owned()),
    }
}

static LINES: LogLimiter = LogLimiter::of(10);

fn log_failure(user: &str, why: &str) {
    if let Some(times) = LINES.count() {
        tracing::error!(user = excerpt::logged(user), why, times, "an announcement failed");
    }
}

fn log_failures(changes: usize, why: &str) {
    if let Some(times) = LINES.count() {
        tracing::error!(changes, why, times, "an announcement failed");
    }
}
