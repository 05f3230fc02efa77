//! [`Argument`] → any type that implements `Deserialize`, as serde_json would read its text.

mod key;
mod numbers;

use serde::{
    Deserialize,
    de::{
        DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess,
        SeqAccess, Unexpected, VariantAccess, Visitor,
        value::{MapDeserializer, SeqDeserializer, StrDeserializer},
    },
};

use self::{
    key::Key,
    numbers::{any_number, signed_128, single, unsigned_128, whole_number},
};
use super::{
    Argument, buffers,
    number::Shown,
    unreadable::{Step, Unreadable},
};

pub(super) use self::numbers::WholeFloats;

/// Reads an [`Argument`].
///
/// A type gets what it asks for, or an error, exactly where serde_json would give it that or an error, even if the type
/// would accept something else.
#[derive(Clone, Copy)]
pub(super) struct Reader<'de> {
    value: &'de Argument,
    floats: WholeFloats,
}

/// The name by which `RawValue` asks serde_json for the text of a value.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

impl<'de> Reader<'de> {
    pub(super) fn new(value: &'de Argument, floats: WholeFloats) -> Self {
        Self { value, floats }
    }

    /// The error for a value of another kind than was asked for.
    fn refuse<V: Visitor<'de>>(self, visitor: &V) -> Unreadable {
        let found = match self.value {
            Argument::Null => Unexpected::Unit,
            Argument::Bool(value) => Unexpected::Bool(*value),
            Argument::Number(number) => match number.shown() {
                Shown::Unsigned(value) => Unexpected::Unsigned(value),
                Shown::Signed(value) => Unexpected::Signed(value),
                Shown::Float(value) => Unexpected::Float(value),
                Shown::OutOfRange => Unexpected::Other("number"),
            },
            Argument::String(text) => Unexpected::Str(text),
            Argument::Binary(bytes) => Unexpected::Bytes(bytes),
            Argument::Array(_) => Unexpected::Seq,
            Argument::Object(_) => Unexpected::Map,
        };
        Unreadable::invalid_type(found, visitor)
    }

    fn array<V: Visitor<'de>>(
        self,
        items: &'de [Argument],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        let mut items = Items::new(items, self.floats);
        let value = visitor.visit_seq(&mut items)?;
        items.end()?;
        Ok(value)
    }

    fn object<V: Visitor<'de>>(
        self,
        fields: &'de [(String, Argument)],
        known: Known,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        let mut fields = Fields { rest: fields.iter(), value: None, known, floats: self.floats };
        let value = visitor.visit_map(&mut fields)?;
        match fields.rest.len() {
            0 => Ok(value),
            rest => Err(Unreadable::of_ours(format!("{rest} fields too many"))),
        }
    }
}

