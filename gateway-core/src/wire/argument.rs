//! A message's arguments as they arrived: JSON mixed with binary data, at any depth.

use std::{fmt, ops::Deref};

use bytes::Bytes;
use serde::{
    Deserialize, Serialize, Serializer,
    de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::Value;

use super::{Number, buffers, decode::from_value};
use crate::exception::WsException;

/// One value in a message: JSON, in which binary data may appear anywhere.
///
/// ```
/// use gateway_core::Argument;
///
/// let mixed = Argument::Array(vec![Argument::from("name"), Argument::Binary(vec![1, 2].into())]);
/// assert!(matches!(mixed, Argument::Array(items) if items.len() == 2));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Argument {
    /// JSON `null`; also an argument that was `undefined`.
    Null,
    /// JSON `true` or `false`.
    Bool(bool),
    /// A JSON number, with all its digits. A type that takes any number sees a whole number of more than 64 bits as
    /// the nearest `f64`, as JavaScript does.
    Number(Number),
    /// A JSON string.
    String(String),
    /// A `Buffer`, an `ArrayBuffer`, a typed array or Python's `bytes`.
    Binary(Bytes),
    /// A JSON array.
    Array(Vec<Argument>),
    /// A JSON object, with its keys in the order in which they were sent.
    Object(Vec<(String, Argument)>),
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<Value> for Argument {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(value) => Self::Number(Number::of_token(&value.to_string())),
            Value::String(value) => Self::String(value),
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Object(fields) => {
                Self::Object(fields.into_iter().map(|(key, value)| (key, value.into())).collect())
            }
        }
    }
}

impl Argument {
    pub(super) fn has_binary(&self) -> bool {
        match self {
            Self::Binary(_) => true,
            Self::Array(items) => items.iter().any(Self::has_binary),
            Self::Object(fields) => fields.iter().any(|(_, value)| value.has_binary()),
            _ => false,
        }
    }

    pub(super) fn has_whole_float(&self) -> bool {
        match self {
            Self::Number(number) => number.whole().is_some(),
            Self::Array(items) => items.iter().any(Self::has_whole_float),
            Self::Object(fields) => fields.iter().any(|(_, value)| value.has_whole_float()),
            _ => false,
        }
    }

    /// Reads the value as a `T`.
    ///
    /// # Errors
    /// `BAD_PAYLOAD` if the value does not have the form of a `T`. The error repeats nothing of what was sent.
    ///
    /// ```
    /// use gateway_core::Argument;
    /// let text: String = Argument::from("hello").to()?;
    /// assert_eq!(text, "hello");
    /// # Ok::<(), gateway_core::WsException>(())
    /// ```
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, WsException> {
        from_value(self).map_err(|error| WsException::bad_payload(error.field(false)))
    }
}

/// All arguments of a message, or of an acknowledgement, exactly as they arrived.
///
/// This is for handlers that pass messages on without looking into them. Sent back with [`Args`](crate::Args), the
/// arguments are what the client sent: the same number, in the same order, and binary where they were binary.
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn echo(MessageBody(arguments): MessageBody<Arguments>) -> Args<Arguments> {
/// Args(arguments)
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arguments(Vec<Argument>);

impl Arguments {
    /// The argument at `index`, read as a `T`; one that was not sent reads as `null`.
    ///
    /// # Errors
    /// `BAD_PAYLOAD` if the argument does not have the form of a `T`. The error repeats nothing of what was sent.
    ///
    /// ```
    /// use gateway_core::{Argument, Arguments};
    /// let arguments = Arguments::from(vec![Argument::from("lobby")]);
    /// assert_eq!(arguments.at::<String>(0)?, "lobby");
    /// assert_eq!(arguments.at::<Option<u8>>(1)?, None);
    /// # Ok::<(), gateway_core::WsException>(())
    /// ```
    pub fn at<T: DeserializeOwned>(&self, index: usize) -> Result<T, WsException> {
        self.0.get(index).unwrap_or(&Argument::Null).to()
    }
}

impl From<Vec<Argument>> for Arguments {
    fn from(arguments: Vec<Argument>) -> Self {
        Self(arguments)
    }
}

impl Deref for Arguments {
    type Target = [Argument];

    fn deref(&self) -> &[Argument] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self)
    }
}

impl Serialize for Argument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => value.serialize(serializer),
            Self::String(value) => serializer.serialize_str(value),
            Self::Binary(value) => {
                buffers::remember(value);
                serializer.serialize_bytes(value)
            }
            Self::Array(items) => {
                let mut array = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| array.serialize_element(item))?;
                array.end()
            }
            Self::Object(fields) => {
                let mut object = serializer.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(key, value)| object.serialize_entry(key, value))?;
                object.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tree;

        impl<'de> Visitor<'de> for Tree {
            type Value = Argument;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<Argument, E> {
                Ok(Argument::Null)
            }

            fn visit_none<E>(self) -> Result<Argument, E> {
                Ok(Argument::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Argument, D::Error> {
                Argument::deserialize(inner)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Argument, E> {
                Ok(Argument::Bool(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Argument, E> {
                Ok(Argument::Number(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Argument, E> {
                Ok(Argument::Number(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Argument, E> {
                Ok(Number::from_f64(value).map_or(Argument::Null, Argument::Number))
            }

            fn visit_str<E>(self, value: &str) -> Result<Argument, E> {
                Ok(Argument::String(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<Argument, E> {
                Ok(Argument::String(value))
            }

            fn visit_bytes<E>(self, value: &[u8]) -> Result<Argument, E> {
                Ok(Argument::Binary(buffers::owned(value)))
            }

            fn visit_byte_buf<E>(self, value: Vec<u8>) -> Result<Argument, E> {
                Ok(Argument::Binary(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Argument, A::Error> {
                let mut array = Vec::new();
                while let Some(item) = items.next_element()? {
                    array.push(item);
                }
                Ok(Argument::Array(array))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Argument, A::Error> {
                let mut object = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    object.push(entry);
                }
                Ok(Argument::Object(object))
            }
        }

        deserializer.deserialize_any(Tree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exception::code;

    #[test]
    fn what_cannot_be_read_is_a_bad_payload_and_is_not_repeated() {
        let arguments = Arguments::from(vec![Argument::from("a secret")]);
        let refused = arguments.at::<u64>(0).unwrap_err();
        assert_eq!(refused.code(), code::BAD_PAYLOAD);
        let said = format!("{} {:?}", refused.message(), refused.errors());
        assert!(said.contains("number") && !said.contains("secret"), "{said}");
    }
}
