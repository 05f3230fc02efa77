//! JSON Web Tokens.

mod claims;
mod keys;
#[cfg(feature = "jwks-url")]
mod remote;

use std::{
    borrow::Cow,
    fmt::{self, Display},
    marker::PhantomData,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header,
    errors::{Error, ErrorKind},
};
#[cfg(feature = "jwks-url")]
pub use remote::{JwksError, JwksUrl};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};

use self::{
    claims::{Expected, Verified},
    keys::{Key, Whose},
};
use super::Authenticator;
use crate::{
    auth::{handshake::Handshake, session::Authenticated},
    clock::Clock,
    exception::WsException,
    inject::{Dependencies, Injectable, Provider},
};

/// Signs and verifies access tokens with one key and one algorithm (NestJS: `JwtService`).
///
/// `exp` is required, with no leeway. The key determines the algorithm, whatever the token's header claims,
/// and a token with the header `crit` is refused. A token's audience and issuer are checked if
/// [`audience`](Self::audience) and [`issuer`](Self::issuer) are set.
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
/// let jwt = JwtService::hs256("a secret of the deployment, 32 bytes long or more");
/// let token = jwt.sign(&Claims { sub: 1, exp: 4_000_000_000 })?;
/// let claims: Claims = jwt.verify(&token)?;
/// assert_eq!(claims.sub, 1);
/// # Ok::<(), gateway_core::WsException>(())
/// ```
#[derive(Clone)]
pub struct JwtService {
    /// `None` if only the public half is known.
    signing: Option<(Header, EncodingKey)>,
    keys: Keys,
    /// The length of a shared secret, in bytes.
    secret: Option<usize>,
    expected: Expected,
    missing: Cow<'static, str>,
    refused: Cow<'static, str>,
    /// The name of the user that a `sub` stands for.
    subject: fn(String) -> Option<String>,
    clock: Clock,
}

/// Where the keys are.
#[derive(Clone)]
enum Keys {
    Fixed(Arc<[Key]>),
    #[cfg(feature = "jwks-url")]
    Remote(Arc<remote::Remote>),
}

impl Keys {
    fn now(&self) -> Arc<[Key]> {
        match self {
            Self::Fixed(keys) => Arc::clone(keys),
            #[cfg(feature = "jwks-url")]
            Self::Remote(remote) => remote.keys(),
        }
    }
}

/// The shortest secret, in bytes, that is not worth guessing: as long as the hash (RFC 7518, 3.2).
const SECRET_BYTES: usize = 32;

