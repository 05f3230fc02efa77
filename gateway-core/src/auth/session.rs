//! [`Authenticated`]: what an authenticator found out about a client, and how long that is valid.

use std::{any::Any, sync::Arc, time::SystemTime};

/// A client that is let in: who it is, and for how long. Returned by an
/// [`Authenticator`](crate::Authenticator).
///
/// If only the identity matters, it converts into this: `Ok(account.into())`.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use gateway_core::Authenticated;
///
/// #[derive(Clone)]
/// struct Account {
///     id: u64,
/// }
///
/// let account = Account { id: 7 };
/// let authenticated = Authenticated::new(account.clone())
///     .user(account.id)
///     .roles(["admin"])
///     .expires_at(SystemTime::now() + Duration::from_secs(3600));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Authenticated<I> {
    identity: I,
    user: Option<String>,
    roles: Vec<String>,
    expires_at: Option<SystemTime>,
}

impl<I> Authenticated<I> {
    /// A client of this identity, for as long as its connection lives. It belongs to no user and has no roles.
    pub fn new(identity: I) -> Self {
        Self { identity, user: None, roles: Vec::new(), expires_at: None }
    }

    /// Sets the user's id: [`Server::user`](crate::Server::user) reaches all sockets of one user.
    pub fn user(mut self, id: impl ToString) -> Self {
        self.user = Some(id.to_string());
        self
    }

    /// Sets the user's roles, for the guard [`Roles`](crate::Roles).
    pub fn roles<R: Into<String>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Sets when the session ends: the client is then told `TOKEN_EXPIRED` and disconnected, unless it has
    /// renewed its session by then.
    pub fn expires_at(mut self, time: SystemTime) -> Self {
        self.expires_at = Some(time);
        self
    }
}

impl<I> From<I> for Authenticated<I> {
    fn from(identity: I) -> Self {
        Self::new(identity)
    }
}

/// An [`Authenticated`] with an identity of any type.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    identity: Arc<dyn Any + Send + Sync>,
    user: Option<Box<str>>,
    roles: Box<[String]>,
    expires_at: Option<SystemTime>,
}

impl Session {
    pub(crate) fn identity<U: Send + Sync + 'static>(&self) -> Option<Arc<U>> {
        Arc::clone(&self.identity).downcast().ok()
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(crate) fn roles(&self) -> &[String] {
        &self.roles
    }

    pub(crate) fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }
}

impl<I: Send + Sync + 'static> From<Authenticated<I>> for Session {
    fn from(authenticated: Authenticated<I>) -> Self {
        Self {
            identity: Arc::new(authenticated.identity),
            user: authenticated.user.map(String::into_boxed_str),
            roles: authenticated.roles.into(),
            expires_at: authenticated.expires_at,
        }
    }
}
