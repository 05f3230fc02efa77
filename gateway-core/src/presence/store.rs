//! Where presence is stored.

use std::{collections::VecDeque, sync::Arc};

use futures_util::{
    future::{BoxFuture, ready},
    stream::BoxStream,
};
use metrics::Gauge;

use super::PresenceError;
use crate::platform::SocketId;

/// Which devices are connected, and whose they are. Everything about a user is decided here, in one order.
///
/// A store may be shared by many processes. It then also knows which of them are alive: the devices of a
/// process that is not have left. While it cannot be reached, nobody comes or goes; what is reported in the meantime is
/// kept, and counts once it can. That is no error, which would send clients away.
pub(crate) trait PresenceStore: Send + Sync {
    /// A device has connected. Reporting it twice has no further effect.
    fn arrive<'a>(&'a self, user: &'a str, device: Device) -> Answer<'a, ()>;

    /// A device has left. Reporting it twice has no further effect. It never arrives again: a client that comes
    /// back is a new device.
    fn leave<'a>(&'a self, user: &'a str, device: Device) -> Answer<'a, ()>;

    /// The users who are online, including those within their grace: what has changed since an earlier answer,
    /// or all of them. It does not wait: what a store shares with others, it knows by heart.
    fn online(&self, since: Option<Version>) -> Online;

    /// Whether a user is online, or within the grace. It does not wait either.
    fn is_online(&self, user: &str) -> bool;

    /// A user's devices, in the order in which they connected.
    fn devices<'a>(&'a self, user: &'a str) -> Answer<'a, Vec<SocketId>>;

    /// This process ends, and has no devices any more: whoever shares the store need not wait to find out.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

pub(crate) type Answer<'a, T> = BoxFuture<'a, Result<T, PresenceError>>;

/// One connection of a user. A client that leaves the namespace and comes back on the same line has the same
/// socket id, so the id alone does not tell the two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Device {
    /// Counts the devices of this process.
    pub(crate) number: u64,
    pub(crate) socket: SocketId,
}

/// A user has come online or gone offline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) user: Arc<str>,
    pub(crate) online: bool,
}

/// How many changes a store has seen, which numbers its states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Version(u64);

/// Who is online as of a version.
#[derive(Debug)]
pub(crate) struct Online {
    pub(crate) version: Version,
    pub(crate) news: News,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Since the version that was asked about, in order.
    Changes(Vec<Change>),
    /// Everybody who is online, in no particular order.
    All(Vec<Arc<str>>),
}

/// The latest changes in a store, so that whoever has a copy of its users can keep up with it.
#[derive(Debug)]
pub(crate) struct History {
    version: Version,
    latest: VecDeque<Change>,
    /// Shows how many users there are.
    gauge: Gauge,
}

impl Default for History {
    fn default() -> Self {
        Self::shown_by(Gauge::noop())
    }
}

impl History {
    /// Of nobody yet, which a gauge shows.
    pub(crate) fn shown_by(gauge: Gauge) -> Self {
        gauge.set(0);
        Self { version: Version::default(), latest: VecDeque::new(), gauge }
    }

    /// Notes a change in a store of so many users.
    pub(crate) fn note(&mut self, change: Change, users: usize) {
        /// Kept however few users there are.
        const LEAST: usize = 64;

        self.version.0 += 1;
        self.show(users);
        self.latest.push_back(change);
        // Whoever is further behind is better off with all users.
        while self.latest.len() > LEAST.max(users / 4) {
            self.latest.pop_front();
        }
    }

    /// There are so many users now, of whom nobody is told: whoever has a copy needs all of them again.
    #[cfg(feature = "redis")]
    pub(crate) fn forget(&mut self, users: usize) {
        self.version.0 += 1;
        self.show(users);
        self.latest.clear();
    }

    fn show(&self, users: usize) {
        // No gauge is that exact, and no list that long.
        self.gauge.set(users as f64);
    }

    /// The news since a version. `all` is asked only for what is no longer known.
    pub(crate) fn since(
        &self,
        version: Option<Version>,
        all: impl FnOnce() -> Vec<Arc<str>>,
    ) -> Online {
        let behind = version.and_then(|then| usize::try_from(self.version.0 - then.0).ok());
        let known = behind.and_then(|behind| self.latest.len().checked_sub(behind));
        let news = match known {
            Some(known) => News::Changes(self.latest.range(known..).cloned().collect()),
            None => News::All(all()),
        };
        Online { version: self.version, news }
    }
}

/// The changes in a store, in order. They are returned when the store is opened, and end when it is dropped.
pub(crate) type Changes = BoxStream<'static, Change>;
