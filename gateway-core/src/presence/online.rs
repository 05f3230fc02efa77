//! The users who are online, as applications see them: sorted, in the gateway's own type, and shared. The copy
//! is made once; from then on it follows the changes in the store.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    mem,
    ops::Deref,
    slice,
    str::FromStr,
    sync::Arc,
};

use serde::{Serialize, Serializer};

use super::{
    PresenceError, named,
    store::{Change, News, Online, PresenceStore, Version},
};

/// The users who are online at one moment, in ascending order: what
/// [`Presence::online`](crate::Presence::online) returns. It reads like a slice and is cheap to clone. A handler may
/// return it: clients get an array of ids.
///
/// It does not change when users come and go; ask again for the next moment.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn tell(presence: Presence<u64>) -> Result<(), PresenceError> {
/// let online: OnlineUsers<u64> = presence.online().await?;
/// println!("{} users, the first of them {:?}", online.len(), online.first());
/// for user in &online {
///     println!("{user}");
/// }
/// # Ok(()) }
/// ```
pub struct OnlineUsers<U>(Arc<Vec<U>>);

impl<U> Clone for OnlineUsers<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U> Deref for OnlineUsers<U> {
    type Target = [U];

    fn deref(&self) -> &[U] {
        &self.0
    }
}

impl<U: fmt::Debug> fmt::Debug for OnlineUsers<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<U: PartialEq> PartialEq for OnlineUsers<U> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<U: Eq> Eq for OnlineUsers<U> {}

impl<'a, U> IntoIterator for &'a OnlineUsers<U> {
    type Item = &'a U;
    type IntoIter = slice::Iter<'a, U>;

    fn into_iter(self) -> slice::Iter<'a, U> {
        self.iter()
    }
}

impl<U: Serialize> Serialize for OnlineUsers<U> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// The users of a store as of a version, or of none yet.
pub(super) struct Copied<U> {
    users: Arc<Vec<U>>,
    version: Option<Version>,
}

impl<U> Default for Copied<U> {
    fn default() -> Self {
        Self { users: Arc::default(), version: None }
    }
}

impl<U: FromStr + Display + Ord + Clone> Copied<U> {
    /// The users who are online now.
    pub(super) fn up_to_date(
        &mut self,
        store: &dyn PresenceStore,
    ) -> Result<OnlineUsers<U>, PresenceError> {
        let Online { version, news } = store.online(self.version);
        if news != News::Changes(Vec::new()) {
            // Whatever fails or panics on the way leaves no copy, rather than half of one.
            let Self { users, .. } = mem::take(self);
            self.users = Arc::new(match news {
                News::Changes(changes) => changed(Arc::unwrap_or_clone(users), &changes)?,
                News::All(all) => sorted(&all)?,
            });
            self.version = Some(version);
        }
        Ok(OnlineUsers(Arc::clone(&self.users)))
    }
}

fn sorted<U: FromStr + Ord>(all: &[Arc<str>]) -> Result<Vec<U>, PresenceError> {
    let mut users = all.iter().map(|user| named(user)).collect::<Result<Vec<U>, _>>()?;
    users.sort_unstable();
    Ok(users)
}

