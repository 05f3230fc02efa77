//! A user, as everything else names one.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A user, as the claims of an access token name it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct User {
    /// The token's `sub`.
    #[serde(rename = "sub")]
    pub(crate) id: UserId,
    /// What the user may do, beyond what everyone may.
    pub(crate) role: Option<String>,
}

/// A user's number. Read from a number or a string of digits, always written as a number.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    sqlx::Type,
)]
#[serde(try_from = "Value")]
#[sqlx(transparent)]
pub(crate) struct UserId(pub(crate) i64);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text names no user.
#[derive(Debug, thiserror::Error)]
#[error("must be a number or a string of digits")]
pub(crate) struct NoUserId;

impl FromStr for UserId {
    type Err = NoUserId;

    fn from_str(text: &str) -> Result<Self, NoUserId> {
        // `parse` would take a sign, too.
        let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok()).map(Self).ok_or(NoUserId)
    }
}

impl TryFrom<Value> for UserId {
    type Error = NoUserId;

    fn try_from(value: Value) -> Result<Self, NoUserId> {
        match value {
            Value::String(text) => text.parse(),
            // Whatever is no whole number is not written in digits alone.
            other => other.to_string().parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(claims: Value) -> Result<User, serde_json::Error> {
        serde_json::from_value(claims)
    }

    #[test]
    fn a_number_and_its_digits_are_the_same_user() {
        let number = user(json!({"sub": 7, "exp": 1})).unwrap();
        let digits = user(json!({"sub": "7", "exp": 1, "role": "admin"})).unwrap();
        assert_eq!(number.id, digits.id);
        assert_eq!(number.role, None);
        assert_eq!(digits.role.as_deref(), Some("admin"));
        assert_eq!(serde_json::to_value(digits.id).unwrap(), json!(7));
    }

    #[test]
    fn anything_else_is_no_user() {
        for sub in [
            json!("ann"),
            json!("+7"),
            json!("-7"),
            json!(""),
            json!(-7),
            json!(1.5),
            json!(null),
            json!([7]),
        ] {
            assert!(user(json!({ "sub": sub, "exp": 1 })).is_err(), "{sub}");
        }
        assert!(user(json!({"sub": "99999999999999999999", "exp": 1})).is_err());
        assert!(user(json!({"role": "admin", "exp": 1})).is_err());
        assert!(user(json!({"sub": 7, "role": 7, "exp": 1})).is_err());
    }
}
