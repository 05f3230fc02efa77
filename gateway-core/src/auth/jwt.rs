//! JSON Web Tokens.

use std::{
    borrow::Cow,
    fmt::{self, Display},
    marker::PhantomData,
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    errors::ErrorKind,
    jwk::{Jwk, JwkSet},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};

use super::Authenticator;
use crate::{
    exception::WsException,
    handshake::Handshake,
    provider::{Dependencies, Injectable, Provider},
    session::Authenticated,
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
    /// `None` where only the public half is known.
    signing: Option<(Header, EncodingKey)>,
    keys: Arc<[Key]>,
    missing: Cow<'static, str>,
    refused: Cow<'static, str>,
    /// The name of the user a `sub` is.
    subject: fn(String) -> Option<String>,
}

/// A key that verifies, and the one algorithm it does it by.
struct Key {
    id: Option<String>,
    key: DecodingKey,
    validation: Validation,
}

impl Key {
    fn new(algorithm: Algorithm, key: DecodingKey) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp"]);
        Self { id: None, key, validation }
    }

    /// Whether a token with this header is one of this key's.
    fn is_meant_by(&self, header: &Header) -> bool {
        let same_id = match (&self.id, &header.kid) {
            (Some(own), Some(named)) => own == named,
            _ => true,
        };
        same_id && self.validation.algorithms.contains(&header.alg)
    }
}

