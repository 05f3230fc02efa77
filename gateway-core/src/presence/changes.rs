//! Many changes at once, as gateways are told of them.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
    vec,
};

/// Users who have come online and gone offline, in the order in which they did: what
/// [`OnPresence::users_changed`](crate::OnPresence::users_changed) is told. There is at least one change, and
/// those of one user alternate.
///
/// It reads like a slice. [`online`](Self::online) and [`offline`](Self::offline) are for clients that keep a
/// list and only want to know what is different.
///
/// ```
/// # use gateway_core::prelude::*;
/// # struct Gateway;
/// # impl OnPresence for Gateway {
/// # type User = u64;
/// async fn users_changed(
///     &self,
///     changes: PresenceChanges<u64>,
///     everyone: Broadcast,
/// ) -> Result<(), WsException> {
///     let (online, offline) = (changes.online(), changes.offline());
///     Ok(everyone.emit("users-changed", Args((online, offline))).await?)
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct PresenceChanges<U> {
    changes: Vec<PresenceChange<U>>,
    declined: Declined,
}

/// Whether a gateway has declined to be told of many changes at once.
pub(super) type Declined = Arc<OnceLock<()>>;

/// A user has come online or gone offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PresenceChange<U> {
    /// The user.
    pub user: U,
    /// Whether the user is online from then on, or offline.
    pub online: bool,
}

impl<U> PresenceChanges<U> {
    pub(super) fn new(changes: Vec<PresenceChange<U>>, declined: Declined) -> Self {
        Self { changes, declined }
    }

    /// Says that the gateway wants to be told of one change at a time.
    pub(super) fn decline(self) {
        // It is set already only if the gateway has declined the same changes before.
        self.declined.set(()).ok();
    }
}

impl<U: Ord> PresenceChanges<U> {
    /// The users who are online after these changes and were not before, in ascending order.
    #[must_use]
    pub fn online(&self) -> Vec<&U> {
        self.ending(true)
    }

    /// The users who are offline after these changes and were not before, in ascending order.
    #[must_use]
    pub fn offline(&self) -> Vec<&U> {
        self.ending(false)
    }

    /// The users whose changes begin and end with this one. All others are as they were before.
    fn ending(&self, online: bool) -> Vec<&U> {
        let mut sorted: Vec<&PresenceChange<U>> = self.changes.iter().collect();
        // Stable: the changes of a user stay in order.
        sorted.sort_by_key(|change| &change.user);
        let of_each = sorted.chunk_by(|one, next| one.user == next.user);
        let ends = of_each.filter(|of_one| {
            of_one.first().is_some_and(|change| change.online == online)
                && of_one.last().is_some_and(|change| change.online == online)
        });
        ends.map(|of_one| &of_one[0].user).collect()
    }
}

impl<U> Deref for PresenceChanges<U> {
    type Target = [PresenceChange<U>];

    fn deref(&self) -> &[PresenceChange<U>] {
        &self.changes
    }
}

impl<U> IntoIterator for PresenceChanges<U> {
    type Item = PresenceChange<U>;
    type IntoIter = vec::IntoIter<PresenceChange<U>>;

    fn into_iter(self) -> Self::IntoIter {
        self.changes.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_who_is_as_before_is_not_different() {
        let changes = [
            ("ann", true),
            ("bob", false),
            ("cid", true),
            ("ann", false),
            ("dan", false),
            ("bob", true),
            ("dan", true),
            ("eve", true),
            ("dan", false),
        ];
        let changes = changes.map(|(user, online)| PresenceChange { user, online });
        let changes = PresenceChanges::new(changes.to_vec(), Declined::default());
        assert_eq!(changes.online(), [&"cid", &"eve"]);
        assert_eq!(changes.offline(), [&"dan"]);
        assert_eq!(changes.len(), 9);
    }
}
