//! Authentication: who a client is, decided inside the handshake, before it is let in.

#[cfg(feature = "jwt")]
mod jwt;

use std::{future::Future, pin::Pin, sync::Arc};

#[cfg(feature = "jwt")]
pub use jwt::{JwtAuthenticator, JwtService};

use crate::{
    connection::Identity,
    exception::WsException,
    handshake::Handshake,
    provider::{Dependencies, Injectable, Provider},
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
///     async fn authenticate(&self, handshake: &Handshake) -> Result<Account, WsException> {
///         let key = handshake.header("x-api-key").unwrap_or_default();
///         let account = self.accounts.by_key(key).await;
///         account.ok_or_else(|| WsException::unauthorized("unknown key"))
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
    ) -> impl Future<Output = Result<Self::Identity, WsException>> + Send;
}

/// An [`Authenticator`] of any type.
pub(crate) trait ErasedAuthenticator: Send + Sync {
    fn authenticate<'a>(
        &'a self,
        handshake: &'a Handshake,
    ) -> Pin<Box<dyn Future<Output = Result<Identity, WsException>> + Send + 'a>>;
}

impl<A: Authenticator> ErasedAuthenticator for A {
    fn authenticate<'a>(
        &'a self,
        handshake: &'a Handshake,
    ) -> Pin<Box<dyn Future<Output = Result<Identity, WsException>> + Send + 'a>> {
        Box::pin(async move {
            let identity = Authenticator::authenticate(self, handshake).await?;
            Ok(Arc::new(identity) as Identity)
        })
    }
}

/// Of a gateway that lets everyone in.
#[doc(hidden)]
#[derive(Debug)]
pub enum NoAuthenticator {}

/// What clients of a gateway without `authenticate = ..` are.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Anonymous {}

impl Authenticator for NoAuthenticator {
    type Identity = Anonymous;

    async fn authenticate(&self, _: &Handshake) -> Result<Anonymous, WsException> {
        match *self {}
    }
}

impl Injectable for NoAuthenticator {
    fn dependencies() -> Dependencies {
        Dependencies::new()
    }

    fn build(_: &mut Provider) -> Self {
        unreachable!("a gateway without an authenticator has none built")
    }
}