/// Applies changes to a sorted list: a search for each of them, and one pass that moves whole stretches.
fn changed<U: FromStr + Ord>(users: Vec<U>, changes: &[Change]) -> Result<Vec<U>, PresenceError> {
    // The last change of each user is what counts.
    let mut last = BTreeMap::new();
    for change in changes {
        last.insert(named::<U>(&change.user)?, change.online);
    }
    let mut result = Vec::with_capacity(users.len() + last.len());
    let mut rest = users.into_iter();
    for (user, online) in last {
        let before = rest.as_slice().partition_point(|other| *other < user);
        result.extend(rest.by_ref().take(before));
        if rest.as_slice().first() == Some(&user) {
            rest.next();
        }
        if online {
            result.push(user);
        }
    }
    result.extend(rest);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        hint::black_box,
        time::{Duration, Instant},
    };

    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;
    use crate::presence::{Device, Presence, memory::open_in_memory, store::History};

    /// A user's only device.
    fn device(user: u64) -> Device {
        Device { number: user, socket: "AAAAAAAAAAAAAAAA".parse().expect("an id") }
    }

    /// Users without a grace, in memory: whatever they do is done at once.
    struct Users<U>(Arc<dyn PresenceStore>, Presence<U>);

    impl<U: FromStr + Display + Ord + Clone> Users<U> {
        fn new() -> Self {
            let (store, _changes) = open_in_memory(Duration::ZERO, History::default());
            let presence = Presence::new(Arc::clone(&store));
            Self(store, presence)
        }

        fn comes(&self, user: u64) {
            let arriving = self.0.arrive(&user.to_string(), device(user)).now_or_never();
            arriving.expect("at once").expect("a store in memory");
        }

        fn goes(&self, user: u64) {
            let leaving = self.0.leave(&user.to_string(), device(user)).now_or_never();
            leaving.expect("at once").expect("a store in memory");
        }

        fn online(&self) -> OnlineUsers<U> {
            self.1.online().now_or_never().expect("at once").expect("users with names")
        }
    }

    proptest! {
        /// However users come and go between two looks, and however many looks are kept.
        #[test]
        fn every_look_shows_who_is_online(
            steps in prop::collection::vec(
                (prop::collection::vec((0..40_u64, any::<bool>()), 0..300), any::<bool>()),
                0..20,
            )
        ) {
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
                let users = Users::<u64>::new();
                let mut model = BTreeSet::new();
                let mut kept = Vec::new();
                for (changes, keep) in steps {
                    for (user, comes) in changes {
                        if comes {
                            users.comes(user);
                            model.insert(user);
                        } else {
                            users.goes(user);
                            model.remove(&user);
                        }
                    }
                    let online = users.online();
                    prop_assert!(online.iter().eq(&model), "{online:?} and not {model:?}");
                    if keep {
                        kept.push((online, model.clone()));
                    }
                }
                for (online, model) in kept {
                    prop_assert!(online.iter().eq(&model), "changed afterwards");
                }
                Ok(())
            })?;
        }
    }

    #[tokio::test]
    async fn a_user_of_another_form_is_an_error_until_it_has_gone() {
        let users = Users::<u64>::new();
        users.comes(1);
        assert_eq!(*users.online(), [1]);
        let stranger = device(2);
        users.0.arrive("ann", stranger).await.unwrap();
        for _ in 0..2 {
            let error = users.1.online().await.unwrap_err();
            assert!(error.to_string().contains("`ann` is not a valid `u64`"), "{error}");
        }
        users.0.leave("ann", stranger).await.unwrap();
        users.comes(3);
        assert_eq!(*users.online(), [1, 3]);
    }

    const MANY: u64 = 50_000;

    /// What a look allocates: how often, and how many bytes.
    fn look<U>(users: &Users<U>) -> (u64, u64)
    where
        U: FromStr + Display + Ord + Clone,
    {
        let info = allocation_counter::measure(|| drop(black_box(users.online())));
        (info.count_total, info.bytes_total)
    }

    fn timed(what: &str, look: impl FnOnce()) {
        let began = Instant::now();
        look();
        println!("{MANY} users online, {what}: {:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_look_at_many_users_copies_nothing_unless_something_has_changed() {
        let users = Users::<u64>::new();
        (0..MANY).for_each(|user| users.comes(2 * user));
        timed("the first look", || drop(users.online()));
        assert_eq!(look(&users), (0, 0), "nothing has changed");
        timed("unchanged", || drop(users.online()));

        users.comes(7);
        timed("one has come", || drop(users.online()));
        users.goes(7);
        let (allocations, _) = look(&users);
        assert!(allocations < 10, "one has gone: {allocations} allocations");
        assert_eq!(users.online().len() as u64, MANY);

        let before = users.online();
        (0..100).for_each(|user| users.goes(4 * user));
        timed("a hundred have gone, and the last look is kept", || drop(users.online()));
        assert_eq!(before.len() as u64, MANY);
        assert_eq!(users.online().len() as u64, MANY - 100);
    }

    /// Of users who own memory: it is moved, and not copied.
    #[tokio::test]
    async fn names_are_not_copied_when_somebody_comes() {
        let users = Users::<String>::new();
        (0..MANY).for_each(|user| users.comes(user));
        drop(users.online());
        users.goes(7);
        let (allocations, _) = look(&users);
        assert!(allocations < 10, "{allocations} allocations");
    }
}
