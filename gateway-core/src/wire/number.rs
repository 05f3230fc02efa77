//! [`Number`]: a number of JSON, with all its digits.

use std::fmt;

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;

/// A number of JSON.
///
/// Whole numbers keep all their digits, however many; the others are `f64`, as they are to JavaScript.
///
/// ```
/// use gateway_core::Number;
///
/// assert_eq!(Number::from(7).as_u64(), Some(7));
/// assert_eq!(Number::from(-7).as_f64(), Some(-7.0));
/// assert_eq!(Number::from_f64(0.5).and_then(|half| half.as_i64()), None);
/// ```
#[derive(Clone, PartialEq)]
pub struct Number(Repr);

#[derive(Debug, Clone, PartialEq)]
enum Repr {
    Unsigned(u64),
    /// Below zero.
    Signed(i64),
    /// Finite.
    Float(f64),
    /// What none of the others can say: a whole number of more than 64 bits, or one beyond `f64`.
    Text(Box<str>),
}

/// A number in the form in which serde shows it to a type.
pub(super) enum Shown {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    /// There is no such `f64`.
    OutOfRange,
}

impl Number {
    /// The number that `token` is in JSON's grammar.
    pub(super) fn of_token(token: &str) -> Self {
        if !token.contains(['.', 'e', 'E']) {
            if let Ok(value) = token.parse() {
                return Self(Repr::Unsigned(value));
            }
            // -0 is a float, which alone knows it.
            match token.parse() {
                Ok(0) => return Self(Repr::Float(-0.0)),
                Ok(value) => return Self(Repr::Signed(value)),
                Err(_) => return Self(Repr::Text(token.into())),
            }
        }
        match token.parse::<f64>() {
            Ok(value) if value.is_finite() => Self(Repr::Float(value)),
            _ => Self(Repr::Text(token.into())),
        }
    }

    /// The number for an `f64`; `None` for `NaN` and the infinities, which JSON cannot express.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(Repr::Float(value)))
    }

    /// Its value, if it is written as a whole number that is neither negative nor too large.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.as_u128()?.try_into().ok()
    }

    /// Its value, if it is written as a whole number that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.as_i128()?.try_into().ok()
    }

    /// Like [`as_u64`](Self::as_u64), up to 128 bits.
    #[must_use]
    pub fn as_u128(&self) -> Option<u128> {
        match &self.0 {
            Repr::Unsigned(value) => Some((*value).into()),
            Repr::Text(text) => text.parse().ok(),
            Repr::Signed(_) | Repr::Float(_) => None,
        }
    }

    /// Like [`as_i64`](Self::as_i64), up to 128 bits.
    #[must_use]
    pub fn as_i128(&self) -> Option<i128> {
        match &self.0 {
            Repr::Unsigned(value) => Some((*value).into()),
            Repr::Signed(value) => Some((*value).into()),
            Repr::Text(text) => text.parse().ok(),
            Repr::Float(_) => None,
        }
    }

    /// The nearest `f64`; `None` if the number is beyond the largest one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match &self.0 {
            Repr::Unsigned(value) => Some(*value as f64),
            Repr::Signed(value) => Some(*value as f64),
            Repr::Float(value) => Some(*value),
            Repr::Text(text) => text.parse().ok().filter(|value: &f64| value.is_finite()),
        }
    }

    /// Its form for a type that takes any.
    pub(super) fn shown(&self) -> Shown {
        match (&self.0, self.as_f64()) {
            (Repr::Unsigned(value), _) => Shown::Unsigned(*value),
            (Repr::Signed(value), _) => Shown::Signed(*value),
            (_, Some(value)) => Shown::Float(value),
            (_, None) => Shown::OutOfRange,
        }
    }

    /// The same number as a whole one, where it is one that is written as a float, as clients do
    /// whose numbers all are: `7.0`, `1e3`.
    pub(super) fn whole(&self) -> Option<i128> {
        /// Above this the conversion would no longer be exact, but saturate.
        const LIMIT: f64 = i128::MAX as f64;
        match self.0 {
            Repr::Float(value) if value.fract() == 0.0 && value.abs() < LIMIT => {
                Some(value as i128)
            }
            _ => None,
        }
    }

    /// The nearest `f32` of what was written, and not of the nearest `f64`.
    pub(super) fn as_f32(&self) -> Option<f32> {
        self.to_string().parse().ok().filter(|value: &f32| value.is_finite())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Unsigned(value) => value.fmt(formatter),
            Repr::Signed(value) => value.fmt(formatter),
            // Rust writes 1e300 with all its zeros, and 1.0 without its.
            Repr::Float(value) => write!(formatter, "{value:?}"),
            Repr::Text(text) => formatter.write_str(text),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Number({self})")
    }
}