/// A key that could not be read.
///
/// ```
/// use gateway_core::JwtService;
/// assert!(JwtService::es256("no key", "no key").is_err());
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the key cannot be read")]
pub struct InvalidKey(#[source] Box<dyn std::error::Error + Send + Sync>);

impl InvalidKey {
    fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

impl JwtService {
    fn new(signing: Option<(Algorithm, EncodingKey)>, keys: Vec<Key>) -> Self {
        Self {
            signing: signing.map(|(algorithm, key)| (Header::new(algorithm), key)),
            keys: keys.into(),
            missing: Cow::Borrowed("Missing token"),
            refused: Cow::Borrowed("Authentication failed"),
            subject: Some,
        }
    }

    /// A private key and its public one, tried on each other: halves that do not belong together
    /// would refuse every client later.
    fn of_pair(
        algorithm: Algorithm,
        signing: EncodingKey,
        key: DecodingKey,
    ) -> Result<Self, InvalidKey> {
        let service = Self::new(Some((algorithm, signing)), vec![Key::new(algorithm, key)]);
        let probe = json!({ "exp": jsonwebtoken::get_current_timestamp() + 60 });
        let signed = service.sign(&probe).and_then(|token| service.verify::<Value>(&token));
        match signed {
            Ok(_) => Ok(service),
            Err(_) => Err(InvalidKey::new("the keys do not belong together")),
        }
    }

    /// HMAC with SHA-256 and a shared secret.
    #[must_use]
    pub fn hs256(secret: impl AsRef<[u8]>) -> Self {
        let (secret, algorithm) = (secret.as_ref(), Algorithm::HS256);
        let key = Key::new(algorithm, DecodingKey::from_secret(secret));
        Self::new(Some((algorithm, EncodingKey::from_secret(secret))), vec![key])
    }

    /// RSA with SHA-256, by keys as PEM text.
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn rs256(private: &str, public: &str) -> Result<Self, InvalidKey> {
        let signing = EncodingKey::from_rsa_pem(private.as_bytes()).map_err(InvalidKey::new)?;
        let key = DecodingKey::from_rsa_pem(public.as_bytes()).map_err(InvalidKey::new)?;
        Self::of_pair(Algorithm::RS256, signing, key)
    }

    /// ECDSA on the curve P-256, by keys as PEM text.
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn es256(private: &str, public: &str) -> Result<Self, InvalidKey> {
        let signing = EncodingKey::from_ec_pem(private.as_bytes()).map_err(InvalidKey::new)?;
        let key = DecodingKey::from_ec_pem(public.as_bytes()).map_err(InvalidKey::new)?;
        Self::of_pair(Algorithm::ES256, signing, key)
    }

    /// Ed25519, by keys as PEM text.
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn eddsa(private: &str, public: &str) -> Result<Self, InvalidKey> {
        let signing = EncodingKey::from_ed_pem(private.as_bytes()).map_err(InvalidKey::new)?;
        let key = DecodingKey::from_ed_pem(public.as_bytes()).map_err(InvalidKey::new)?;
        Self::of_pair(Algorithm::EdDSA, signing, key)
    }

    /// Verifies tokens of somebody else: a key set as JWKS text. Signs none. Keys that do not name an
    /// algorithm of signatures in `alg` are passed over.
    ///
    /// # Errors
    /// When the text is no key set, or none of its keys verifies signatures.
    pub fn jwks(text: &str) -> Result<Self, InvalidKey> {
        let set: JwkSet = serde_json::from_str(text).map_err(InvalidKey::new)?;
        // Sets of real issuers also hold keys for encryption, and of algorithms yet to come.
        let keys: Vec<Key> = set.keys.iter().filter_map(verifying_key).collect();
        if keys.is_empty() {
            return Err(InvalidKey::new("no key in the set verifies signatures"));
        }
        Ok(Self::new(None, keys))
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

    /// Reads the `sub` of tokens as a `T`, and knows the user by what that displays as: one user has
    /// one name then, however it is written in a token. A `sub` that is no `T` is refused.
    ///
    /// ```
    /// use gateway_core::JwtService;
    /// // `7`, `"7"` and `"007"` are all the user 7.
    /// let jwt = JwtService::hs256("secret").subject::<u64>();
    /// ```
    #[must_use]
    pub fn subject<T: FromStr + Display>(mut self) -> Self {
        self.subject = |subject| Some(subject.parse::<T>().ok()?.to_string());
        self
    }

    /// Makes a token of claims.
    ///
    /// # Errors
    /// When the claims cannot be encoded, or the service only verifies.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, WsException> {
        let Some((header, key)) = &self.signing else {
            return Err(WsException::internal(InvalidKey::new("this service has no private key")));
        };
        Ok(jsonwebtoken::encode(header, claims, key)?)
    }

    /// Reads the claims of a token that holds.
    ///
    /// # Errors
    /// `UNAUTHORIZED` when it does not: forged, expired, of another algorithm, or of another form.
    pub fn verify<C: DeserializeOwned>(&self, token: &str) -> Result<C, WsException> {
        let verified = self.verified(token)?;
        serde_json::from_str(verified.text.get()).map_err(|error| self.refusal(error.into()))
    }

    fn verified(&self, token: &str) -> Result<Verified, WsException> {
        // Which algorithms there are is the keys' business: the header only chooses among the keys.
        let header = match &*self.keys {
            [Key { id: None, .. }] => None,
            _ => Some(jsonwebtoken::decode_header(token).map_err(|error| self.refusal(error))?),
        };
        let meant = |key: &&Key| header.as_ref().is_none_or(|header| key.is_meant_by(header));
        let mut why = ErrorKind::InvalidAlgorithm.into();
        for key in self.keys.iter().filter(meant) {
            let read = jsonwebtoken::decode(token, &key.key, &key.validation)
                .and_then(|token| Verified::of(token.claims));
            match read {
                Ok(verified) if verified.claims.has_ended() => {
                    why = ErrorKind::ExpiredSignature.into();
                }
                Ok(verified) => return Ok(verified),
                Err(error) => why = error,
            }
        }
        Err(self.refusal(why))
    }

    fn refusal(&self, why: jsonwebtoken::errors::Error) -> WsException {
        WsException::unauthorized(self.refused.clone()).with_source(why)
    }
}

impl fmt::Debug for JwtService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JwtService").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// Lets in who brings a token that the application's [`JwtService`] verifies, as the `U` made of
/// its claims.
///
/// The token is [`Handshake::token`]: `auth.token`, else the `Authorization` header. Its `sub` is the
/// user of [`Server::user`](crate::Server::user), its `role` and `roles` are those of the guard
/// [`Roles`](crate::Roles), and the session ends at its `exp`.
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

    async fn authenticate(&self, handshake: &Handshake) -> Result<Authenticated<U>, WsException> {
        let Some(token) = handshake.token() else {
            return Err(WsException::unauthorized(self.jwt.missing.clone()));
        };
        let Verified { text, claims: own } = self.jwt.verified(token)?;
        let identity: U =
            serde_json::from_str(text.get()).map_err(|error| self.jwt.refusal(error.into()))?;
        let mut authenticated = Authenticated::new(identity).roles(own.roles());
        if let Some(ends) = own.expires_at() {
            authenticated = authenticated.expires_at(ends);
        }
        let Some(subject) = user_id(own.sub) else { return Ok(authenticated) };
        match (self.jwt.subject)(subject) {
            Some(user) => Ok(authenticated.user(user)),
            None => Err(self.jwt.refusal(ErrorKind::InvalidSubject.into())),
        }
    }
}

fn verifying_key(jwk: &Jwk) -> Option<Key> {
    let algorithm = jwk.common.key_algorithm?.to_string().parse::<Algorithm>().ok()?;
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(Key { id: jwk.common.key_id.clone(), ..Key::new(algorithm, key) })
}

/// The claims of a token that holds: the text, for whoever asks, and what we read of it.
struct Verified {
    text: Box<RawValue>,
    claims: Claims,
}

impl Verified {
    fn of(text: Box<RawValue>) -> Result<Self, jsonwebtoken::errors::Error> {
        let claims = serde_json::from_str(text.get())?;
        Ok(Self { text, claims })
    }
}

/// What the framework itself reads of a token; of another form, it is as if it were not there.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    sub: Value,
    exp: Value,
    role: Value,
    roles: Value,
}

impl Claims {
    fn roles(&self) -> impl Iterator<Item = &str> {
        let several = self.roles.as_array().into_iter().flatten();
        [&self.role].into_iter().chain(several).filter_map(Value::as_str)
    }

    /// `None` also where no clock reaches.
    fn expires_at(&self) -> Option<SystemTime> {
        let seconds = Duration::try_from_secs_f64(self.exp.as_f64()?).ok()?;
        UNIX_EPOCH.checked_add(seconds)
    }

    /// At the very second of its `exp` a token no longer holds (RFC 7519, 4.1.4); the library lets
    /// it.
    fn has_ended(&self) -> bool {
        let now = jsonwebtoken::get_current_timestamp();
        self.exp.as_f64().is_none_or(|exp| exp <= now as f64)
    }
}

/// A number and the same number as text are one user.
fn user_id(sub: Value) -> Option<String> {
    match sub {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
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
mod tests;
