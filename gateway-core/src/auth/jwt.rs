//! JSON Web Tokens.

use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    errors::ErrorKind,
    jwk::{Jwk, JwkSet},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

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
        let refused = |error| WsException::unauthorized(self.refused.clone()).with_source(error);
        let header = jsonwebtoken::decode_header(token).map_err(refused)?;
        // Which algorithms there are is the keys' business: the header only chooses among the keys.
        let mut why = ErrorKind::InvalidAlgorithm.into();
        for key in self.keys.iter().filter(|key| key.is_meant_by(&header)) {
            match jsonwebtoken::decode::<Value>(token, &key.key, &key.validation) {
                Ok(token) if has_ended(&token.claims) => why = ErrorKind::ExpiredSignature.into(),
                Ok(token) => {
                    let claims = serde_json::from_value(token.claims);
                    return claims.map_err(|error| refused(error.into()));
                }
                Err(error) => why = error,
            }
        }
        Err(refused(why))
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
        let claims: Value = self.jwt.verify(token)?;
        let refused =
            |error| WsException::unauthorized(self.jwt.refused.clone()).with_source(error);
        let own = Claims::deserialize(&claims).map_err(refused)?;
        let identity: U = serde_json::from_value(claims).map_err(refused)?;
        let mut authenticated = Authenticated::new(identity).roles(own.roles());
        if let Some(ends) = own.expires_at() {
            authenticated = authenticated.expires_at(ends);
        }
        match user_id(own.sub) {
            Some(user) => Ok(authenticated.user(user)),
            None => Ok(authenticated),
        }
    }
}

fn verifying_key(jwk: &Jwk) -> Option<Key> {
    let algorithm = jwk.common.key_algorithm?.to_string().parse::<Algorithm>().ok()?;
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(Key { id: jwk.common.key_id.clone(), ..Key::new(algorithm, key) })
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
}