macro_rules! from_whole {
    ($($unsigned:ident)* - $($signed:ident)*) => {
        $(impl From<$unsigned> for Number {
            fn from(value: $unsigned) -> Self {
                Self(Repr::Unsigned(value.into()))
            }
        })*
        $(impl From<$signed> for Number {
            fn from(value: $signed) -> Self {
                let value = i64::from(value);
                Self(u64::try_from(value).map_or(Repr::Signed(value), Repr::Unsigned))
            }
        })*
    };
}

from_whole!(u8 u16 u32 u64 - i8 i16 i32 i64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Unsigned(value) => serializer.serialize_u64(*value),
            Repr::Signed(value) => serializer.serialize_i64(*value),
            Repr::Float(value) => serializer.serialize_f64(*value),
            Repr::Text(text) => match (self.as_u128(), self.as_i128()) {
                (Some(value), _) => serializer.serialize_u128(value),
                (None, Some(value)) => serializer.serialize_i128(value),
                (None, None) => {
                    let text: &RawValue = serde_json::from_str(text).map_err(S::Error::custom)?;
                    text.serialize(serializer)
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_written_as_it_was_read() {
        for token in [
            "0",
            "-0.0",
            "7",
            "-7",
            "7.0",
            "0.1",
            "18446744073709551615",
            "-9223372036854775808",
            "18446744073709551616",
            "-9223372036854775809",
            "1e300",
            "1e400",
            "-1e400",
            "5e-324",
            "340282366920938463463374607431768211455",
            "340282366920938463463374607431768211456",
        ] {
            let number = Number::of_token(token);
            assert_eq!(number.to_string(), token);
            let written = serde_json::to_string(&number).unwrap();
            assert_eq!(Number::of_token(&written), number, "{token} is written {written}");
        }
    }

    #[test]
    fn it_is_what_its_form_says() {
        let number = Number::of_token;
        assert_eq!(number("7").as_i64(), Some(7));
        assert_eq!(number("-7").as_u64(), None);
        assert_eq!(number("7.0").as_u64(), None);
        assert_eq!(number("7.0").whole(), Some(7));
        assert_eq!(number("-0").whole(), Some(0));
        assert_eq!(number("7.5").whole(), None);
        assert_eq!(number("1e300").whole(), None);
        assert_eq!(number("18446744073709551616").as_u64(), None);
        assert_eq!(number("18446744073709551616").as_u128(), Some(1 << 64));
        assert_eq!(number("18446744073709551616").as_f64(), Some(18446744073709551616.0));
        assert_eq!(number("1e400").as_f64(), None);
        assert_eq!(Number::from_f64(f64::NAN), None);
        assert_eq!(Number::from(-1_i8), number("-1"));
        assert_eq!(Number::from(1_i64), number("1"));
    }

    /// The nearest `f64` lies exactly between two `f32`, and what was written does not.
    #[test]
    fn an_f32_is_rounded_once() {
        assert_eq!(Number::of_token("1.0000000596046448").as_f32(), Some(1.000_000_1));
        assert_eq!(Number::of_token("1e39").as_f32(), None);
        assert_eq!(Number::of_token("16777217").as_f32(), Some(16_777_216.0));
    }
}
