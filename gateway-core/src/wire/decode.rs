//! Positional arguments → the type a handler asked for.
//!
//! This is not left to socketioxide, whose decoder hands out attachments in the order in which a type visits them,
//! whatever their number, refuses object keys with escapes, and takes newtypes and arrays for argument lists.

use std::{fmt, marker::PhantomData};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, IgnoredAny, SeqAccess, Visitor, value::UnitDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    Argument, Shape, Unreadable, buffers, json,
    placeholder::Attachments,
    reader::{Items, Reader, WholeFloats},
    shape,
};

/// The arguments of one received event or acknowledgement, not yet decoded.
pub(crate) struct InboundArguments<'a> {
    /// `["event", first, second]`.
    text: &'a str,
    attachments: &'a [Bytes],
    /// An acknowledgement has no event in front: `[first, second]`.
    has_event: bool,
}

impl<'a> InboundArguments<'a> {
    pub(crate) fn new(text: &'a str, attachments: &'a [Bytes]) -> Self {
        Self { text, attachments, has_event: true }
    }

    pub(crate) fn acknowledgement(text: &'a str, attachments: &'a [Bytes]) -> Self {
        Self { text, attachments, has_event: false }
    }

    /// Reads the arguments as a `T`: a tuple is the list, anything else the first argument.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        self.decode_as(shape::<T>())
    }

    /// Reads the arguments as a `T` of that shape. Arguments that are missing read as `null`, those
    /// nobody asked for are ignored.
    ///
    /// The result is that of [`from_tree`], but most messages contain nothing but text, and are read straight from
    /// it. What is refused that way is left to the tree, so that there is one opinion on what can be read, and on
    /// what is wrong with the rest.
    pub(crate) fn decode_as<T: DeserializeOwned>(&self, shape: Shape) -> Result<T, Unreadable> {
        if self.attachments.is_empty()
            && json::is_plain(self.text)
            && let Ok(value) = self.read(shape)
        {
            return Ok(value);
        }
        from_tree(&self.tree()?, shape)
    }

    fn read<T: DeserializeOwned>(&self, shape: Shape) -> Result<T, serde_json::Error> {
        // As bytes, although it is text: if a key is to be a `bool`, serde_json continues in the middle of its first
        // character, and with a `str` it would take the rest for valid UTF-8.
        let mut json = serde_json::Deserializer::from_slice(self.text.as_bytes());
        let arguments = Positional::<T> { has_event: self.has_event, shape, body: PhantomData };
        let value = json.deserialize_seq(arguments)?;
        json.end()?;
        Ok(value)
    }

    /// The arguments as values, attachments in their places.
    pub(crate) fn tree(&self) -> Result<Vec<Argument>, Unreadable> {
        let mut arguments = self.values()?;
        if !self.attachments.is_empty() {
            Attachments::new(self.attachments).put_into(&mut arguments)?;
        }
        Ok(arguments)
    }

    /// The arguments as values, placeholders where there are attachments.
    pub(crate) fn values(&self) -> Result<Vec<Argument>, Unreadable> {
        json::parse_list(self.text, self.has_event)
    }
}

/// Reads the text of one value as arguments are read.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T, Unreadable> {
    from_value(&json::parse(json)?)
}

/// Reads one value as a `T`.
pub(crate) fn from_value<T: DeserializeOwned>(value: &Argument) -> Result<T, Unreadable> {
    read_whole_floats(std::slice::from_ref(value), |floats| {
        T::deserialize(Reader::new(value, floats))
    })
}

/// Reads arguments as a `T`: what can be read, and what is wrong with the rest, is decided here.
pub(crate) fn from_tree<T: DeserializeOwned>(
    arguments: &[Argument],
    shape: Shape,
) -> Result<T, Unreadable> {
    read_whole_floats(arguments, |floats| match shape {
        Shape::List => T::deserialize(List(Items::new(arguments, floats))),
        Shape::Nothing | Shape::One => {
            let first = arguments.first().unwrap_or(&Argument::Null);
            T::deserialize(Reader::new(first, floats))
        }
    })
}

/// Reads, and if that fails reads once more: a whole number that was written as a float may have been read before its
/// type was known, as serde does in flattened structs and untagged enums.
fn read_whole_floats<T>(
    values: &[Argument],
    read: impl Fn(WholeFloats) -> Result<T, Unreadable>,
) -> Result<T, Unreadable> {
    buffers::remembering(|| match read(WholeFloats::Floats) {
        Err(_) if values.iter().any(Argument::has_whole_float) => read(WholeFloats::Integers),
        outcome => outcome,
    })
}

/// A list of arguments: a tuple gets as many as it asks for, anything else those that are there.
struct List<'de>(Items<'de>);

impl<'de> Deserializer<'de> for List<'de> {
    type Error = Unreadable;

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_seq(self.0.padded(length))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_seq(self.0)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple_struct map struct enum identifier ignored_any
    }
}

