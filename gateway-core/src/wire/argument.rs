//! A message's arguments as they came: JSON and binary mixed, at any depth.

use std::{fmt, ops::Deref};

use bytes::Bytes;
use serde::{
    Deserialize, Serialize, Serializer,
    de::{
        DeserializeOwned, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess,
        SeqAccess, VariantAccess, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::{Error, Number, Value};

/// One value of a message: JSON, with binary allowed anywhere in it.
///
/// ```
/// use gateway_core::Argument;
///
/// let mixed = Argument::Array(vec![Argument::from("name"), Argument::Binary(vec![1, 2].into())]);
/// assert!(matches!(mixed, Argument::Array(items) if items.len() == 2));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// JSON `null`; also an argument that was `undefined`.
    Null,
    /// JSON `true` or `false`.
    Bool(bool),
    /// A JSON number.
    Number(Number),
    /// A JSON string.
    String(String),
    /// A `Buffer`, an `ArrayBuffer`, a typed array or Python's `bytes`.
    Binary(Bytes),
    /// A JSON array.
    Array(Vec<Argument>),
    /// A JSON object, its keys in the order sent.
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
            Value::Number(value) => Self::Number(value),
            Value::String(value) => Self::String(value),
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Object(fields) => {
                Self::Object(fields.into_iter().map(|(key, value)| (key, value.into())).collect())
            }
        }
    }
}

impl Argument {
    /// Replaces each `{"_placeholder": true, "num": n}` by attachment `n`.
    ///
    /// The packet format numbers attachments, so the number decides and not the order of
    /// appearance: a client may send them in any order, or refer to one twice.
    pub(crate) fn resolve(self, attachments: &[Bytes]) -> Result<Self, Error> {
        Ok(match self {
            Self::Array(items) => Self::Array(
                items
                    .into_iter()
                    .map(|item| item.resolve(attachments))
                    .collect::<Result<_, _>>()?,
            ),
            Self::Object(fields) => match placeholder(&fields) {
                Some(number) => Self::Binary(
                    usize::try_from(number)
                        .ok()
                        .and_then(|number| attachments.get(number).cloned())
                        .ok_or_else(|| Error::custom(format!("attachment {number} is missing")))?,
                ),
                None => Self::Object(
                    fields
                        .into_iter()
                        .map(|(key, value)| Ok((key, value.resolve(attachments)?)))
                        .collect::<Result<_, Error>>()?,
                ),
            },
            scalar => scalar,
        })
    }

    /// Reads the value as a `T`.
    ///
    /// # Errors
    /// When the value has not the form of a `T`.
    ///
    /// ```
    /// use gateway_core::Argument;
    /// let text: String = Argument::from("hello").to()?;
    /// assert_eq!(text, "hello");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(self)
    }
}

fn placeholder(fields: &[(String, Argument)]) -> Option<u64> {
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    match (field("_placeholder"), field("num")) {
        (Some(Argument::Bool(true)), Some(Argument::Number(number))) => {
            Some(number.as_u64().unwrap_or(u64::MAX))
        }
        _ => None,
    }
}

/// All arguments of a message, or of an acknowledgement, exactly as they came.
///
/// For handlers that pass messages on without looking into them. Sent back with
/// [`Args`](crate::Args), they are what the client sent: the same number, the same order, binary
/// where binary was.
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
    /// The argument at `index` as a `T`; one that was not sent is read as `null`.
    ///
    /// # Errors
    /// When the argument has not the form of a `T`.
    ///
    /// ```
    /// use gateway_core::{Argument, Arguments};
    /// let arguments = Arguments::from(vec![Argument::from("lobby")]);
    /// assert_eq!(arguments.at::<String>(0)?, "lobby");
    /// assert_eq!(arguments.at::<Option<u8>>(1)?, None);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn at<T: DeserializeOwned>(&self, index: usize) -> Result<T, Error> {
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
            Self::Binary(value) => serializer.serialize_bytes(value),
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
                Ok(Argument::Binary(Bytes::copy_from_slice(value)))
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

impl<'de> IntoDeserializer<'de, Error> for &'de Argument {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Argument {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Argument::Null => visitor.visit_unit(),
            Argument::Bool(value) => visitor.visit_bool(*value),
            Argument::Number(value) => value.deserialize_any(visitor),
            Argument::String(value) => visitor.visit_borrowed_str(value),
            Argument::Binary(value) => visitor.visit_borrowed_bytes(value),
            Argument::Array(items) => SeqDeserializer::new(items.iter()).deserialize_any(visitor),
            Argument::Object(fields) => {
                MapDeserializer::new(fields.iter().map(|(key, value)| (key.as_str(), value)))
                    .deserialize_any(visitor)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Argument::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    // A `Vec<u8>` asks for a sequence and takes binary all the same.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Argument::Binary(value) => {
                SeqDeserializer::new(value.iter().copied()).deserialize_any(visitor)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Argument::String(variant) => visitor.visit_enum(variant.as_str().into_deserializer()),
            Argument::Object(fields) => match fields.as_slice() {
                [(variant, value)] => visitor.visit_enum(Variant { variant, value }),
                _ => Err(Error::custom("expected an object with a single key")),
            },
            _ => Err(Error::custom("expected a string or an object with a single key")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}

/// An enum in serde's external form, `{"Variant": content}`.
struct Variant<'de> {
    variant: &'de str,
    value: &'de Argument,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = &'de Argument;

    fn variant_seed<V: serde::de::DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Error> {
        let variant: serde::de::value::StrDeserializer<'de, Error> =
            self.variant.into_deserializer();
        Ok((seed.deserialize(variant)?, self.value))
    }
}

impl<'de> VariantAccess<'de> for &'de Argument {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        <()>::deserialize(self)
    }

    fn newtype_variant_seed<T: serde::de::DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }
}
