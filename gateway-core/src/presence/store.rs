//! Where it is kept who is there.

use std::sync::Arc;

use futures_util::{future::BoxFuture, stream::BoxStream};

use super::PresenceError;
use crate::platform::SocketId;

/// Which devices there are, and of whom. Everything about one user is decided here, in one order.
///
/// A store may be shared by many processes. Then it also knows which of them is alive: the devices
/// of one that is not have left.
pub(crate) trait PresenceStore: Send + Sync {
    /// A device is there. Telling it twice is telling it once.
    fn arrive<'a>(&'a self, user: &'a str, device: Device) -> Answer<'a, ()>;

    /// A device is gone. Telling it twice is telling it once. It does not arrive again: whoever comes
    /// back is another device.
    fn leave<'a>(&'a self, user: &'a str, device: Device) -> Answer<'a, ()>;

    /// The users who are there, in no order; also those within their grace.
    fn online(&self) -> Answer<'_, Vec<Arc<str>>>;

    /// Whether a user is there, or within the grace.
    fn is_online<'a>(&'a self, user: &'a str) -> Answer<'a, bool>;

    /// The devices of a user, in the order they came.
    fn devices<'a>(&'a self, user: &'a str) -> Answer<'a, Vec<SocketId>>;
}

pub(crate) type Answer<'a, T> = BoxFuture<'a, Result<T, PresenceError>>;

/// One connection of a user. A client that leaves the namespace and comes back on the same line has
/// its old socket's id, so that alone does not tell the two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Device {
    /// Of all devices of this process, the how many-th.
    pub(crate) number: u64,
    pub(crate) socket: SocketId,
}

/// A user has come or gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) user: Arc<str>,
    pub(crate) online: bool,
}

/// What changes in a store, in the order in which it does. A store is opened with its changes; they
/// end when it is dropped.
pub(crate) type Changes = BoxStream<'static, Change>;
