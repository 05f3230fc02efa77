//! Presence: which users are online. A user is a set of devices, and online as long as one of them is, plus
//! a grace after the last one has left, so that reloading a page goes unnoticed.
//!
//! The [`store`] decides who is online, and puts all changes into one order. Gateways [announce](announce)
//! them from there, so that nobody hears of a user's comings and goings in the wrong order.

mod announce;
mod changes;
#[cfg(test)]
mod contract;
mod memory;
mod online;
#[cfg(feature = "redis")]
mod redis;
mod store;
#[cfg(test)]
mod tests;

use std::{
    any::type_name,
    fmt::{self, Display},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub(crate) use announce::{Announcer, Batch, announce};
pub use changes::{PresenceChange, PresenceChanges};
pub use online::OnlineUsers;
pub(crate) use store::{Change, Changes, Device, PresenceStore};

use self::{online::Copied, store::History};
use crate::{
    cluster::Cluster,
    exception::AsyncResult,
    inject::{Injected, Key, Need, Provider},
    metrics,
    platform::SocketId,
    socket::broadcast::Broadcast,
    type_names::short,
};

/// What a gateway announces when users come online or go offline. Implemented by gateways with the option
/// `presence`, which also sets how long a user without devices counts as online (5 s by default).
///
/// A user comes online with the first device and goes offline with the last. Each change is announced once,
/// and the changes of one user in order: the next one waits until this one has been announced. A device
/// counts once its `#[on_connection]` has succeeded; a client that the authenticator names no user for is
/// refused.
///
/// If the application runs in several processes, each of them learns of every change, in the same order, and
/// `everyone` means the clients of this process: together they tell everybody once. So announce with
/// `everyone`, and not with the gateway's [`Server`](crate::Server).
///
/// Where thousands of users come and go, telling each client of each change is too much:
/// [`users_changed`](Self::users_changed) is told of many changes at once, and replaces the other two.
///
/// Errors of these methods are logged. A method that takes longer than 10 s is dropped, so that the user's
/// next change can be announced.
///
/// ```
/// # mod app {
/// use std::time::Duration;
/// use gateway_core::prelude::*;
/// # #[derive(Clone, serde::Deserialize)]
/// # pub struct Account {}
///
/// #[web_socket_gateway(
///     namespace = "/presence",
///     authenticate = JwtAuthenticator<Account>,
///     presence(grace = Duration::from_secs(3)),
/// )]
/// pub struct PresenceGateway {
///     presence: Presence<u64>,
/// }
///
/// impl OnPresence for PresenceGateway {
///     type User = u64;
///
///     async fn user_online(&self, user: u64, everyone: Broadcast) -> Result<(), WsException> {
///         Ok(everyone.emit("user-online", user).await?)
///     }
///
///     async fn user_offline(&self, user: u64, everyone: Broadcast) -> Result<(), WsException> {
///         Ok(everyone.emit("user-offline", user).await?)
///     }
/// }
///
/// #[web_socket_gateway]
/// impl PresenceGateway {
///     #[subscribe_message("get-online-users")]
///     async fn online_users(&self) -> Result<OnlineUsers<u64>, WsException> {
///         Ok(self.presence.online().await?)
///     }
/// }
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps presence, but does not say what it announces",
    label = "needs `impl OnPresence for {Self}`",
    note = "`type User` is the type that identifies a user; the methods may be left out"
)]
pub trait OnPresence: Send + Sync + 'static {
    /// The type that identifies a user. It is parsed from the id that the
    /// [authenticator](crate::Authenticated::user) gave.
    type User: FromStr + Display + Ord + Clone + Send + Sync + 'static;

    /// A user's first device has connected. Does nothing by default.
    ///
    /// # Errors
    /// Errors are logged.
    fn user_online(&self, user: Self::User, everyone: Broadcast) -> impl AsyncResult<()> + Send {
        drop((user, everyone));
        async { Ok(()) }
    }

    /// A user's last device has left, and none has come back within the grace. Does nothing by default.
    ///
    /// # Errors
    /// Errors are logged.
    fn user_offline(&self, user: Self::User, everyone: Broadcast) -> impl AsyncResult<()> + Send {
        drop((user, everyone));
        async { Ok(()) }
    }

    /// Users have come online and gone offline: all changes since the last call, in order. A gateway that has
    /// this method is told of nothing by the other two.
    ///
    /// It is called ten times a second at most, and again only when it has ended, so that a burst of arrivals
    /// becomes a few packets for each client. A change after a quiet moment is announced at once. By default,
    /// [`user_online`](Self::user_online) and [`user_offline`](Self::user_offline) are called, as soon as there
    /// is a change and for many users at the same time.
    ///
    /// # Errors
    /// Errors are logged; the changes are not announced again.
    ///
    /// ```
    /// # use gateway_core::prelude::*;
    /// # struct Arena;
    /// impl OnPresence for Arena {
    ///     type User = u64;
    ///
    ///     async fn users_changed(
    ///         &self,
    ///         changes: PresenceChanges<u64>,
    ///         everyone: Broadcast,
    ///     ) -> Result<(), WsException> {
    ///         everyone.emit("users-changed", Args((changes.online(), changes.offline()))).await?;
    ///         Ok(())
    ///     }
    /// }
    /// ```
    fn users_changed(
        &self,
        changes: PresenceChanges<Self::User>,
        everyone: Broadcast,
    ) -> impl AsyncResult<()> + Send {
        drop(everyone);
        changes.decline();
        async { Ok(()) }
    }
}

