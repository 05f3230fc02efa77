//! What a token says, and whether it is valid.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::errors::{Error, ErrorKind};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

/// What is required of a token besides its signature and its expiry.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// The names this application goes by. If empty, the audience is not checked.
    pub(super) audiences: Vec<String>,
    pub(super) requires_audience: bool,
    /// Who may have issued it. If empty, whoever has the key.
    pub(super) issuers: Vec<String>,
    /// How far the clock of an issuer may be ahead.
    pub(super) leeway: Duration,
}

impl Default for Expected {
    fn default() -> Self {
        Self {
            audiences: Vec::new(),
            requires_audience: false,
            issuers: Vec::new(),
            leeway: crate::defaults::JWT_LEEWAY,
        }
    }
}

impl Expected {
    /// # Errors
    /// Why the token is not valid.
    pub(super) fn look_at(&self, claims: &Claims, now: SystemTime) -> Result<(), ErrorKind> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as f64;
        let Some(exp) = claims.exp.as_f64() else { return Err(missing("exp")) };
        // A token has already expired at the very second of its `exp` (RFC 7519, 4.1.4).
        if exp <= now {
            return Err(ErrorKind::ExpiredSignature);
        }
        match &claims.nbf {
            Value::Null => {}
            nbf => match nbf.as_f64() {
                Some(nbf) if nbf - self.leeway.as_secs_f64() <= now => {}
                Some(_) => return Err(ErrorKind::ImmatureSignature),
                None => return Err(ErrorKind::InvalidClaimFormat("nbf".to_owned())),
            },
        }
        self.look_at_issuer(&claims.iss)?;
        self.look_at_audience(&claims.aud)
    }

    fn look_at_issuer(&self, iss: &Value) -> Result<(), ErrorKind> {
        match iss {
            _ if self.issuers.is_empty() => Ok(()),
            Value::Null => Err(missing("iss")),
            Value::String(issuer) if self.issuers.contains(issuer) => Ok(()),
            _ => Err(ErrorKind::InvalidIssuer),
        }
    }

    fn look_at_audience(&self, aud: &Value) -> Result<(), ErrorKind> {
        let is_meant = |name: &Value| {
            name.as_str().is_some_and(|name| self.audiences.iter().any(|own| own == name))
        };
        match aud {
            Value::Null if self.requires_audience => Err(missing("aud")),
            Value::Null => Ok(()),
            _ if self.audiences.is_empty() && !self.requires_audience => Ok(()),
            Value::Array(names) if names.iter().any(is_meant) => Ok(()),
            name if is_meant(name) => Ok(()),
            _ => Err(ErrorKind::InvalidAudience),
        }
    }
}

fn missing(claim: &str) -> ErrorKind {
    ErrorKind::MissingRequiredClaim(claim.to_owned())
}

/// What the framework itself reads from a token. A claim of the wrong type counts as absent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Claims {
    /// As text, because a number may be of any size.
    sub: Option<Box<RawValue>>,
    exp: Value,
    nbf: Value,
    aud: Value,
    iss: Value,
    role: Value,
    roles: Value,
}

impl Claims {
    pub(super) fn roles(&self) -> impl Iterator<Item = &str> {
        let several = self.roles.as_array().into_iter().flatten();
        [&self.role].into_iter().chain(several).filter_map(Value::as_str)
    }

    /// `None` also for a time that no clock can represent.
    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        let seconds = Duration::try_from_secs_f64(self.exp.as_f64()?).ok()?;
        UNIX_EPOCH.checked_add(seconds)
    }

    /// The text of `sub`: a number and the same number as a string are one user.
    fn subject(&self) -> Option<Cow<'_, str>> {
        let text = self.sub.as_ref()?.get();
        match text.as_bytes().first()? {
            b'"' => serde_json::from_str(text).ok().map(Cow::Owned),
            b'-' | b'0'..=b'9' => Some(number(text)),
            _ => None,
        }
    }
}

/// The claims of a token whose signature is good: their text, and what we read from it.
pub(super) struct Verified {
    text: Box<RawValue>,
    pub(super) claims: Claims,
    /// The name of the user.
    pub(super) user: Option<String>,
}

impl Verified {
    /// `named` turns a `sub` into the user's name.
    pub(super) fn of(
        text: Box<RawValue>,
        named: fn(String) -> Option<String>,
    ) -> Result<Self, Error> {
        let claims: Claims = serde_json::from_str(text.get())?;
        let user = match claims.subject() {
            Some(subject) => Some(named(subject.into_owned()).ok_or(ErrorKind::InvalidSubject)?),
            None => None,
        };
        Ok(Self { text, claims, user })
    }

    /// The claims as a `C`, whose `sub` may be a number or a string, whichever of the two the token has:
    /// RFC 7519 demands a string, but many user ids are numbers.
    pub(super) fn read<C: DeserializeOwned>(&self) -> serde_json::Result<C> {
        serde_json::from_str(self.text.get()).or_else(|error| {
            let other = self.with_other_subject();
            other.and_then(|text| serde_json::from_str(&text).ok()).ok_or(error)
        })
    }

    /// The claims with `sub` converted: a number into a string, a string of digits into a number.
    fn with_other_subject(&self) -> Option<String> {
        let user = self.user.as_deref()?;
        let other = match self.claims.sub.as_ref()?.get().starts_with('"') {
            true if is_integer(user) => user.to_owned(),
            true => return None,
            false => serde_json::to_string(user).ok()?,
        };
        let mut claims: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(self.text.get()).ok()?;
        claims.insert("sub".to_owned(), RawValue::from_string(other).ok()?);
        serde_json::to_string(&claims).ok()
    }
}

/// A number as text; a whole number as an integer, however it is written.
fn number(text: &str) -> Cow<'_, str> {
    /// Up to here, every integer has a float of its own.
    const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;

    match text.parse::<f64>() {
        Ok(number) if !is_integer(text) && number.fract() == 0.0 && number.abs() <= EXACT => {
            Cow::Owned((number as i64).to_string())
        }
        _ => Cow::Borrowed(text),
    }
}

/// Whether a text is the canonical form of an integer: `007` would be another name for user 7.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}
