//! Authentication: who a client is, decided during the handshake, before the client is let in.

pub(crate) mod handshake;
pub(crate) mod http;
#[cfg_attr(not(feature = "redis"), allow(dead_code))]
pub(crate) mod identity;
#[cfg_attr(not(feature = "jwt"), path = "jwt_off.rs")]
mod jwt;
pub(crate) mod origins;
pub(crate) mod session;
pub(crate) mod vouchers;

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

#[cfg(feature = "jwt")]
pub use jwt::InvalidKey;
#[cfg(feature = "jwks-url")]
pub use jwt::{JwksError, JwksUrl};
pub use jwt::{JwtAuthenticator, JwtService};

use crate::{
    auth::{
        handshake::Handshake,
        session::{Authenticated, Session},
    },
    exception::{AsyncResult, WsException, code},
    inject::{Dependencies, Injectable, Key, Provider},
    limits::reached,
};

/// Decides who a client is, or refuses it.
///
/// An authenticator is named on the gateway, `authenticate = MyAuthenticator`, and built by injection. It
/// runs to completion before the client is told that it is connected, so no handler or hook ever sees a
/// client without an identity. The message of its exception is the client's `connect_error`.
///
/// ```
/// # mod app {
/// use std::sync::Arc;
/// use gateway_core::prelude::*;
///
/// # pub struct Accounts;
/// # impl Accounts { async fn by_key(&self, _: &str) -> Option<Account> { None } }
/// #[derive(Clone)]
/// pub struct Account {
///     pub id: u64,
/// }
///
/// #[injectable]
/// pub struct ApiKey {
///     accounts: Arc<Accounts>,
/// }
///
/// impl Authenticator for ApiKey {
///     type Identity = Account;
///
///     async fn authenticate(
///         &self,
///         handshake: &Handshake,
///     ) -> Result<Authenticated<Account>, WsException> {
///         let key = handshake.header("x-api-key").unwrap_or_default();
///         match self.accounts.by_key(key).await {
///             Some(account) => Ok(Authenticated::new(account.clone()).user(account.id)),
///             None => Err(WsException::unauthorized("unknown key")),
///         }
///     }
/// }
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an authenticator",
    label = "expected a type that implements `Authenticator`"
)]
pub trait Authenticator: Send + Sync + 'static {
    /// What it knows about a client that it lets in. Handlers take this as [`Identity`].
    ///
    /// [`Identity`]: crate::Identity
    type Identity: Clone + Send + Sync + 'static;

    /// Decides from what the client sent when it connected.
    ///
    /// # Errors
    /// If the client is refused. The exception's message is what it reads.
    fn authenticate(
        &self,
        handshake: &Handshake,
    ) -> impl AsyncResult<Authenticated<Self::Identity>> + Send;
}

/// An [`Authenticator`] of any type.
pub(crate) trait ErasedAuthenticator: Send + Sync {
    fn authenticate<'a>(&'a self, handshake: &'a Handshake) -> Pending<'a>;
}

/// An authenticator's verdict, while it is pending.
pub(crate) struct Pending<'a>(
    Pin<Box<dyn Future<Output = Result<Session, WsException>> + Send + 'a>>,
);

impl Pending<'_> {
    /// Waits for the verdict. An authenticator that takes longer than `timeout` is dropped. `of` names what its
    /// client wants to enter.
    pub(crate) async fn verdict(self, timeout: Duration, of: &str) -> Result<Session, WsException> {
        tokio::time::timeout(timeout, self.0).await.unwrap_or_else(|_elapsed| {
            reached::authentication_timeout(of);
            Err(WsException::new("Authentication took too long").with_code(code::TIMEOUT))
        })
    }
}

impl<A: Authenticator> ErasedAuthenticator for A {
    fn authenticate<'a>(&'a self, handshake: &'a Handshake) -> Pending<'a> {
        Pending(Box::pin(async move {
            Authenticator::authenticate(self, handshake).await.map(Session::from)
        }))
    }
}

/// Who authenticates the clients of a gateway: one of its own, or the application's.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot authenticate a gateway's clients",
    label = "expected an authenticator that is built by injection",
    note = "write `#[injectable]` above `struct {Self}`, and `impl Authenticator for {Self}`"
)]
#[doc(hidden)]
pub trait AuthenticatorSlot {
    fn facts() -> Option<AuthenticatorFacts>;
}

impl<A: Authenticator + Injectable> AuthenticatorSlot for A {
    fn facts() -> Option<AuthenticatorFacts> {
        Some(AuthenticatorFacts::of::<A>())
    }
}

/// For a gateway that names no authenticator: the application's, if there is one.
#[doc(hidden)]
#[derive(Debug)]
pub enum Inherited {}

impl AuthenticatorSlot for Inherited {
    fn facts() -> Option<AuthenticatorFacts> {
        None
    }
}

/// An authenticator that knows clients as a `U`. What the application's authenticator gives is known only
/// at startup, and checked there.
#[doc(hidden)]
pub trait Gives<U> {}

impl<A: Authenticator, U> Gives<U> for A where A::Identity: SameAs<U> {}

impl<U> Gives<U> for Inherited {}

/// States that two types are the same, with a readable error if they are not.
#[diagnostic::on_unimplemented(
    message = "this gateway authenticates its clients as `{Self}`, not as `{U}`",
    label = "write `Identity<{Self}>`, or change the gateway's `authenticate = ..`"
)]
#[doc(hidden)]
pub trait SameAs<U> {}

impl<U> SameAs<U> for U {}

#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct AuthenticatorFacts {
    /// Its own type.
    pub(crate) key: Key,
    /// The identity that it gives.
    pub(crate) identity: Key,
    pub(crate) dependencies: fn() -> Dependencies,
    pub(crate) build: fn(&mut Provider) -> Arc<dyn ErasedAuthenticator>,
}

impl AuthenticatorFacts {
    pub(crate) fn of<A: Authenticator + Injectable>() -> Self {
        Self {
            key: Key::of::<A>(),
            identity: Key::of::<A::Identity>(),
            dependencies: A::dependencies,
            build: |provider| provider.service_or_build::<A>(),
        }
    }

    /// Of one that exists, and is among the services.
    pub(crate) fn of_service<A: Authenticator>() -> Self {
        Self {
            key: Key::of::<A>(),
            identity: Key::of::<A::Identity>(),
            dependencies: Dependencies::new,
            build: |provider| provider.service::<A>(),
        }
    }
}

/// What extractors of identities have to know about a gateway: what authenticates its clients.
#[doc(hidden)]
pub trait AuthenticatedGateway {
    type Authenticator: AuthenticatorSlot;
}
