//! Authentication: who a client is, decided inside the handshake, before it is let in.

#[cfg(feature = "jwt")]
mod jwt;

use std::{future::Future, pin::Pin};

#[cfg(feature = "jwt")]
pub use jwt::{InvalidKey, JwtAuthenticator, JwtService};

use crate::{
    exception::WsException,
    facts::AuthenticatorFacts,
    handshake::Handshake,
    provider::Injectable,
    session::{Authenticated, Session},
};

/// Decides who a client is, or that it is not let in.
///
/// Named on the gateway, `authenticate = MyAuthenticator`, and built by injection. It runs to its
/// end before the client is told that it is connected, so no handler and no hook ever sees a client
/// without an identity. The message of the exception is the client's `connect_error`.
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
    /// What it knows of a client that it lets in: what handlers take as [`Identity`].
    ///
    /// [`Identity`]: crate::Identity
    type Identity: Clone + Send + Sync + 'static;

    /// Looks at what the client brought along.
    ///
    /// # Errors
    /// When the client is not to be let in.
    fn authenticate(
        &self,
        handshake: &Handshake,
    ) -> impl Future<Output = Result<Authenticated<Self::Identity>, WsException>> + Send;
}

/// An [`Authenticator`] of any type.
pub(crate) trait ErasedAuthenticator: Send + Sync {
    fn authenticate<'a>(&'a self, handshake: &'a Handshake) -> Pending<'a>;
}

/// The verdict of an authenticator, on its way.
pub(crate) struct Pending<'a>(
    Pin<Box<dyn Future<Output = Result<Session, WsException>> + Send + 'a>>,
);

impl Pending<'_> {
    pub(crate) async fn verdict(self) -> Result<Session, WsException> {
        self.0.await
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

/// Of a gateway that names none: the application's, where there is one.
#[doc(hidden)]
#[derive(Debug)]
pub enum Inherited {}

impl AuthenticatorSlot for Inherited {
    fn facts() -> Option<AuthenticatorFacts> {
        None
    }
}

/// An authenticator that knows clients as a `U`. What the application's gives is only known at the
/// start, and checked there.
#[doc(hidden)]
pub trait Gives<U> {}

impl<A: Authenticator, U> Gives<U> for A where A::Identity: SameAs<U> {}

impl<U> Gives<U> for Inherited {}

/// Says that two types are one, in an error that can be read.
#[diagnostic::on_unimplemented(
    message = "this gateway authenticates its clients as `{Self}`, not as `{U}`",
    label = "write `Identity<{Self}>`, or change the gateway's `authenticate = ..`"
)]
#[doc(hidden)]
pub trait SameAs<U> {}

impl<U> SameAs<U> for U {}