/// Reads `["event", …]` without keeping the event's name.
struct Positional<T> {
    has_event: bool,
    shape: Shape,
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
        let value = match self.shape {
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
    use std::collections::BTreeMap;

    use serde_json::value::RawValue;

    use super::*;
    use crate::{exception::FieldError, wire::Arguments};

    fn said(FieldError { path, message }: FieldError) -> String {
        format!("{path}: {message}")
    }

    fn decode<T: DeserializeOwned>(text: &str) -> Result<T, String> {
        InboundArguments::new(text, &[]).decode().map_err(|error| said(error.field(true)))
    }

    #[test]
    fn a_key_that_is_not_the_boolean_it_should_be_is_an_error_whatever_it_is() {
        for key in ["é", "你好", "\u{1F600}", "", "tru", "x"] {
            let read = decode::<BTreeMap<bool, u8>>(&format!(r#"["e",{{"{key}":0}}]"#));
            assert!(read.is_err(), "{key}: {read:?}");
        }
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
        let text = r#"["e",{"bytes":{"_placeholder":true,"num":1},"second":{"num":0,"_placeholder":true}}]"#;
        let attachments = [Bytes::from_static(b"zero"), Bytes::from_static(b"one")];
        let upload: Upload = InboundArguments::new(text, &attachments).decode().unwrap();
        assert_eq!(upload, Upload { second: "zero".into(), bytes: b"one".to_vec() });
    }

    #[test]
    fn words_of_the_payload_are_never_taken_for_those_of_the_error() {
        let said = "invalid type: x, expected u8 at line 1 column 2";
        let payload = serde_json::json!(["e", { "room": 1, "since": said }]).to_string();
        let by_text = decode::<std::collections::BTreeMap<String, u8>>(&payload);
        let expected = format!(
            "since: invalid type: string {said:?}, expected a whole number that fits, not negative"
        );
        assert_eq!(by_text.unwrap_err(), expected);

        #[derive(Debug, Deserialize)]
        enum Kind {}
        let payload = serde_json::json!(["e", said]).to_string();
        let text = decode::<Kind>(&payload).unwrap_err();
        assert!(text.contains(said), "{text}");
    }

    #[test]
    fn an_error_of_syntax_has_no_place_in_a_text_the_client_never_wrote() {
        assert_eq!(decode::<u8>(r#"["e",1"#).unwrap_err(), ": EOF while parsing a list");
        assert_eq!(decode::<String>(r#"["e","a" 1]"#).unwrap_err(), ": expected `,` or `]`");
    }

    #[test]
    fn values_and_lengths_are_explained_without_rust() {
        let error = |text: &str| decode::<(u8, [f64; 2])>(text).unwrap_err();
        assert_eq!(
            error(r#"["e",300,[]]"#),
            "[0]: invalid value: integer `300`, expected a whole number that fits, not negative"
        );
        assert_eq!(error(r#"["e",1,[null]]"#), "[1][0]: invalid type: null, expected a number");
        assert_eq!(
            error(r#"["e",1e300,[1]]"#),
            "[0]: invalid type: floating point `1e300`, expected a whole number that fits, not negative"
        );
        assert_eq!(error(r#"["e",1,[1]]"#), "[1]: invalid length 1, expected an array of length 2");
    }

    /// What is read from the text alone is read the same beside attachments.
    #[test]
    fn keys_and_raw_text_are_read_beside_attachments_too() {
        #[derive(Debug, Deserialize)]
        struct Odd {
            by_number: BTreeMap<i32, bool>,
            by_truth: BTreeMap<bool, u8>,
            raw: Box<RawValue>,
            #[serde(default)]
            bytes: Bytes,
        }
        let with = r#"["e",{"by_number":{"-1":true},"by_truth":{"false":0},"raw":{"a":[1.5]},"bytes":{"_placeholder":true,"num":0}}]"#;
        let without = with.replace(r#","bytes":{"_placeholder":true,"num":0}"#, "");
        for (text, attachments) in [(with, &[Bytes::from_static(b"x")][..]), (&without, &[])] {
            let odd: Odd = InboundArguments::new(text, attachments).decode().unwrap();
            assert_eq!(odd.by_number, BTreeMap::from([(-1, true)]));
            assert_eq!(odd.by_truth, BTreeMap::from([(false, 0)]));
            assert_eq!(odd.raw.get(), r#"{"a":[1.5]}"#);
            assert_eq!(odd.bytes.len(), attachments.len());
        }
        // It is the number that is wrong, and not the raw text before it.
        let text = r#"["e",{"raw":[],"by_number":{"x":true}}]"#;
        let error = decode::<Odd>(text).unwrap_err();
        assert_eq!(
            error,
            "by_number.x: invalid type: string \"x\", expected a whole number that fits"
        );
    }
}