/// At the very second of its `exp` a token no longer holds (RFC 7519, 4.1.4); the library lets it.
fn has_ended(claims: &Value) -> bool {
    let now = jsonwebtoken::get_current_timestamp();
    claims["exp"].as_f64().is_none_or(|exp| exp <= now as f64)
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
mod tests {
    use super::*;
    use crate::{code, platform::RequestHead, session::Session};

    const FAR: u64 = 4_000_000_000;

    #[track_caller]
    fn refused(jwt: &JwtService, token: &str) {
        let error = jwt.verify::<Value>(token).unwrap_err();
        assert_eq!(error.code(), code::UNAUTHORIZED);
        assert_eq!(error.message(), "Authentication failed");
    }

    #[track_caller]
    fn holds(jwt: &JwtService, token: &str) {
        assert_eq!(jwt.verify::<Value>(token).unwrap()["sub"], 7);
    }

    /// A token of anybody with a key: what the service itself would not sign.
    fn forged(header: &Header, key: &EncodingKey) -> String {
        jsonwebtoken::encode(header, &json!({ "sub": 7, "exp": FAR }), key).unwrap()
    }

    fn named(algorithm: Algorithm, kid: &str) -> Header {
        Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) }
    }

    fn good(jwt: &JwtService) -> String {
        jwt.sign(&json!({ "sub": 7, "exp": FAR })).unwrap()
    }

    fn every_kind() -> [JwtService; 4] {
        [
            JwtService::hs256("secret"),
            JwtService::rs256(RSA, RSA_PUBLIC).unwrap(),
            JwtService::es256(EC, EC_PUBLIC).unwrap(),
            JwtService::eddsa(ED, ED_PUBLIC).unwrap(),
        ]
    }

    #[test]
    fn its_own_tokens_hold_and_no_others() {
        for (place, jwt) in every_kind().iter().enumerate() {
            for (other_place, other) in every_kind().iter().enumerate() {
                if place == other_place {
                    holds(jwt, &good(other));
                } else {
                    refused(jwt, &good(other));
                }
            }
        }
        // The same algorithm, another key.
        refused(&JwtService::hs256("secret"), &good(&JwtService::hs256("Secret")));
        let stranger = EncodingKey::from_ed_pem(OTHER_ED.as_bytes()).unwrap();
        let jwt = JwtService::eddsa(ED, ED_PUBLIC).unwrap();
        refused(&jwt, &forged(&Header::new(Algorithm::EdDSA), &stranger));
    }

    #[test]
    fn what_is_no_token_does_not_hold() {
        for jwt in &every_kind() {
            let token = good(jwt);
            let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
                panic!("a token has three parts")
            };
            for wrong in [
                "",
                ".",
                "..",
                "a.b.c",
                header,
                &format!("{header}.{claims}"),
                &format!("{header}.{claims}."),
                &format!("{header}.{claims}.{claims}"),
                &format!("{header}.{claims}.{signature}.{signature}"),
                &format!("{header}.{signature}.{claims}"),
                &format!(" {token}"),
                &format!("{token}="),
                // {"sub":8,"exp":4000000000}, under the signature of another
                &format!("{header}.eyJzdWIiOjgsImV4cCI6NDAwMDAwMDAwMH0.{signature}"),
            ] {
                refused(jwt, wrong);
            }
        }
    }

    /// The public key is public: whoever has it can sign with its text as if it were a secret.
    #[test]
    fn the_public_key_is_no_secret() {
        let modulus = {
            use jsonwebtoken::jwk::AlgorithmParameters;
            let set: JwkSet = serde_json::from_str(KEYS).unwrap();
            let AlgorithmParameters::RSA(rsa) = &set.keys[0].algorithm else {
                panic!("no RSA key")
            };
            rsa.n.clone()
        };
        let services = [
            JwtService::rs256(RSA, RSA_PUBLIC).unwrap(),
            JwtService::es256(EC, EC_PUBLIC).unwrap(),
            JwtService::eddsa(ED, ED_PUBLIC).unwrap(),
            JwtService::jwks(KEYS).unwrap(),
        ];
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            for public in [RSA_PUBLIC, EC_PUBLIC, ED_PUBLIC, KEYS, &modulus] {
                for secret in [public, public.trim_end(), &format!("{public}\n"), ""] {
                    let secret = EncodingKey::from_secret(secret.as_bytes());
                    for jwt in &services {
                        refused(jwt, &forged(&Header::new(algorithm), &secret));
                        for kid in ["rsa", "ec", "ed"] {
                            refused(jwt, &forged(&named(algorithm, kid), &secret));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_header_does_not_choose_the_algorithm() {
        let [hmac, rsa, ..] = &every_kind();
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            let same_secret = EncodingKey::from_secret(b"secret");
            refused(hmac, &forged(&Header::new(algorithm), &same_secret));
        }
        for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
            let same_key = EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap();
            refused(rsa, &forged(&Header::new(algorithm), &same_key));
        }
        // {"alg":"none"}, {"alg":"None"}, {"alg":"NONE"}, {"typ":"JWT"}, {"alg":""}, {"alg":null}
        for header in [
            "eyJhbGciOiJub25lIn0",
            "eyJhbGciOiJOb25lIn0",
            "eyJhbGciOiJOT05FIn0",
            "eyJ0eXAiOiJKV1QifQ",
            "eyJhbGciOiIifQ",
            "eyJhbGciOm51bGx9",
        ] {
            for jwt in &every_kind() {
                let token = good(jwt);
                let (_, rest) = token.split_once('.').unwrap();
                let (claims, signature) = rest.split_once('.').unwrap();
                refused(jwt, &format!("{header}.{claims}."));
                refused(jwt, &format!("{header}.{claims}.{signature}"));
                refused(jwt, &format!("{header}.{claims}"));
            }
        }
    }

    #[test]
    fn expiry_is_required_and_exact() {
        for jwt in &every_kind() {
            let now = jsonwebtoken::get_current_timestamp();
            for exp in [
                json!(null),
                json!(now - 1),
                json!(0),
                json!(-1),
                json!(FAR.to_string()),
                json!([FAR]),
                json!({ "at": FAR }),
                json!(true),
            ] {
                refused(jwt, &jwt.sign(&json!({ "sub": 7, "exp": exp })).unwrap());
            }
            refused(jwt, &jwt.sign(&json!({ "sub": 7 })).unwrap());
            holds(jwt, &jwt.sign(&json!({ "sub": 7, "exp": now + 60 })).unwrap());
        }
    }

    #[test]
    fn a_token_for_later_does_not_hold_yet() {
        let jwt = JwtService::hs256("secret");
        let now = jsonwebtoken::get_current_timestamp();
        let token = |nbf: u64| jwt.sign(&json!({ "sub": 7, "exp": FAR, "nbf": nbf })).unwrap();
        refused(&jwt, &token(now + 60));
        holds(&jwt, &token(now - 1));
    }

    #[test]
    fn claims_of_another_form_are_refused() {
        #[derive(Debug, Deserialize)]
        struct Named {
            #[serde(rename = "name")]
            _name: String,
        }
        let jwt = JwtService::hs256("secret");
        let error = jwt.verify::<Named>(&good(&jwt)).unwrap_err();
        assert_eq!((error.code(), error.message()), (code::UNAUTHORIZED, "Authentication failed"));
    }

    #[test]
    fn keys_of_the_wrong_kind_cannot_be_read() {
        for (private, public) in
            [("", ""), ("no key", RSA_PUBLIC), (RSA, "no key"), (RSA, EC_PUBLIC)]
        {
            assert!(JwtService::rs256(private, public).is_err());
        }
        assert!(JwtService::rs256(EC, EC_PUBLIC).is_err());
        assert!(JwtService::es256(ED, ED_PUBLIC).is_err());
        assert!(JwtService::eddsa(RSA, RSA_PUBLIC).is_err());
        assert!(JwtService::es256(EC_PUBLIC, EC_PUBLIC).is_err());
        assert!(JwtService::eddsa(ED_PUBLIC, ED_PUBLIC).is_err());
    }

    #[test]
    fn an_unreadable_key_is_not_repeated_in_its_error() {
        let error = JwtService::rs256("top secret", RSA_PUBLIC).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("top secret"), "{error:?}");
    }

    #[test]
    fn a_key_set_verifies_by_the_name_of_the_key() {
        let jwt = JwtService::jwks(KEYS).unwrap();
        let [rsa, ec, ed] = signers();
        holds(&jwt, &forged(&named(Algorithm::RS256, "rsa"), &rsa));
        holds(&jwt, &forged(&named(Algorithm::ES256, "ec"), &ec));
        holds(&jwt, &forged(&named(Algorithm::EdDSA, "ed"), &ed));
        // Which key it was is not told: those of the algorithm are tried.
        holds(&jwt, &forged(&Header::new(Algorithm::RS256), &rsa));
        holds(&jwt, &forged(&Header::new(Algorithm::ES256), &ec));
        holds(&jwt, &forged(&Header::new(Algorithm::EdDSA), &ed));
    }

    #[test]
    fn a_key_set_refuses_other_names_keys_and_algorithms() {
        let jwt = JwtService::jwks(KEYS).unwrap();
        let [rsa, ec, ed] = signers();
        // There is no such key.
        refused(&jwt, &forged(&named(Algorithm::RS256, "retired"), &rsa));
        refused(&jwt, &forged(&named(Algorithm::RS256, ""), &rsa));
        refused(&jwt, &forged(&named(Algorithm::RS256, "RSA"), &rsa));
        // There is, but it is another one.
        refused(&jwt, &forged(&named(Algorithm::RS256, "ec"), &rsa));
        refused(&jwt, &forged(&named(Algorithm::ES256, "ed"), &ec));
        refused(&jwt, &forged(&named(Algorithm::EdDSA, "other-ed"), &ed));
        // The key has another algorithm.
        refused(&jwt, &forged(&named(Algorithm::RS512, "rsa"), &rsa));
        refused(&jwt, &forged(&named(Algorithm::PS256, "rsa"), &rsa));
        // A key of nobody.
        let ghost = EncodingKey::from_ed_pem(GHOST_ED.as_bytes()).unwrap();
        refused(&jwt, &forged(&named(Algorithm::EdDSA, "ed"), &ghost));
        refused(&jwt, &forged(&Header::new(Algorithm::EdDSA), &ghost));
    }

    /// While keys are rotated there are two of one kind.
    #[test]
    fn a_key_set_tries_all_keys_of_the_algorithm_where_none_is_named() {
        let jwt = JwtService::jwks(KEYS).unwrap();
        let second = EncodingKey::from_ed_pem(OTHER_ED.as_bytes()).unwrap();
        holds(&jwt, &forged(&Header::new(Algorithm::EdDSA), &second));
        holds(&jwt, &forged(&named(Algorithm::EdDSA, "other-ed"), &second));
        refused(&jwt, &forged(&named(Algorithm::EdDSA, "ed"), &second));
    }

    #[test]
    fn a_key_set_signs_nothing() {
        let error = JwtService::jwks(KEYS).unwrap().sign(&json!({ "exp": FAR })).unwrap_err();
        assert!(error.is_internal());
    }

    #[test]
    fn what_is_no_key_set_cannot_be_read() {
        let nameless = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": ED_X }] });
        for text in [
            "",
            "{}",
            "[]",
            r#"{"keys":{}}"#,
            r#"{"keys":[{}]}"#,
            RSA_PUBLIC,
            &nameless.to_string(),
        ] {
            assert!(JwtService::jwks(text).is_err(), "{text}");
        }
    }

    async fn admit(claims: Value) -> Result<Session, WsException> {
        #[derive(Clone, Deserialize)]
        struct Anyone {}
        let jwt = JwtService::hs256("secret").messages("No token", "No entry");
        let token = jwt.sign(&claims).unwrap();
        let auth = json!({ "token": token }).to_string();
        let handshake = Handshake::new(Some(&auth), Arc::new(RequestHead::default()));
        let authenticator = JwtAuthenticator::<Anyone> { jwt: jwt.into(), identity: PhantomData };
        Authenticator::authenticate(&authenticator, &handshake).await.map(Session::from)
    }

    #[tokio::test]
    async fn the_session_is_that_of_the_token() {
        let claims = json!({ "sub": 7, "exp": FAR, "role": "admin", "roles": ["writer"] });
        let session = admit(claims).await.unwrap();
        assert_eq!(session.user(), Some("7"));
        assert_eq!(session.roles(), ["admin", "writer"]);
        assert_eq!(session.expires_at(), Some(UNIX_EPOCH + Duration::from_secs(FAR)));
    }

    #[tokio::test]
    async fn a_number_and_its_text_are_one_user() {
        for (sub, user) in [
            (json!(7), Some("7")),
            (json!("7"), Some("7")),
            (json!("seven"), Some("seven")),
            (json!(null), None),
            (json!(true), None),
        ] {
            let session = admit(json!({ "sub": sub, "exp": FAR })).await.unwrap();
            assert_eq!(session.user(), user, "{sub}");
            assert!(session.roles().is_empty());
        }
        assert_eq!(admit(json!({ "exp": FAR })).await.unwrap().user(), None);
    }

    #[tokio::test]
    async fn who_is_refused_reads_the_words_of_the_application() {
        let error = admit(json!({ "sub": 7 })).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (code::UNAUTHORIZED, "No entry"));

        let jwt = Arc::new(JwtService::hs256("secret").messages("No token", "No entry"));
        let authenticator = JwtAuthenticator::<Value> { jwt, identity: PhantomData };
        for auth in ["null", "{}", r#"{"token":""}"#, r#"{"token":7}"#] {
            let handshake = Handshake::new(Some(auth), Arc::new(RequestHead::default()));
            let error = Authenticator::authenticate(&authenticator, &handshake).await.unwrap_err();
            assert_eq!((error.code(), error.message()), (code::UNAUTHORIZED, "No token"), "{auth}");
        }
    }

    #[test]
    fn no_key_is_shown() {
        for jwt in &every_kind() {
            assert_eq!(format!("{jwt:?}"), "JwtService { keys: 1, .. }");
        }
    }

    fn signers() -> [EncodingKey; 3] {
        [
            EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap(),
            EncodingKey::from_ec_pem(EC.as_bytes()).unwrap(),
            EncodingKey::from_ed_pem(ED.as_bytes()).unwrap(),
        ]
    }

    // Keys made for these tests; they open nothing.

    const RSA: &str = "\
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQClp+rMSkqAlMzN
tEDh8KH7D1z7AUW3ajTMJH5pKIK0vWrvRMas8SyzDviKd7zasuw0/4oZpe6bNJFV
LuD7SP9Y7F2Ulv9JzVhGWOX/wr7C7bWmFf6UmPt2hZ++wXjNNKCyPzksfg2o6sUN
B9OvOGSuS9vTrk9c/G4p4gsUWoH7NCFCz0BUukaXcUjxrx3ymd5oXD7odw3feu58
I0mb30zJL4JKJHfdByk6yjZ7BY5H6u5XIz03fSnDQqr9dFckG4jcd1agWvYBmbY+
BI12BOU/DRRUARUadD9ZAFaJaMxjp371/P/QzLfIXObiMiqtCFhim3yHTnvFjwlF
ZQITpXHbAgMBAAECggEAHwB677qjkMbIQWMPlXk8R0kLxKnrSzUkJmRaCAId3Adr
ANZlPC5yiBwwJXHdNSyxCgYc6UnlisRewotgbYauywyJQuqzYjN85sVyXdgrbT2h
djC9kT/EJ91AFSoOGpFT1agBYjNBCTDOqe6iDjPGm9v0ivwfPC69yzbTjf6WPtWo
o2miflosS+25srwCeNHvsI1v/OSXqm2i0bHmmplhRC1zr/Fv/g/JN9CMQdUR3OWt
bstyisVZser4o45+yizbmvMUrt1BhmthxieXfLqY9JWcoZ5ZNOJc4voePgqeTpbG
+zUpEtTfixDbu55F4rClVCKIDSZlGwUKJTuy9LCIMQKBgQDOL+whSbG6B+UlvMkT
sX9+lb1OIReFnT4Gq5LYoTTT2m2Xh8L1mplfU+gLNBgJ0xP4gZtT220ircG3nlQ7
Y5zddTwqS68sA7Yiso3H20YbPq+syenJvcL7wXwXqW2N3WgCOwy+Z8KcXfK1uqiz
4fKj6W9VL9zlzjwJgPqsvdUjkwKBgQDNrUD3LVVt8FUQI/ooIFMoUBUL0pHNXeiO
E8zRplIkqLyI5reWhCPKSTKGu2OT/HUP1M2I7LCRhmjU2Fl6um2kaj5Kc2WA50Pm
ABy3B2JkvuBVIAnrOAyrR2MohGrHcWpjlEz8V/zjFRR+f2OHQyxp6/PmDzHrbhB0
VXtXJJt1mQKBgBUM+XuwjW+jzLZcnt7e2VhwK0KlyEQA+Msviy+Izd7vRw8YckQn
A4+i/mbea7HdFgXiHZyjI3JN8SAxDwJ9Og+2H21mCr1gp6DFQApujarMbJ0khDTv
pc+UQnob9y5rs2m+458w8sKKKPR62Sx8Xgx0EcTNvSzNMH376BvoybD3AoGAEFj5
9euDg8Z7bFn/sxrGoUikM5lb/1+8cTZ/rBY1JzbGLXdxFiSQl65ztqPESWnigAyg
/YYajqaJRImhqxCQUGYlZ1N+uN0o12og3idXGbzWJc3zG+ALmb2F0x2bQxjvpNSP
vercbcwqIdfMOF8Nc6nOa/W/OQA5jJWSxR1iwdkCgYEAx2uRxH8vrMgRTqEEfZmG
D/iaO+udKKB0h3nDe90z3cwNIN1W1qGimgUjpBve95RrhUh4RhZ5L8V2yxAzTr70
b7y1/KCfQt1nAazGRSwSkTo0Y+svyHsGksK3McbQj7U93oLt7q0lCxc8P3dQQcFK
Zea4XI61v+VH6bc00py5Np8=
-----END PRIVATE KEY-----
";

    const RSA_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApafqzEpKgJTMzbRA4fCh
+w9c+wFFt2o0zCR+aSiCtL1q70TGrPEssw74ine82rLsNP+KGaXumzSRVS7g+0j/
WOxdlJb/Sc1YRljl/8K+wu21phX+lJj7doWfvsF4zTSgsj85LH4NqOrFDQfTrzhk
rkvb065PXPxuKeILFFqB+zQhQs9AVLpGl3FI8a8d8pneaFw+6HcN33rufCNJm99M
yS+CSiR33QcpOso2ewWOR+ruVyM9N30pw0Kq/XRXJBuI3HdWoFr2AZm2PgSNdgTl
Pw0UVAEVGnQ/WQBWiWjMY6d+9fz/0My3yFzm4jIqrQhYYpt8h057xY8JRWUCE6Vx
2wIDAQAB
-----END PUBLIC KEY-----
";

    const EC: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgh+XfbXmELJavugpe
7Vl8ndAp6ugcQp7C748n6eArclShRANCAASdssqaCM/DgeAapaHWhtKbLy5NcpQH
GE+qSP8F05nlTkt5cDo08WFDRJF9m1lo4uWS5wzmY+OknlGcZX5BTaWp
-----END PRIVATE KEY-----
";

    const EC_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEnbLKmgjPw4HgGqWh1obSmy8uTXKU
BxhPqkj/BdOZ5U5LeXA6NPFhQ0SRfZtZaOLlkucM5mPjpJ5RnGV+QU2lqQ==
-----END PUBLIC KEY-----
";

    const ED: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIDti3ra0PfhQ15X1hh0ZtnmhRvtoYrklVQfP9h92bSkw
-----END PRIVATE KEY-----
";

    const ED_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAvKYf77I0F4EYS7vKjnxWmJOFHjEZEKoZLj7pe8BFZ0o=
-----END PUBLIC KEY-----
";

    const OTHER_ED: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIQrHU+tF39YLKZ3Z735AzQndLDN78TgzPsUUSm7ccXk
-----END PRIVATE KEY-----
";

    const GHOST_ED: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIPvzlfUerTWxY5md+Xd0NEnJauY58GKrI9L7WORG71Rk
-----END PRIVATE KEY-----
";

    const ED_X: &str = "vKYf77I0F4EYS7vKjnxWmJOFHjEZEKoZLj7pe8BFZ0o";

    /// The public halves of the above, as an issuer publishes them.
    const KEYS: &str = r#"{"keys": [
        {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "rsa", "e": "AQAB", "n": "pafqzEpKgJTMzbRA4fCh-w9c-wFFt2o0zCR-aSiCtL1q70TGrPEssw74ine82rLsNP-KGaXumzSRVS7g-0j_WOxdlJb_Sc1YRljl_8K-wu21phX-lJj7doWfvsF4zTSgsj85LH4NqOrFDQfTrzhkrkvb065PXPxuKeILFFqB-zQhQs9AVLpGl3FI8a8d8pneaFw-6HcN33rufCNJm99MyS-CSiR33QcpOso2ewWOR-ruVyM9N30pw0Kq_XRXJBuI3HdWoFr2AZm2PgSNdgTlPw0UVAEVGnQ_WQBWiWjMY6d-9fz_0My3yFzm4jIqrQhYYpt8h057xY8JRWUCE6Vx2w"},
        {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "ec", "x": "nbLKmgjPw4HgGqWh1obSmy8uTXKUBxhPqkj_BdOZ5U4", "y": "S3lwOjTxYUNEkX2bWWji5ZLnDOZj46SeUZxlfkFNpak"},
        {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "ed", "x": "vKYf77I0F4EYS7vKjnxWmJOFHjEZEKoZLj7pe8BFZ0o"},
        {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "other-ed", "x": "y6UBuB0EtooXnFVnn9-hdgQEQa6UIpnB2sITdTMscWM"}
    ]}"#;
}