macro_rules! ask_for {
    ($($method:ident: $kind:ident => $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
            match self.value {
                Argument::$kind(value) => $visit(value, self.floats, visitor),
                _ => Err(self.refuse(&visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.value {
            Argument::Null => visitor.visit_unit(),
            Argument::Bool(value) => visitor.visit_bool(*value),
            Argument::Number(value) => any_number(value, self.floats, visitor),
            Argument::String(value) => visitor.visit_borrowed_str(value),
            Argument::Binary(value) => {
                buffers::remember(value);
                visitor.visit_borrowed_bytes(value)
            }
            Argument::Array(items) => self.array(items, visitor),
            Argument::Object(fields) => self.object(fields, Known::Nothing, visitor),
        }
    }

    ask_for! {
        deserialize_bool: Bool => truth
        deserialize_i8: Number => whole_number
        deserialize_i16: Number => whole_number
        deserialize_i32: Number => whole_number
        deserialize_i64: Number => whole_number
        deserialize_u8: Number => whole_number
        deserialize_u16: Number => whole_number
        deserialize_u32: Number => whole_number
        deserialize_u64: Number => whole_number
        deserialize_i128: Number => signed_128
        deserialize_u128: Number => unsigned_128
        deserialize_f32: Number => single
        deserialize_f64: Number => any_number
        deserialize_char: String => text
        deserialize_str: String => text
        deserialize_string: String => text
        deserialize_identifier: String => text
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.value {
            Argument::Binary(_) => self.deserialize_any(visitor),
            Argument::String(value) => visitor.visit_borrowed_bytes(value.as_bytes()),
            Argument::Array(items) => self.array(items, visitor),
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.value {
            Argument::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.value {
            Argument::Null => visitor.visit_unit(),
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        if name != RAW_VALUE {
            return visitor.visit_newtype_struct(self);
        }
        if self.value.has_binary() {
            return Err(Unreadable::invalid_type(Unexpected::Bytes(&[]), &"JSON"));
        }
        let text = serde_json::to_string(self.value)?;
        MapDeserializer::new(std::iter::once((RAW_VALUE, text))).deserialize_any(visitor)
    }

    // A `Vec<u8>` asks for a sequence, but should accept binary data as well.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.value {
            Argument::Array(items) => self.array(items, visitor),
            Argument::Binary(value) => {
                SeqDeserializer::new(value.iter().copied()).deserialize_any(visitor)
            }
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        match self.value {
            Argument::Array(items) => self.array(items, visitor),
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.value {
            Argument::Object(fields) => self.object(fields, Known::Nothing, visitor),
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        match self.value {
            Argument::Object(sent) => self.object(sent, Known::Fields(fields), visitor),
            Argument::Array(items) => self.array(items, visitor),
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        match self.value {
            Argument::String(variant) => visitor.visit_enum(variant.as_str().into_deserializer()),
            Argument::Object(fields) => match fields.as_slice() {
                [(name, value)] => {
                    let content = Reader { value, ..self };
                    visitor.visit_enum(Variant { name, known: Known::Fields(variants), content })
                }
                _ => Err(Unreadable::of_ours("expected an object with a single key")),
            },
            _ => Err(Unreadable::of_ours("expected a string or an object with a single key")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_unit()
    }
}

fn truth<'de, V: Visitor<'de>>(
    value: &bool,
    _: WholeFloats,
    visitor: V,
) -> Result<V::Value, Unreadable> {
    visitor.visit_bool(*value)
}

fn text<'de, V: Visitor<'de>>(
    value: &'de str,
    _: WholeFloats,
    visitor: V,
) -> Result<V::Value, Unreadable> {
    visitor.visit_borrowed_str(value)
}

/// The elements of a list.
pub(super) struct Items<'de> {
    all: &'de [Argument],
    next: usize,
    /// How many there are to be: those that are missing read as `null`.
    length: usize,
    floats: WholeFloats,
}

impl<'de> Items<'de> {
    pub(super) fn new(all: &'de [Argument], floats: WholeFloats) -> Self {
        Self { all, next: 0, length: all.len(), floats }
    }

    /// As many as are wanted, whether there are fewer or more.
    pub(super) fn padded(self, length: usize) -> Self {
        Self { length, ..self }
    }

    fn end(&self) -> Result<(), Unreadable> {
        let taken = self.next;
        match taken == self.length {
            true => Ok(()),
            false => Err(Unreadable::invalid_length(
                self.length,
                &format!("an array of length {taken}").as_str(),
            )),
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unreadable> {
        if self.next == self.length {
            return Ok(None);
        }
        let index = self.next;
        self.next += 1;
        let value = self.all.get(index).unwrap_or(&Argument::Null);
        let read = seed.deserialize(Reader::new(value, self.floats));
        read.map(Some).map_err(|error| error.inside(Step::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.length - self.next)
    }
}

/// Which names of an object's fields are the type's own.
#[derive(Clone, Copy)]
enum Known {
    Nothing,
    Fields(&'static [&'static str]),
}

impl Known {
    fn step(self, name: &str) -> Step {
        match self {
            Self::Fields(names) if names.contains(&name) => Step::Field(name.to_owned()),
            _ => Step::Key(name.to_owned()),
        }
    }
}

/// The fields of an object.
struct Fields<'de> {
    rest: std::slice::Iter<'de, (String, Argument)>,
    value: Option<&'de (String, Argument)>,
    known: Known,
    floats: WholeFloats,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unreadable> {
        self.value = self.rest.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        let read = seed.deserialize(Key { name: key, floats: self.floats });
        read.map(Some).map_err(|error| error.inside(self.known.step(key)))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, Unreadable> {
        let Some((key, value)) = self.value.take() else {
            return Err(Unreadable::of_ours("a value was asked for before its key"));
        };
        let read = seed.deserialize(Reader::new(value, self.floats));
        read.map_err(|error| error.inside(self.known.step(key)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// An enum in serde's external form, `{"Variant": content}`.
struct Variant<'de> {
    name: &'de str,
    known: Known,
    content: Reader<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Unreadable;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), Unreadable> {
        let name: StrDeserializer<'de, Unreadable> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> Variant<'de> {
    fn inside<T>(
        self,
        read: impl FnOnce(Reader<'de>) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        read(self.content).map_err(|error| error.inside(self.known.step(self.name)))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Unreadable;

    fn unit_variant(self) -> Result<(), Unreadable> {
        self.inside(<()>::deserialize)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, Unreadable> {
        self.inside(|content| seed.deserialize(content))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.inside(|content| content.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.inside(|content| content.deserialize_struct("", fields, visitor))
    }
}
