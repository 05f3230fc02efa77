//! The keys of objects.

use serde::{
    de::{Deserializer, IntoDeserializer, Visitor, value::MapDeserializer},
    forward_to_deserialize_any,
};

use super::{
    RAW_VALUE,
    numbers::{WholeFloats, any_number, signed_128, single, unsigned_128, whole_number},
};
use crate::wire::{Number, Unreadable};

/// The key of an object: a string, and a number or a boolean for a map that is keyed by those.
#[derive(Clone, Copy)]
pub(super) struct Key<'de> {
    pub(super) name: &'de str,
    pub(super) floats: WholeFloats,
}

impl Key<'_> {
    /// The number it is, if it is one in JSON's grammar and nothing else.
    fn number(self) -> Option<Number> {
        let is_token = !self.name.contains(char::is_whitespace)
            && serde_json::from_str::<serde_json::Number>(self.name).is_ok();
        is_token.then(|| Number::of_token(self.name))
    }
}

macro_rules! key_as_number {
    ($($method:ident => $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
            match self.number() {
                // Like serde_json: a key that is not a number is a string where a number was expected.
                None => visitor.visit_borrowed_str(self.name),
                Some(number) => $visit(&number, self.floats, visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_borrowed_str(self.name)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.name {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            other => visitor.visit_borrowed_str(other),
        }
    }

    key_as_number! {
        deserialize_i8 => whole_number
        deserialize_i16 => whole_number
        deserialize_i32 => whole_number
        deserialize_i64 => whole_number
        deserialize_u8 => whole_number
        deserialize_u16 => whole_number
        deserialize_u32 => whole_number
        deserialize_u64 => whole_number
        deserialize_i128 => signed_128
        deserialize_u128 => unsigned_128
        deserialize_f32 => single
        deserialize_f64 => any_number
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_borrowed_bytes(self.name.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        if name != RAW_VALUE {
            return visitor.visit_newtype_struct(self);
        }
        let text = serde_json::to_string(self.name)?;
        MapDeserializer::new(std::iter::once((RAW_VALUE, text))).deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_enum(self.name.into_deserializer())
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