/// Which users are online, in the namespace of a gateway with the option `presence`. A gateway has a field of
/// this type; services inject the gateway.
///
/// `U` is the gateway's [`User`](OnPresence::User) type. The answers cover all processes of the application.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn tell(presence: Presence<u64>) -> Result<(), PresenceError> {
/// println!("{} users are online", presence.online().await?.len());
/// if presence.is_online(&7).await? {
///     println!("user 7 has {} devices", presence.devices(&7).await?.len());
/// }
/// # Ok(()) }
/// ```
pub struct Presence<U> {
    store: Arc<dyn PresenceStore>,
    /// Shared by all clones, so that what one of them has found out the others know.
    users: Arc<Mutex<Copied<U>>>,
}

impl<U: FromStr + Display + Ord + Clone> Presence<U> {
    fn new(store: Arc<dyn PresenceStore>) -> Self {
        Self { store, users: Arc::default() }
    }

    /// The users who are online, in ascending order, including those within their grace.
    ///
    /// The answer is shared by all who ask until somebody comes or goes, so asking often costs nothing.
    ///
    /// # Errors
    /// If the store does not answer, or knows a user whose id is not a `U`.
    pub async fn online(&self) -> Result<OnlineUsers<U>, PresenceError> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.up_to_date(&*self.store)
    }

    /// Whether a user is online, or within the grace.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn is_online(&self, user: &U) -> Result<bool, PresenceError> {
        Ok(self.store.is_online(&user.to_string()))
    }

    /// A user's devices, in the order in which they connected; none within the grace.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn devices(&self, user: &U) -> Result<Vec<SocketId>, PresenceError> {
        self.store.devices(&user.to_string()).await
    }
}

impl<U> Clone for Presence<U> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), users: Arc::clone(&self.users) }
    }
}

impl<U> fmt::Debug for Presence<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Presence").finish_non_exhaustive()
    }
}

impl<U: FromStr + Display + Ord + Clone + 'static> Injected for Presence<U> {
    fn need() -> Need {
        Need::Presence(Key::of::<U>())
    }

    fn resolve(provider: &mut Provider) -> Self {
        let store = provider.scoped().expect("boot checked that the gateway keeps presence");
        Self::new(store)
    }
}

/// Why a client does not count as a device, or why a question about users could not be answered.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn count(presence: Presence<u64>) {
/// match presence.online().await {
///     Ok(users) => println!("{} users", users.len()),
///     Err(error) => println!("unknown: {error}"),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PresenceError {
    /// The authenticator let a client in without saying which user it is.
    #[error("the authenticator did not name a user; `Authenticated::user(..)` does that")]
    NoUser,
    /// The user's id cannot be parsed as the type that identifies the gateway's users.
    #[error("the user id `{user}` is not a valid `{expected}`")]
    UnknownForm {
        /// The id, as the authenticator gave it.
        user: String,
        /// The type that identifies users.
        expected: String,
    },
    /// Presence is shared by several processes, and the place where it is kept does not answer.
    #[error("presence does not answer; try again later")]
    Unavailable,
}

/// Opens the store of a namespace, in which a user without devices counts as online for `grace`. The processes of a
/// cluster share one.
#[cfg_attr(not(feature = "redis"), expect(unused_variables, reason = "there is no cluster"))]
pub(crate) fn open(
    cluster: Option<&Cluster>,
    namespace: &str,
    grace: Duration,
) -> (Arc<dyn PresenceStore>, Changes) {
    let history = History::shown_by(metrics::users(namespace));
    #[cfg(feature = "redis")]
    if let Some((place, prefix)) = cluster.and_then(Cluster::redis) {
        return redis::open_in_redis(place.clone(), prefix, namespace, grace, history);
    }
    memory::open_in_memory(grace, history)
}

/// A user by name.
fn named<U: FromStr>(user: &str) -> Result<U, PresenceError> {
    user.parse().map_err(|_| PresenceError::UnknownForm {
        user: user.to_owned(),
        expected: short(type_name::<U>()),
    })
}
