//! JSON Web Tokens.

use std::{borrow::Cow, fmt, marker::PhantomData, sync::Arc};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Serialize, de::DeserializeOwned};

use super::Authenticator;
use crate::{
    exception::WsException,
    handshake::Handshake,
    provider::{Dependencies, Injectable, Provider},
};

/// Signs and verifies access tokens with one key and one algorithm (NestJS: `JwtService`).
///
/// `exp` is required, with no leeway. The algorithm is the key's: what the token's header claims is
/// not asked.
///
/// ```
/// use gateway_core::JwtService;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Claims {
///     sub: u64,
///     exp: u64,
/// }
///
/// let jwt = JwtService::hs256("a secret of the deployment");
/// let token = jwt.sign(&Claims { sub: 1, exp: 4_000_000_000 })?;
/// let claims: Claims = jwt.verify(&token)?;
/// assert_eq!(claims.sub, 1);
/// # Ok::<(), gateway_core::WsException>(())
/// ```
#[derive(Clone)]
pub struct JwtService {
    encoding: EncodingKey,
    decoding: DecodingKey,
    header: Header,
    validation: Validation,
    missing: Cow<'static, str>,
    refused: Cow<'static, str>,
}

impl JwtService {
    /// HMAC with SHA-256 and a shared secret.
    #[must_use]
    pub fn hs256(secret: impl AsRef<[u8]>) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.set_required_spec_claims(&["exp"]);
        validation.validate_aud = false;
        Self {
            encoding: EncodingKey::from_secret(secret.as_ref()),
            decoding: DecodingKey::from_secret(secret.as_ref()),
            header: Header::new(Algorithm::HS256),
            validation,
            missing: Cow::Borrowed("Missing token"),
            refused: Cow::Borrowed("Authentication failed"),
        }
    }

    /// What clients are told that brought no token, and that brought one that does not hold.
    #[must_use]
    pub fn messages(
        mut self,
        missing: impl Into<Cow<'static, str>>,
        refused: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.missing = missing.into();
        self.refused = refused.into();
        self
    }

    /// Makes a token of claims.
    ///
    /// # Errors
    /// When the claims cannot be encoded.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, WsException> {
        Ok(jsonwebtoken::encode(&self.header, claims, &self.encoding)?)
    }

    /// Reads the claims of a token that holds.
    ///
    /// # Errors
    /// `UNAUTHORIZED` when it does not: forged, expired, of another algorithm, or of another form.
    pub fn verify<C: DeserializeOwned>(&self, token: &str) -> Result<C, WsException> {
        match jsonwebtoken::decode::<C>(token, &self.decoding, &self.validation) {
            Ok(token) => Ok(token.claims),
            Err(error) => Err(WsException::unauthorized(self.refused.clone()).with_source(error)),
        }
    }
}

impl fmt::Debug for JwtService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JwtService").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Lets in who brings a token that the application's [`JwtService`] verifies, as the `U` made of
/// its claims.
///
/// The token is [`Handshake::token`]: `auth.token`, else the `Authorization` header.
///
/// ```
/// # mod app {
/// use gateway_core::prelude::*;
/// use serde::Deserialize;
///
/// #[derive(Clone, Deserialize)]
/// pub struct User {
///     #[serde(rename = "sub")]
///     pub id: u64,
/// }
///
/// #[web_socket_gateway(namespace = "/chat", authenticate = JwtAuthenticator<User>)]
/// pub struct ChatGateway;
/// # }
/// ```
pub struct JwtAuthenticator<U> {
    jwt: Arc<JwtService>,
    identity: PhantomData<fn() -> U>,
}

impl<U: DeserializeOwned + Clone + Send + Sync + 'static> Authenticator for JwtAuthenticator<U> {
    type Identity = U;

    async fn authenticate(&self, handshake: &Handshake) -> Result<U, WsException> {
        match handshake.token() {
            Some(token) => self.jwt.verify(token),
            None => Err(WsException::unauthorized(self.jwt.missing.clone())),
        }
    }
}

impl<U: 'static> Injectable for JwtAuthenticator<U> {
    fn dependencies() -> Dependencies {
        Dependencies::new().field::<Arc<JwtService>>("jwt")
    }

    fn build(provider: &mut Provider) -> Self {
        Self { jwt: provider.take(), identity: PhantomData }
    }
}

impl<U> fmt::Debug for JwtAuthenticator<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JwtAuthenticator").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code;
    use serde_json::{Value, json};

    const FAR: u64 = 4_000_000_000;

    fn refused(jwt: &JwtService, token: &str) {
        let error = jwt.verify::<Value>(token).unwrap_err();
        assert_eq!(error.code(), code::UNAUTHORIZED);
        assert_eq!(error.message(), "Authentication failed");
    }

    #[test]
    fn its_own_tokens_hold() {
        let jwt = JwtService::hs256("secret");
        let token = jwt.sign(&json!({ "sub": 7, "exp": FAR })).unwrap();
        assert_eq!(jwt.verify::<Value>(&token).unwrap()["sub"], 7);
    }

    #[test]
    fn forgeries_do_not() {
        let jwt = JwtService::hs256("secret");
        refused(&jwt, "");
        refused(&jwt, "a.b.c");
        refused(&jwt, &JwtService::hs256("other").sign(&json!({ "exp": FAR })).unwrap());
        // {"alg":"none"} . {"exp":4000000000} .
        refused(&jwt, "eyJhbGciOiJub25lIn0.eyJleHAiOjQwMDAwMDAwMDB9.");
        let hs512 = jsonwebtoken::encode(
            &Header::new(Algorithm::HS512),
            &json!({ "exp": FAR }),
            &EncodingKey::from_secret(b"secret"),
        );
        refused(&jwt, &hs512.unwrap());
    }

    #[test]
    fn expiry_is_required_and_exact() {
        let jwt = JwtService::hs256("secret");
        let now = jsonwebtoken::get_current_timestamp();
        refused(&jwt, &jwt.sign(&json!({ "sub": 1 })).unwrap());
        refused(&jwt, &jwt.sign(&json!({ "exp": now - 1 })).unwrap());
        refused(&jwt, &jwt.sign(&json!({ "exp": "4000000000" })).unwrap());
    }
}
