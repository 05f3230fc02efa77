//! The keys that tokens are verified with.

use jsonwebtoken::{
    Algorithm, DecodingKey, Header, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse},
};

use super::InvalidKey;

/// A key that verifies, and the one algorithm it does it with.
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) key: DecodingKey,
    pub(super) validation: Validation,
}

impl Key {
    pub(super) fn new(algorithm: Algorithm, key: DecodingKey) -> Self {
        let mut validation = Validation::new(algorithm);
        // Only the signature: what the token says is checked in `Expected::look_at`, by our own clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.set_required_spec_claims::<&str>(&[]);
        Self { id: None, key, validation }
    }

    /// Whether a token with this header was signed with this key.
    pub(super) fn is_meant_by(&self, header: &Header) -> bool {
        let same_id = match (&self.id, &header.kid) {
            (Some(own), Some(named)) => own == named,
            _ => true,
        };
        same_id && self.validation.algorithms.contains(&header.alg)
    }
}

/// The keys of a set that verify signatures. Sets of real issuers also contain keys for encryption, and keys
/// of algorithms that we do not know.
pub(super) fn of_set(text: &[u8], whose: Whose) -> Result<Vec<Key>, InvalidKey> {
    let set: JwkSet = serde_json::from_slice(text).map_err(InvalidKey::new)?;
    let keys: Vec<Key> = set.keys.iter().filter_map(|jwk| verifying(jwk, whose)).collect();
    if keys.is_empty() {
        return Err(InvalidKey::new("none of the keys in the set verifies signatures"));
    }
    Ok(keys)
}

/// Where a set of keys comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// From the application, and may contain shared secrets.
    Own,
    /// Public, so nothing in it is a secret.
    #[cfg_attr(not(feature = "jwks-url"), allow(dead_code))]
    Published,
}

fn verifying(jwk: &Jwk, whose: Whose) -> Option<Key> {
    let is_secret = matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_));
    if is_secret && whose == Whose::Published {
        return None;
    }
    let algorithm = match jwk.common.key_algorithm {
        Some(named) => named.to_string().parse().ok()?,
        None => usual_algorithm(jwk)?,
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(Key { id: jwk.common.key_id.clone(), ..Key::new(algorithm, key) })
}

/// The algorithm of a signature key that does not name one: the only one for its curve, and for RSA the
/// default of OpenID Connect.
fn usual_algorithm(jwk: &Jwk) -> Option<Algorithm> {
    if jwk.common.public_key_use != Some(PublicKeyUse::Signature) {
        return None;
    }
    match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Some(Algorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => Some(Algorithm::ES256),
            EllipticCurve::P384 => Some(Algorithm::ES384),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(_) => Some(Algorithm::EdDSA),
        _ => None,
    }
}