/// A key that could not be read.
///
/// ```
/// use gateway_core::JwtService;
/// assert!(JwtService::es256("not a key", "not a key").is_err());
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
    /// The same with another calendar.
    pub(crate) fn with_clock(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    fn new(signing: Option<(Algorithm, EncodingKey)>, keys: Vec<Key>) -> Self {
        Self {
            signing: signing.map(|(algorithm, key)| (Header::new(algorithm), key)),
            keys: Keys::Fixed(keys.into()),
            secret: None,
            expected: Expected::default(),
            missing: Cow::Borrowed("Missing token"),
            refused: Cow::Borrowed("Authentication failed"),
            subject: Some,
            clock: Clock::default(),
        }
    }

    /// A private and a public key, tried out together: with halves that do not match, every client would be
    /// refused later.
    fn of_pair(
        algorithm: Algorithm,
        signing: EncodingKey,
        key: DecodingKey,
    ) -> Result<Self, InvalidKey> {
        let service = Self::new(Some((algorithm, signing)), vec![Key::new(algorithm, key)]);
        let probe = json!({ "exp": u32::MAX });
        let signed = service.sign(&probe).and_then(|token| service.verify::<Value>(&token));
        match signed {
            Ok(_) => Ok(service),
            Err(_) => Err(InvalidKey::new("the private and the public key do not match")),
        }
    }

    /// HMAC with SHA-256 and a shared secret of 32 bytes or more.
    ///
    /// An application with an empty secret does not start, because anybody could sign tokens. A secret that is
    /// too short is logged as a warning.
    #[must_use]
    pub fn hs256(secret: impl AsRef<[u8]>) -> Self {
        let (secret, algorithm) = (secret.as_ref(), Algorithm::HS256);
        let service = if secret.is_empty() {
            // Verifies nothing, even if no application checks it at startup.
            Self::new(None, Vec::new())
        } else {
            let key = Key::new(algorithm, DecodingKey::from_secret(secret));
            Self::new(Some((algorithm, EncodingKey::from_secret(secret))), vec![key])
        };
        Self { secret: Some(secret.len()), ..service }
    }

    /// RSA with SHA-256, with keys as PEM text.
    ///
    /// # Errors
    /// If a key cannot be read, or the two do not match.
    pub fn rs256(private: &str, public: &str) -> Result<Self, InvalidKey> {
        let signing = EncodingKey::from_rsa_pem(private.as_bytes()).map_err(InvalidKey::new)?;
        let key = DecodingKey::from_rsa_pem(public.as_bytes()).map_err(InvalidKey::new)?;
        Self::of_pair(Algorithm::RS256, signing, key)
    }

    /// ECDSA on the curve P-256, with keys as PEM text.
    ///
    /// # Errors
    /// If a key cannot be read, or the two do not match.
    pub fn es256(private: &str, public: &str) -> Result<Self, InvalidKey> {
        let signing = EncodingKey::from_ec_pem(private.as_bytes()).map_err(InvalidKey::new)?;
        let key = DecodingKey::from_ec_pem(public.as_bytes()).map_err(InvalidKey::new)?;
        Self::of_pair(Algorithm::ES256, signing, key)
    }

    /// Ed25519, with keys as PEM text.
    ///
    /// # Errors
    /// If a key cannot be read, or the two do not match.
    pub fn eddsa(private: &str, public: &str) -> Result<Self, InvalidKey> {
        let signing = EncodingKey::from_ed_pem(private.as_bytes()).map_err(InvalidKey::new)?;
        let key = DecodingKey::from_ed_pem(public.as_bytes()).map_err(InvalidKey::new)?;
        Self::of_pair(Algorithm::EdDSA, signing, key)
    }

    /// Verifies another issuer's tokens with a key set, given as JWKS text; it cannot sign. Keys that are not
    /// for signatures are skipped.
    ///
    /// Such an issuer usually signs for several applications, so say which one this is with
    /// [`audience`](Self::audience); otherwise a warning is logged.
    ///
    /// # Errors
    /// If the text is not a key set, or none of its keys verifies signatures.
    pub fn jwks(text: &str) -> Result<Self, InvalidKey> {
        Ok(Self::new(None, keys::of_set(text.as_bytes(), Whose::Own)?))
    }

    /// Verifies another issuer's tokens with the keys that it publishes at a URL; it cannot sign.
    ///
    /// The keys are fetched now, again every hour, and whenever a token names an unknown key: its client's
    /// handshake then waits for them. If fetching fails, the previous keys stay. To set times and sizes, pass a
    /// [`JwksUrl`] instead of a string.
    ///
    /// Requires the feature `jwks-url`, which brings in an HTTP client and TLS.
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), gateway_core::AppError> {
    /// use gateway_core::prelude::*;
    ///
    /// let jwt = JwtService::jwks_url("https://id.example/.well-known/jwks.json")
    ///     .await?
    ///     .issuer("https://id.example/")
    ///     .audience("chat");
    /// let app = App::builder().provide(jwt).build().await?;
    /// # drop(app);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If the keys cannot be fetched.
    #[cfg(feature = "jwks-url")]
    pub async fn jwks_url(url: impl Into<JwksUrl>) -> Result<Self, JwksError> {
        let remote = remote::Remote::open(url.into()).await?;
        Ok(Self { keys: Keys::Remote(remote), ..Self::new(None, Vec::new()) })
    }

    /// Sets the name that tokens use for this application in `aud`. Call it again for further names. A token
    /// for other audiences is refused; one without `aud` is accepted, unless
    /// [`require_audience`](Self::require_audience) is set.
    ///
    /// ```
    /// use gateway_core::JwtService;
    /// # let secret = "a secret of the deployment, 32 bytes long or more";
    /// let jwt = JwtService::hs256(secret).audience("chat").require_audience();
    /// ```
    #[must_use]
    pub fn audience(mut self, name: impl Into<String>) -> Self {
        self.expected.audiences.push(name.into());
        self
    }

    /// Refuses tokens without an audience (`aud`).
    #[must_use]
    pub fn require_audience(mut self) -> Self {
        self.expected.requires_audience = true;
        self
    }

    /// Sets who may issue tokens: their `iss` is then required, and must be this. Call it again for further
    /// issuers.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.expected.issuers.push(issuer.into());
        self
    }

    /// Sets how far the issuer's clock may be ahead of ours;
    /// [`JWT_LEEWAY`](crate::defaults::JWT_LEEWAY) by default. It applies to `nbf`, the time from which a token
    /// is valid, and not to `exp`.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expected.leeway = leeway;
        self
    }

    /// Sets what clients are told: `missing` if they sent no token, `refused` if their token is not valid.
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

    /// Reads the `sub` of tokens as a `T`, and uses its `Display` as the user's name, so that a user has one
    /// name however tokens spell it. A `sub` that is not a `T` is refused.
    ///
    /// ```
    /// use gateway_core::JwtService;
    /// # let secret = "a secret of the deployment, 32 bytes long or more";
    /// // `7`, `"7"` and `"007"` are all the user 7.
    /// let jwt = JwtService::hs256(secret).subject::<u64>();
    /// ```
    #[must_use]
    pub fn subject<T: FromStr + Display>(mut self) -> Self {
        self.subject = |subject| Some(subject.parse::<T>().ok()?.to_string());
        self
    }

    /// Makes a token from claims.
    ///
    /// # Errors
    /// If the claims cannot be encoded, or the service can only verify.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, WsException> {
        let Some((header, key)) = &self.signing else {
            return Err(WsException::internal(InvalidKey::new("this service has no private key")));
        };
        Ok(jsonwebtoken::encode(header, claims, key)?)
    }

    /// Verifies a token and reads its claims. In `C`, `sub` may be a number or a string, whichever of the two
    /// it is in the token: `"7"` is read as 7, and 7 as `"7"`.
    ///
    /// With keys from a URL, a token that names an unknown key is refused, and the keys are fetched for the
    /// next one. A [`JwtAuthenticator`] waits for them instead.
    ///
    /// # Errors
    /// `UNAUTHORIZED` if the token is not valid: if it is forged, expired, malformed, of another algorithm, for
    /// another audience or from another issuer.
    pub fn verify<C: DeserializeOwned>(&self, token: &str) -> Result<C, WsException> {
        let verified = self.verified(token, &self.keys.now());
        #[cfg(feature = "jwks-url")]
        if let (Keys::Remote(remote), Err(Flaw::UnknownKey)) = (&self.keys, &verified) {
            remote.refresh_soon();
        }
        let verified = verified.map_err(|flaw| self.refusal(flaw))?;
        verified.read().map_err(|error| self.refusal(error))
    }

    /// Like [`verify`](Self::verify), but with the newest keys.
    async fn verified_by_newest(&self, token: &str) -> Result<Verified, Flaw> {
        let verified = self.verified(token, &self.keys.now());
        #[cfg(feature = "jwks-url")]
        if let (Keys::Remote(remote), Err(Flaw::UnknownKey)) = (&self.keys, &verified) {
            remote.refresh().await;
            return self.verified(token, &self.keys.now());
        }
        verified
    }

    fn verified(&self, token: &str, keys: &[Key]) -> Result<Verified, Flaw> {
        let header = jsonwebtoken::decode_header(token)?;
        // It lists extensions that must be understood, and we understand none (RFC 7515, 4.1.11).
        if header.crit.is_some() {
            return Err(Flaw::Critical);
        }
        // The header only chooses among the keys; each key determines its own algorithm.
        let are_named = keys.iter().any(|key| key.id.is_some());
        let is_unknown =
            are_named && header.kid.is_some() && keys.iter().all(|key| key.id != header.kid);
        let mut why = match is_unknown {
            true => Flaw::UnknownKey,
            false => ErrorKind::InvalidAlgorithm.into(),
        };
        for key in keys.iter().filter(|key| key.is_meant_by(&header)) {
            match jsonwebtoken::decode::<Box<RawValue>>(token, &key.key, &key.validation) {
                Ok(signed) => {
                    let verified = Verified::of(signed.claims, self.subject)?;
                    self.expected.look_at(&verified.claims, self.clock.wall())?;
                    return Ok(verified);
                }
                Err(error) if !is_unknown => why = error.into(),
                Err(_) => {}
            }
        }
        Err(why)
    }

    fn refusal(&self, why: impl Into<Flaw>) -> WsException {
        WsException::unauthorized(self.refused.clone()).with_source(why.into())
    }

    /// What keeps an application from starting: what is wrong, and what to write instead.
    pub(crate) fn mistakes(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let no_secret = self.secret == Some(0);
        let no_audience = self.expected.requires_audience && self.expected.audiences.is_empty();
        let mistakes = [
            no_secret.then_some((
                "the secret of the `JwtService` is empty: anybody could sign tokens",
                "give it one of 32 random bytes or more, for example from `openssl rand -hex 32`; if it comes from the environment, do not start without it",
            )),
            no_audience.then_some((
                "the `JwtService` requires an audience, but is not told which",
                "write `.audience(\"..\")`, with the name that tokens use for this application in `aud`",
            )),
        ];
        mistakes.into_iter().flatten()
    }

    /// What an application should not be run with.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = &'static str> {
        let is_short = self.secret.is_some_and(|bytes| (1..SECRET_BYTES).contains(&bytes));
        let of_others = self.secret.is_none() && self.signing.is_none();
        let any_audience = of_others && self.expected.audiences.is_empty();
        let warnings = [
            is_short.then_some(
                "the secret of the `JwtService` is shorter than 32 bytes: it can be guessed from any token, and then anybody can sign",
            ),
            any_audience.then_some(
                "the `JwtService` accepts tokens that its issuer made for other applications: write `.audience(\"..\")`, with the name that tokens use for this one in `aud`",
            ),
        ];
        warnings.into_iter().flatten()
    }
}

