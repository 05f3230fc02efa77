//! Presence: which users are there. A user is a set of devices, there as long as one of them is, and
//! for a grace after the last has gone, so that reloading a page tells nobody anything.
//!
//! The [`store`] decides who is there, and puts what changes into one order. What a gateway says of
//! it is [announced](announce) from there, so that nobody hears of a user's coming and going in
//! another order than it happened.

mod announce;
mod attend;
mod memory;
mod store;
#[cfg(test)]
mod tests;

use std::{
    any::type_name,
    fmt::{self, Display},
    future::Future,
    marker::PhantomData,
    str::FromStr,
    sync::Arc,
};

pub(crate) use announce::{Announcer, announce};
pub(crate) use attend::Attendance;
pub(crate) use memory::open_in_memory;
pub(crate) use store::{Change, Changes, PresenceStore};

use crate::{
    exception::WsException,
    platform::SocketId,
    provider::{Injected, Key, Need, Provider},
    report::short,
    server::Broadcast,
};

/// What a gateway says when users come and go: for a gateway with the option `presence`, which also
/// says how long a user without devices counts as there (5 s unless told otherwise).
///
/// A user comes with the first device and goes with the last, once for each time, and in this order:
/// the next of a user's changes is announced when this one has been. A device counts from when its
/// `#[on_connection]` has ended well; one the gateway cannot name a user for is refused.
///
/// Where the application runs in several processes, each is told of every change, in the same order,
/// and `everyone` is the clients of this one: together they tell everybody once. So announce with
/// `everyone`, and not with the gateway's [`Server`](crate::Server).
///
/// Nobody waits for the answer of these methods: an error is logged. One that takes longer than 10 s
/// is given up, so that the user's next change can be announced.
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
///     async fn online_users(&self) -> Result<Vec<u64>, WsException> {
///         Ok(self.presence.online().await?)
///     }
/// }
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps presence, and does not say what it announces",
    label = "needs `impl OnPresence for {Self}`",
    note = "`type User` is what names a user; `user_online` and `user_offline` may be left out"
)]
pub trait OnPresence: Send + Sync + 'static {
    /// What names a user: read from what the [authenticator](crate::Authenticated::user) called it.
    type User: FromStr + Display + Ord + Send + Sync + 'static;

    /// The first device of a user is there.
    ///
    /// # Errors
    /// Are logged.
    fn user_online(
        &self,
        user: Self::User,
        everyone: Broadcast,
    ) -> impl Future<Output = Result<(), WsException>> + Send {
        drop((user, everyone));
        async { Ok(()) }
    }

    /// The last device of a user is gone, and none came back in time.
    ///
    /// # Errors
    /// Are logged.
    fn user_offline(
        &self,
        user: Self::User,
        everyone: Broadcast,
    ) -> impl Future<Output = Result<(), WsException>> + Send {
        drop((user, everyone));
        async { Ok(()) }
    }
}

/// Who is there, in the namespace of a gateway with the option `presence`. A field of this type is
/// given the gateway's own; services inject the gateway.
///
/// `U` is the [`User`](OnPresence::User) of the gateway. Answers are of all processes of the
/// application.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn tell(presence: Presence<u64>) -> Result<(), PresenceError> {
/// println!("{} users are there", presence.online().await?.len());
/// if presence.is_online(&7).await? {
///     println!("7 is, with {} devices", presence.devices(&7).await?.len());
/// }
/// # Ok(()) }
/// ```
pub struct Presence<U> {
    store: Arc<dyn PresenceStore>,
    user: PhantomData<fn() -> U>,
}

impl<U: FromStr + Display + Ord> Presence<U> {
    fn new(store: Arc<dyn PresenceStore>) -> Self {
        Self { store, user: PhantomData }
    }

    /// The users who are there, in ascending order; also those within their grace.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn online(&self) -> Result<Vec<U>, PresenceError> {
        let users = self.store.online().await?;
        let mut users = users.iter().map(|user| named(user)).collect::<Result<Vec<U>, _>>()?;
        users.sort_unstable();
        Ok(users)
    }

    /// Whether a user is there, or within the grace.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn is_online(&self, user: &U) -> Result<bool, PresenceError> {
        self.store.is_online(&user.to_string()).await
    }

    /// The devices of a user, in the order they came; none within the grace.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn devices(&self, user: &U) -> Result<Vec<SocketId>, PresenceError> {
        self.store.devices(&user.to_string()).await
    }
}

impl<U> Clone for Presence<U> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), user: PhantomData }
    }
}

impl<U> fmt::Debug for Presence<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Presence").finish_non_exhaustive()
    }
}

impl<U: FromStr + Display + Ord + 'static> Injected for Presence<U> {
    fn need() -> Need {
        Need::Presence(Key::of::<U>())
    }

    fn resolve(provider: &mut Provider) -> Self {
        let store = provider.presence().expect("boot checked that the gateway keeps presence");
        Self::new(store)
    }
}

/// Why a client does not count, or a question about users has no answer.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn count(presence: Presence<u64>) {
/// match presence.online().await {
///     Ok(users) => println!("{} users", users.len()),
///     Err(error) => println!("nobody knows: {error}"),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PresenceError {
    /// The authenticator let in a client without saying which user it is.
    #[error("the authenticator named no user: `Authenticated::user(..)` does")]
    NoUser,
    /// The user's name has not the form of the gateway's users.
    #[error("the user `{user}` is no `{expected}`")]
    UnknownForm {
        /// The name, as the authenticator gave it.
        user: String,
        /// The type that names users.
        expected: String,
    },
}

/// A user by name.
fn named<U: FromStr>(user: &str) -> Result<U, PresenceError> {
    user.parse().map_err(|_| PresenceError::UnknownForm {
        user: user.to_owned(),
        expected: short(type_name::<U>()),
    })
}
