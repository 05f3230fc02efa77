//! Positional arguments → the type a handler asked for.
//!
//! Decoded here and not by the base: its decoder hands out attachments in the order a type visits
//! them, whatever their number, refuses object keys with escapes, and takes newtypes and arrays for
//! argument lists.

use std::{fmt, marker::PhantomData};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, IgnoredAny, SeqAccess, Visitor,
        value::{SeqDeserializer, UnitDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{Argument, Shape, shape};
use crate::exception::FieldError;

/// The arguments of one received event or acknowledgement, not yet decoded.
pub(crate) struct InboundArguments<'a> {
    /// `["event", first, second]`.
    text: &'a str,
    attachments: &'a [Bytes],
    /// An acknowledgement has no event in front: `[first, second]`.
    has_event: bool,
}

/// Why a payload was refused, in words fit for the client that sent it.
#[derive(Debug)]
pub(crate) struct DecodeError {
    pub(crate) field: FieldError,
}

impl<'a> InboundArguments<'a> {
    pub(crate) fn new(text: &'a str, attachments: &'a [Bytes]) -> Self {
        Self { text, attachments, has_event: true }
    }

    pub(crate) fn acknowledgement(text: &'a str, attachments: &'a [Bytes]) -> Self {
        Self { text, attachments, has_event: false }
    }

    /// Reads the arguments as a `T`: a tuple is the list, anything else the first argument.
    /// Arguments that are missing read as `null`, those nobody asked for are ignored.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.read().map_err(|error| self.explain::<T>(&error))
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        if self.attachments.is_empty() {
            let mut json = serde_json::Deserializer::from_str(self.text);
            let value = json.deserialize_seq(Positional::<T> {
                has_event: self.has_event,
                body: PhantomData,
            })?;
            json.end()?;
            return Ok(value);
        }
        read_tree(&self.read_tree_of_arguments()?)
    }

    /// The arguments as values, attachments in their places.
    pub(crate) fn tree(&self) -> Result<Vec<Argument>, DecodeError> {
        self.read_tree_of_arguments().map_err(|error| DecodeError::new("", &error.to_string()))
    }

    fn read_tree_of_arguments(&self) -> Result<Vec<Argument>, serde_json::Error> {
        let mut arguments: Vec<Argument> = serde_json::from_str(self.text)?;
        if self.has_event && !arguments.is_empty() {
            arguments.remove(0);
        }
        arguments.into_iter().map(|argument| argument.resolve(self.attachments)).collect()
    }

    /// Decodes once more, slowly, to learn which field was wrong.
    fn explain<T: DeserializeOwned>(&self, error: &serde_json::Error) -> DecodeError {
        match self.read_tree_of_arguments().map(|arguments| from_tree::<T>(&arguments)) {
            Ok(Err(located)) => located,
            Ok(Ok(_)) | Err(_) => DecodeError::new("", &error.to_string()),
        }
    }
}

/// Reads arguments as a `T`; the error says which field was wrong.
pub(crate) fn from_tree<T: DeserializeOwned>(arguments: &[Argument]) -> Result<T, DecodeError> {
    let located = match shape::<T>() {
        Shape::List => {
            let list = ListDeserializer(SeqDeserializer::new(arguments.iter()));
            serde_path_to_error::deserialize::<_, T>(list)
        }
        Shape::Nothing | Shape::One => {
            serde_path_to_error::deserialize(arguments.first().unwrap_or(&Argument::Null))
        }
    };
    located.map_err(|located| {
        let path = located.path().to_string();
        let path = if path == "." { "" } else { path.as_str() };
        DecodeError::new(path, &located.inner().to_string())
    })
}

fn read_tree<T: DeserializeOwned>(arguments: &[Argument]) -> Result<T, serde_json::Error> {
    match shape::<T>() {
        Shape::List => T::deserialize(ListDeserializer(SeqDeserializer::new(arguments.iter()))),
        Shape::Nothing | Shape::One => arguments.first().unwrap_or(&Argument::Null).to(),
    }
}

/// How many of `sent` arguments a `T` is made of.
pub(crate) fn wanted<T>(sent: usize) -> usize {
    match shape::<T>() {
        Shape::List => sent,
        Shape::Nothing | Shape::One => 1,
    }
}

impl DecodeError {
    fn new(path: &str, message: &str) -> Self {
        Self { field: FieldError::new(path, client_text(message)) }
    }
}

/// serde's message without what is ours alone: the place in our text, and the names of Rust types.
fn client_text(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or(message);
    let Some((found, expected)) = message.split_once(", expected ") else {
        return message.to_owned();
    };
    let object = ["struct ", "tuple struct ", "unit struct ", "tuple variant ", "struct variant "];
    let form = ["enum ", "variant of ", "newtype ", "unit variant ", "variant identifier"];
    let begins = |kinds: &[&str]| kinds.iter().any(|kind| expected.starts_with(kind));
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number that fits, not negative",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number that fits",
        "f32" | "f64" => "a number",
        _ if begins(&object) => "an object",
        _ if begins(&form) => "another form",
        other => other,
    };
    format!("{found}, expected {expected}")
}