/// Why a token is not valid.
#[derive(Debug, thiserror::Error)]
enum Flaw {
    #[error(transparent)]
    Token(#[from] Error),
    #[error("the token names an unknown key")]
    UnknownKey,
    #[error("the token has the header `crit`, which is not supported")]
    Critical,
}

impl From<ErrorKind> for Flaw {
    fn from(kind: ErrorKind) -> Self {
        Self::Token(kind.into())
    }
}

impl From<serde_json::Error> for Flaw {
    fn from(error: serde_json::Error) -> Self {
        Self::Token(error.into())
    }
}

impl fmt::Debug for JwtService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JwtService")
            .field("keys", &self.keys.now().len())
            .finish_non_exhaustive()
    }
}

/// Lets in clients whose token the application's [`JwtService`] verifies. Their identity is a `U`, read from
/// the token's claims.
///
/// The token is [`Handshake::token`]: `auth.token`, or else the `Authorization` header. Its `sub` is the
/// user for [`Server::user`](crate::Server::user), its `role` and `roles` are what the guard
/// [`Roles`](crate::Roles) looks at, and the session ends at its `exp`.
///
/// In `U`, `sub` may be a number or a string: a token's `"7"` is read as 7 where a number is wanted, and
/// 7 as `"7"` where a string is.
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

