//! Who follows a feed by HTTP in this process, and how many may.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    exception::{WsException, code},
    limits::{Limits, reached},
};

/// When a client that was one too many may try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The open streams of all users.
pub(super) struct Streams {
    in_all_max: usize,
    per_user_max: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    users: HashMap<String, OfUser>,
    in_all: usize,
}

struct OfUser {
    streams: usize,
    news: watch::Sender<()>,
}

/// One open stream: it changes whenever there is news for its user, and makes room for another when it is dropped.
pub(super) struct Stream {
    streams: Arc<Streams>,
    user: String,
    changes: watch::Receiver<()>,
}

impl Streams {
    pub(super) fn within(limits: &Limits) -> Self {
        Self {
            in_all_max: limits.feed_streams,
            per_user_max: limits.feed_streams_per_user,
            open: Mutex::default(),
        }
    }

    /// One more stream of that user.
    ///
    /// # Errors
    /// If there are as many as there may be.
    pub(super) fn open(self: &Arc<Self>, user: String) -> Result<Stream, WsException> {
        let refused = WsException::throttled(RETRY_AFTER);
        let mut open = self.lock();
        if open.in_all >= self.in_all_max {
            reached::feed_streams("all users");
            return Err(refused.with_code(code::OVERLOADED).with_message("Too many streams"));
        }
        let streams = open.users.get(&user).map_or(0, |of_user| of_user.streams);
        if streams >= self.per_user_max {
            reached::feed_streams_per_user(&user);
            return Err(refused.with_message("Too many streams of this user"));
        }
        let new = || OfUser { streams: 0, news: watch::channel(()).0 };
        let of_user = open.users.entry(user.clone()).or_insert_with(new);
        of_user.streams += 1;
        let changes = of_user.news.subscribe();
        open.in_all += 1;
        Ok(Stream { streams: Arc::clone(self), user, changes })
    }

    /// There is news for that user.
    pub(super) fn look(&self, user: &str) {
        if let Some(of_user) = self.lock().users.get(user) {
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

impl Stream {
    /// From now on, [`news`](Self::news) is what comes after this.
    pub(super) fn begin_to_look(&mut self) {
        self.changes.mark_unchanged();
    }

    /// Resolves when there may be news.
    pub(super) async fn news(&mut self) {
        // The sender is there for as long as this stream is.
        self.changes.changed().await.ok();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(in_all: usize, per_user: usize) -> Arc<Streams> {
        let limits = Limits::default().feed_streams(in_all).feed_streams_per_user(per_user);
        Arc::new(Streams::within(&limits))
    }

    #[test]
    fn a_user_and_all_together_have_so_many() {
        let streams = streams(3, 2);
        let open = |user: &str| streams.open(user.to_owned());
        let refused = |user: &str| {
            let refused = open(user).err().expect("a refusal");
            (refused.code().to_owned(), refused.retry_after())
        };
        let (first, second) = (open("ann").ok().unwrap(), open("ann").ok().unwrap());
        assert_eq!(refused("ann"), ("THROTTLED".to_owned(), Some(5)));
        let third = open("ben").ok().unwrap();
        assert_eq!(refused("eve"), ("OVERLOADED".to_owned(), Some(5)));

        drop(second);
        assert!(open("eve").is_ok());
        drop((first, third));
        assert_eq!(streams.lock().in_all, 0);
        assert!(streams.lock().users.is_empty());
    }

    /// Who is refused leaves nothing behind.
    #[test]
    fn a_limit_of_none_keeps_nobody() {
        let streams = streams(3, 0);
        assert!(streams.open("ann".to_owned()).is_err());
        assert!(streams.lock().users.is_empty());
    }

    #[test]
    fn news_is_for_the_streams_of_its_user() {
        let streams = streams(9, 9);
        let open = |user: &str| streams.open(user.to_owned()).ok().unwrap();
        let (ann, ben) = (open("ann"), open("ben"));
        let changed = |stream: &Stream| stream.changes.has_changed().unwrap();
        streams.look("ann");
        assert_eq!((changed(&ann), changed(&ben)), (true, false));
        streams.look_all();
        assert_eq!((changed(&ann), changed(&ben)), (true, true));
    }
}
