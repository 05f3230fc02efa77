//! Who streams order updates in this process, and how many may.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_core::injectable;
use tokio::sync::watch;

use crate::config::Config;
use crate::limits::Limit;
use crate::user::UserId;

/// The open streams of all users.
#[injectable]
pub(super) struct Streams {
    config: Arc<Config>,
    #[init]
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    users: HashMap<UserId, OfUser>,
    in_all: usize,
}

struct OfUser {
    streams: usize,
    news: watch::Sender<()>,
}

/// One open stream: it changes whenever there is news for its user, and makes room for another when
/// it is dropped.
pub(super) struct Stream {
    streams: Arc<Streams>,
    user: UserId,
    pub(super) changes: watch::Receiver<()>,
}

impl Streams {
    /// One more stream of that user; the limit where that would be one too many.
    pub(super) fn open(self: &Arc<Self>, user: UserId) -> Result<Stream, Limit> {
        let mut open = self.lock();
        if open.in_all >= self.config.streams.get() {
            return Err(Limit::Streams);
        }
        let new = || OfUser { streams: 0, news: watch::channel(()).0 };
        let of_user = open.users.entry(user).or_insert_with(new);
        if of_user.streams >= self.config.streams_per_user.get() {
            return Err(Limit::StreamsPerUser);
        }
        of_user.streams += 1;
        let changes = of_user.news.subscribe();
        open.in_all += 1;
        Ok(Stream { streams: Arc::clone(self), user, changes })
    }

    /// There is news for that user.
    pub(super) fn look(&self, user: UserId) {
        if let Some(of_user) = self.lock().users.get(&user) {
            of_user.news.send_replace(());
        }
    }

    /// There may be news for anybody.
    pub(super) fn look_all(&self) {
        for of_user in self.lock().users.values() {
            of_user.news.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        open.in_all -= 1;
        if let Some(of_user) = open.users.get_mut(&self.user) {
            of_user.streams -= 1;
            if of_user.streams == 0 {
                open.users.remove(&self.user);
            }
        }
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("in_all", &self.lock().in_all).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(1);
    const BEN: UserId = UserId(2);
    const EVE: UserId = UserId(3);

    fn streams(in_all: usize, per_user: usize) -> Arc<Streams> {
        let count = |count: usize| count.to_string();
        let limits = ["--streams", &count(in_all), "--streams-per-user", &count(per_user)];
        let config = Config::of(&limits).unwrap();
        Arc::new(Streams { config: Arc::new(config), open: Mutex::default() })
    }

    #[test]
    fn a_user_and_all_together_have_so_many() {
        let streams = streams(3, 2);
        let first = streams.open(ANN).ok();
        let second = streams.open(ANN).ok();
        assert!(first.is_some() && second.is_some());
        assert_eq!(streams.open(ANN).err(), Some(Limit::StreamsPerUser));
        let third = streams.open(BEN).ok();
        assert_eq!(streams.open(EVE).err(), Some(Limit::Streams));

        drop(second);
        assert!(streams.open(EVE).is_ok());
        drop((first, third));
        assert_eq!(streams.lock().in_all, 0);
        assert!(streams.lock().users.is_empty());
    }

    #[test]
    fn news_is_for_the_streams_of_its_user() {
        let streams = streams(9, 9);
        let (ann, ben) = (streams.open(ANN).ok().unwrap(), streams.open(BEN).ok().unwrap());
        let changed = |stream: &Stream| stream.changes.has_changed().unwrap();
        streams.look(ANN);
        assert_eq!((changed(&ann), changed(&ben)), (true, false));
        streams.look_all();
        assert_eq!((changed(&ann), changed(&ben)), (true, true));
    }
}