impl<U> JwtAuthenticator<U> {
    /// Creates one to call from an [`Authenticator`] of your own, which checks more than the token or words
    /// its refusals differently. For gateways that name `JwtAuthenticator<U>` itself it is injected.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use gateway_core::prelude::*;
    /// use serde::Deserialize;
    ///
    /// #[derive(Clone, Deserialize)]
    /// pub struct User {
    ///     pub sub: u64,
    /// }
    ///
    /// #[injectable]
    /// pub struct InOneWord {
    ///     jwt: Arc<JwtService>,
    /// }
    ///
    /// impl Authenticator for InOneWord {
    ///     type Identity = User;
    ///
    ///     async fn authenticate(
    ///         &self,
    ///         handshake: &Handshake,
    ///     ) -> Result<Authenticated<User>, WsException> {
    ///         let tokens = JwtAuthenticator::new(Arc::clone(&self.jwt));
    ///         tokens.authenticate(handshake).await.map_err(|refusal| refusal.with_message("no"))
    ///     }
    /// }
    /// ```
    #[must_use]
    pub const fn new(jwt: Arc<JwtService>) -> Self {
        Self { jwt, identity: PhantomData }
    }
}

impl<U: DeserializeOwned + Clone + Send + Sync + 'static> Authenticator for JwtAuthenticator<U> {
    type Identity = U;

    async fn authenticate(&self, handshake: &Handshake) -> Result<Authenticated<U>, WsException> {
        let Some(token) = handshake.token() else {
            return Err(WsException::unauthorized(self.jwt.missing.clone()));
        };
        let verified = self.jwt.verified_by_newest(token).await;
        let verified = verified.map_err(|flaw| self.jwt.refusal(flaw))?;
        let identity: U = verified.read().map_err(|error| self.jwt.refusal(error))?;
        let claims = &verified.claims;
        let mut authenticated = Authenticated::new(identity).roles(claims.roles());
        if let Some(ends) = claims.expires_at() {
            authenticated = authenticated.expires_at(ends);
        }
        Ok(match verified.user {
            Some(user) => authenticated.user(user),
            None => authenticated,
        })
    }
}

impl<U: 'static> Injectable for JwtAuthenticator<U> {
    fn dependencies() -> Dependencies {
        Dependencies::new().field::<Arc<JwtService>>("jwt").provided_as("JwtService::hs256(secret)")
    }

    fn build(provider: &mut Provider) -> Self {
        Self::new(provider.take())
    }
}

impl<U> fmt::Debug for JwtAuthenticator<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JwtAuthenticator").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
