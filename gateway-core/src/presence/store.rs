//! Where presence is stored.

use std::sync::Arc;

use futures_util::{future::BoxFuture, stream::BoxStream};

use super::PresenceError;
use crate::platform::SocketId;

/// Which devices are connected, and whose they are. Everything about a user is decided here, in one order.
///
/// A store may be shared by many processes. It then also knows which of them are alive: the devices of a
/// process that is not have left.
pub(crate) trait PresenceStore: Send + Sync {
    /// A device has connected. Reporting it twice has no further effect.
    fn arrive<'a>(&'a self, user: &'a str, device: Device) -> Answer<'a, ()>;

    /// A device has left. Reporting it twice has no further effect. It never arrives again: a client that comes
    /// back is a new device.
    fn leave<'a>(&'a self, user: &'a str, device: Device) -> Answer<'a, ()>;

    /// The users who are online, in no particular order, including those within their grace.
    fn online(&self) -> Answer<'_, Vec<Arc<str>>>;

    /// Whether a user is online, or within the grace.
    fn is_online<'a>(&'a self, user: &'a str) -> Answer<'a, bool>;

    /// A user's devices, in the order in which they connected.
    fn devices<'a>(&'a self, user: &'a str) -> Answer<'a, Vec<SocketId>>;
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

/// The changes in a store, in order. They are returned when the store is opened, and end when it is dropped.
pub(crate) type Changes = BoxStream<'static, Change>;