/// Reads `["event", …]` without keeping the event's name.
struct Positional<T> {
    has_event: bool,
    body: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Positional<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an event and its arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut packet: A) -> Result<T, A::Error> {
        if self.has_event {
            packet.next_element::<IgnoredAny>()?;
        }
        let value = match shape::<T>() {
            Shape::List => T::deserialize(ListDeserializer(&mut packet))?,
            Shape::Nothing | Shape::One => match packet.next_element()? {
                Some(value) => value,
                None => T::deserialize(UnitDeserializer::new())?,
            },
        };
        while packet.next_element::<IgnoredAny>()?.is_some() {}
        Ok(value)
    }
}

/// Gives a tuple as many arguments as it asks for, `null` for those that are missing; gives
/// anything else those that are there.
struct ListDeserializer<A>(A);

impl<'de, A: SeqAccess<'de>> Deserializer<'de> for ListDeserializer<A> {
    type Error = A::Error;

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_seq(Padded { sent: self.0, wanted: length })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_seq(self.0)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple_struct map struct enum identifier ignored_any
    }
}

struct Padded<A> {
    sent: A,
    wanted: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Padded<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, A::Error> {
        if self.wanted == 0 {
            return Ok(None);
        }
        self.wanted -= 1;
        let mut seed = Some(seed);
        let sent = self.sent.next_element_seed(Lent(&mut seed))?;
        match (sent, seed) {
            // The list ended before the seed was used.
            (None, Some(seed)) => seed.deserialize(UnitDeserializer::new()).map(Some),
            (sent, _) => Ok(sent),
        }
    }
}

/// A seed that stays with its owner when there is no element for it.
struct Lent<'a, T>(&'a mut Option<T>);

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Lent<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        match self.0.take() {
            Some(seed) => seed.deserialize(deserializer),
            None => Err(serde::de::Error::custom("one element was offered twice")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Arguments;

    fn decode<T: DeserializeOwned>(text: &str) -> Result<T, String> {
        InboundArguments::new(text, &[])
            .decode()
            .map_err(|error| format!("{}: {}", error.field.path, error.field.message))
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Join {
        room: String,
        since: Option<u32>,
    }

    #[test]
    fn one_value_is_the_first_argument() {
        assert_eq!(decode::<u8>(r#"["e",1,2]"#), Ok(1));
        assert_eq!(decode::<[u8; 2]>(r#"["e",[1,2],3]"#), Ok([1, 2]));
        assert_eq!(decode::<Vec<u8>>(r#"["e",[1,2]]"#), Ok(vec![1, 2]));
        assert_eq!(
            decode::<Join>(r#"["e",{"room":"a\"b","other":1}]"#),
            Ok(Join { room: "a\"b".into(), since: None })
        );
    }

    #[test]
    fn a_tuple_is_the_argument_list() {
        assert_eq!(decode::<(u8, String)>(r#"["e",1,"b",3]"#), Ok((1, "b".into())));
        assert_eq!(decode::<(u8, Option<u8>)>(r#"["e",1]"#), Ok((1, None)));
        assert_eq!(decode::<([u8; 2],)>(r#"["e",[1,2]]"#), Ok(([1, 2],)));
    }

    #[test]
    fn arguments_are_all_of_them() {
        let all = decode::<Arguments>(r#"["e",1,null,{"b":2,"a":[]}]"#).unwrap();
        assert_eq!(serde_json::to_string(&all[2]).unwrap(), r#"{"b":2,"a":[]}"#);
        assert_eq!(all.len(), 3);
        assert_eq!(decode::<Arguments>(r#"["e"]"#).unwrap().len(), 0);
    }

    #[test]
    fn missing_is_null() {
        assert_eq!(decode::<Option<u8>>(r#"["e"]"#), Ok(None));
        assert_eq!(decode::<()>(r#"["e"]"#), Ok(()));
        assert!(decode::<u8>(r#"["e"]"#).is_err());
    }

    #[test]
    fn errors_name_the_field_and_no_rust_type() {
        assert_eq!(
            decode::<Join>(r#"["e",{"room":1}]"#).unwrap_err(),
            "room: invalid type: integer `1`, expected a string"
        );
        assert_eq!(decode::<Join>(r#"["e",{}]"#).unwrap_err(), ": missing field `room`");
        let text = decode::<Join>(r#"["e","x"]"#).unwrap_err();
        assert!(!text.contains("Join"), "{text}");
        let text = decode::<Join>(r#"["e"]"#).unwrap_err();
        assert!(!text.contains("Join"), "{text}");
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Upload {
        second: Bytes,
        bytes: Vec<u8>,
    }

    #[test]
    fn attachments_go_by_their_number() {
        let text = r#"["e",{"first":{"_placeholder":true,"num":1},"second":{"_placeholder":true,"num":0},"bytes":{"_placeholder":true,"num":1}}]"#;
        let attachments = [Bytes::from_static(b"zero"), Bytes::from_static(b"one")];
        let upload: Upload = InboundArguments::new(text, &attachments).decode().unwrap();
        assert_eq!(upload, Upload { second: "zero".into(), bytes: b"one".to_vec() });
    }

    #[test]
    fn a_missing_attachment_is_an_error() {
        let text = r#"["e",{"_placeholder":true,"num":7}]"#;
        let attachments = [Bytes::from_static(b"zero")];
        assert!(InboundArguments::new(text, &attachments).decode::<Bytes>().is_err());
    }
}
