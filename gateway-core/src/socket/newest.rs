//! One session per user, for gateways with `sessions = Newest`.
//!
//! Each session has a rank, by which all processes agree on which one is the newest: a session ends those of lower ranks
//! only, so two that begin at once never end each other. Where the cluster cannot be reached, that holds for this process
//! alone.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::BoxFuture;

use crate::{
    cluster::{Adapter, Message},
    socket::connection::Connection,
};

/// In which order sessions have begun: in the cluster, and for those that it knows nothing of, in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    cluster: u64,
    here: u64,
}

/// The newest session of each user who has one in this process.
#[derive(Default)]
pub(crate) struct NewestSessions {
    holders: Mutex<HashMap<Box<str>, Holder>>,
    /// The highest rank of the cluster that this process has heard of.
    highest: AtomicU64,
    begun: AtomicU64,
    /// How a session that was replaced ends: the gateway does that.
    ending: OnceLock<End>,
}

type End = Box<dyn Fn(Arc<Connection>) -> BoxFuture<'static, ()> + Send + Sync>;

struct Holder {
    rank: Rank,
    connection: Weak<Connection>,
}

/// A newer session of the user has begun already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Older;

impl NewestSessions {
    pub(crate) fn end_with(&self, end: End) {
        // Set once, before the first client comes in.
        self.ending.set(end).ok();
    }

    /// The rank of a session that is about to begin.
    pub(crate) async fn rank(&self, adapter: Option<&Adapter>) -> Rank {
        let given = match adapter {
            Some(adapter) => adapter.rank().await,
            None => None,
        };
        // Numbers that publish nothing.
        let highest = self.highest.fetch_max(given.unwrap_or(0), Ordering::Relaxed);
        let here = self.begun.fetch_add(1, Ordering::Relaxed);
        Rank { cluster: given.unwrap_or(highest), here }
    }

    /// Begins the session of a user: the one before has ended when this returns, if it was in this process.
    ///
    /// # Errors
    /// If it is itself not the newest.
    pub(crate) async fn begin(
        &self,
        user: &str,
        connection: &Arc<Connection>,
        rank: Rank,
        adapter: Option<&Adapter>,
    ) -> Result<(), Older> {
        let before = self.put(user, connection, rank)?;
        if let Some(adapter) = adapter {
            adapter.say(Message::Replace { user: user.to_owned(), rank: rank.cluster });
        }
        if let Some(before) = before {
            self.end(before).await;
        }
        Ok(())
    }

    fn put(
        &self,
        user: &str,
        connection: &Arc<Connection>,
        rank: Rank,
    ) -> Result<Option<Arc<Connection>>, Older> {
        let mut holders = self.lock();
        let before = holders.get(user).map(|holder| (holder.rank, holder.connection.upgrade()));
        let is_older = match &before {
            Some((newest, Some(holder))) => *newest > rank && !holder.is_closed(),
            _ => false,
        };
        if !is_older {
            holders.insert(user.into(), Holder { rank, connection: Arc::downgrade(connection) });
        }
        // Before a connection is dropped, which takes itself out.
        drop(holders);
        if is_older { Err(Older) } else { Ok(before.and_then(|(_, holder)| holder)) }
    }

    /// Another process has begun a session of the user.
    pub(crate) fn hear(&self, user: &str, rank: u64, adapter: Option<&Adapter>) {
        self.highest.fetch_max(rank, Ordering::Relaxed);
        let mut holders = self.lock();
        let Some(holder) = holders.get(user) else { return };
        let (ours, connection) = (holder.rank.cluster, holder.connection.upgrade());
        if ours < rank {
            holders.remove(user);
        }
        drop(holders);
        let Some(connection) = connection else { return };
        if ours < rank {
            tokio::spawn(self.end(connection));
        } else if ours > rank
            && let Some(adapter) = adapter
        {
            // That process has heard of ours before its own had come in.
            adapter.say(Message::Replace { user: user.to_owned(), rank: ours });
        }
    }

    /// Takes out a connection that has ended, and not the one that came after it.
    pub(crate) fn forget(&self, connection: &Connection) {
        let Some(user) = connection.user() else { return };
        let mut holders = self.lock();
        let holder = holders.get(&*user);
        if holder.is_some_and(|holder| std::ptr::eq(holder.connection.as_ptr(), connection)) {
            holders.remove(&*user);
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn end(&self, connection: Arc<Connection>) -> BoxFuture<'static, ()> {
        match self.ending.get() {
            Some(end) => end(connection),
            None => Box::pin(async move { connection.disconnect() }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Holder>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
