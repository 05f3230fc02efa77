//! Stand-ins for what the feature `jwt` would bring, for applications that have switched it off but use it
//! anyway: the compiler then says which feature is needed.

use std::marker::PhantomData;

use super::{Authenticator, handshake::Handshake, session::Authenticated};
use crate::{
    exception::WsException,
    inject::{Dependencies, Injectable, Provider},
};

/// Implemented by no type.
#[diagnostic::on_unimplemented(
    message = "`JwtAuthenticator` and `JwtService` need the feature `jwt` of `gateway-core`",
    label = "the feature `jwt` is switched off",
    note = "write `gateway-core = {{ version = \"..\", default-features = false, features = [\"jwt\", ..] }}` \
            in Cargo.toml"
)]
#[doc(hidden)]
pub trait FeatureJwt {}

#[doc(hidden)]
#[derive(Debug)]
pub struct JwtAuthenticator<U>(PhantomData<fn() -> U>);

// Where a gateway names it, the compiler asks for this.
impl<U: FeatureJwt + Clone + Send + Sync + 'static> Authenticator for JwtAuthenticator<U> {
    type Identity = U;

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<U>, WsException> {
        unreachable!("no type has the feature")
    }
}

impl<U> Injectable for JwtAuthenticator<U> {
    fn dependencies() -> Dependencies {
        Dependencies::new()
    }

    fn build(_: &mut Provider) -> Self {
        Self(PhantomData)
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct JwtService(());

impl JwtService {
    #[doc(hidden)]
    pub fn hs256<S: FeatureJwt>(_: S) -> Self {
        Self(())
    }

    #[doc(hidden)]
    pub fn jwks<S: FeatureJwt>(_: S) -> Self {
        Self(())
    }
}
