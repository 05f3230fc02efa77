//! `{"_placeholder":true,"num":n}`: what stands in a packet's text for its attachment `n`.
//!
//! In a packet without attachments, such an object is JSON like any other. Beside attachments, the key belongs to the
//! protocol, and an object with it that is not a placeholder ends the connection of every client that receives it.
//! Clients do not agree on what is a placeholder: JavaScript wants `true` itself, Python accepts whatever counts as
//! true, Java also the text `"true"`. So beside attachments, an object with this key is a well-formed placeholder or an
//! error, both on the way in and on the way out.

use std::io::{self, Write};

use bytes::Bytes;
use serde::ser::Error as _;
use smallvec::SmallVec;

use super::{Argument, Unreadable, json};

const KEY: &str = "_placeholder";

/// How many attachments a packet may have: the official client ends its connection at more.
const MOST: usize = 10;

pub(super) fn write<W: Write + ?Sized>(writer: &mut W, number: usize) -> io::Result<()> {
    write!(writer, r#"{{"{KEY}":true,"num":{number}}}"#)
}

/// Refuses a text that clients could not put together with its attachments.
///
/// It contains one placeholder for each attachment, because we wrote them; any further key comes from a value.
pub(super) fn check(text: &str, attachments: usize) -> Result<(), serde_json::Error> {
    if attachments > MOST {
        return Err(serde_json::Error::custom(format!(
            "{attachments} binary values in one packet; clients take {MOST} at most"
        )));
    }
    // An escape may spell the key, and a text may contain it: then it takes a parser to tell.
    let is_plain = !text.contains(r"\u");
    if is_plain && text.matches(KEY).count() == attachments {
        return Ok(());
    }
    let parsed = json::parse(text).map_err(serde_json::Error::custom)?;
    match keys(std::slice::from_ref(&parsed)) == attachments {
        true => Ok(()),
        false => Err(serde_json::Error::custom(format!(
            "an object has the key `{KEY}`, which the protocol keeps for itself in packets with binary"
        ))),
    }
}

/// How many of the objects' keys are [`KEY`], at any depth.
fn keys(values: &[Argument]) -> usize {
    let of = |value: &Argument| match value {
        Argument::Array(items) => keys(items),
        Argument::Object(fields) => fields
            .iter()
            .map(|(key, value)| usize::from(key == KEY) + keys(std::slice::from_ref(value)))
            .sum(),
        _ => 0,
    };
    values.iter().map(of).sum()
}

/// The attachments of a received packet, of which each has one place.
pub(super) struct Attachments<'a> {
    all: &'a [Bytes],
    is_placed: SmallVec<[bool; 16]>,
}

impl<'a> Attachments<'a> {
    pub(super) fn new(all: &'a [Bytes]) -> Self {
        Self { all, is_placed: SmallVec::from_elem(false, all.len()) }
    }

    /// Puts attachments where their placeholders are.
    ///
    /// The number decides and not the order of appearance, because clients may send attachments in
    /// any order. One without a placeholder is left out, as the official parsers do.
    ///
    /// # Errors
    /// A number is not of an attachment, or comes twice, or an object only resembles a placeholder.
    pub(super) fn put_into(&mut self, arguments: &mut [Argument]) -> Result<(), Unreadable> {
        arguments.iter_mut().try_for_each(|argument| self.put_into_one(argument))
    }

    fn put_into_one(&mut self, argument: &mut Argument) -> Result<(), Unreadable> {
        match argument {
            Argument::Array(items) => self.put_into(items),
            Argument::Object(fields) if fields.iter().any(|(key, _)| key == KEY) => {
                let number = number(fields).ok_or_else(|| {
                    Unreadable::of_ours(format!(
                        "beside binary, an object with `{KEY}` must be a placeholder"
                    ))
                })?;
                *argument = Argument::Binary(self.take(number)?);
                Ok(())
            }
            Argument::Object(fields) => {
                fields.iter_mut().try_for_each(|(_, value)| self.put_into_one(value))
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, number: u64) -> Result<Bytes, Unreadable> {
        let index = usize::try_from(number).ok().filter(|index| *index < self.all.len());
        let index =
            index.ok_or_else(|| Unreadable::of_ours(format!("attachment {number} is missing")))?;
        if std::mem::replace(&mut self.is_placed[index], true) {
            return Err(Unreadable::of_ours(format!("attachment {number} has two placeholders")));
        }
        Ok(self.all[index].clone())
    }
}

/// The number of a placeholder: of exactly what every official client writes.
fn number(fields: &[(String, Argument)]) -> Option<u64> {
    match fields {
        [(first, Argument::Bool(true)), (second, Argument::Number(number))]
        | [(second, Argument::Number(number)), (first, Argument::Bool(true))]
            if first == KEY && second == "num" =>
        {
            number.as_u64()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;
    use serde_json::{Value, json, value::RawValue};

    use super::*;
    use crate::wire::{Args, Arguments, InboundArguments, Payload, encode};

    fn received(text: &str, attachments: &[&'static str]) -> Result<Arguments, String> {
        let attachments: Vec<Bytes> = attachments.iter().map(|text| Bytes::from(*text)).collect();
        InboundArguments::new(text, &attachments).decode().map_err(|error| error.to_string())
    }

    fn refused(payload: impl Payload) -> Option<String> {
        encode(Some("e"), &payload).err().map(|error| error.to_string())
    }

    #[test]
    fn each_number_is_of_one_attachment() {
        let number = |number: &str| {
            let text = format!(
                r#"["e",[{{"_placeholder":true,"num":{number}}}],{{"_placeholder":true,"num":0}}]"#
            );
            received(&text, &["zero", "one"])
        };
        let read = number("1").unwrap();
        assert_eq!(read[0], Argument::Array(vec![Argument::Binary("one".into())]));
        assert_eq!(read[1], Argument::Binary("zero".into()));

        assert_eq!(number("2").unwrap_err(), "attachment 2 is missing");
        let huge = u64::MAX.to_string();
        assert_eq!(number(&huge).unwrap_err(), format!("attachment {huge} is missing"));
        assert_eq!(number("0").unwrap_err(), "attachment 0 has two placeholders");
        for wrong in ["-1", "0.5", "1e300", "18446744073709551616", "null", "\"1\"", "[1]", "true"]
        {
            assert_eq!(
                number(wrong).unwrap_err(),
                "beside binary, an object with `_placeholder` must be a placeholder",
                "{wrong}"
            );
        }
    }

    /// Clients do not agree on these, so nobody gets them.
    #[test]
    fn what_only_resembles_a_placeholder_is_refused_beside_attachments() {
        for object in [
            r#"{"_placeholder":true}"#,
            r#"{"_placeholder":1,"num":0}"#,
            r#"{"_placeholder":"true","num":0}"#,
            r#"{"_placeholder":false,"num":0}"#,
            r#"{"_placeholder":true,"num":0,"more":1}"#,
            r#"{"_placeholder":true,"num":0,"num":0}"#,
            r#"{"_placeholder":false,"_placeholder":true,"num":0}"#,
            r#"{"_placeholder":true,"_placeholder":true}"#,
            r#"{"\u005fplaceholder":true,"num":"0"}"#,
        ] {
            for text in [format!(r#"["e",{object}]"#), format!(r#"["e",[{{"a":{object}}}]]"#)] {
                assert!(received(&text, &["zero"]).is_err(), "{text}");
                // JSON like any other, where there is nothing to stand for.
                let read = received(&text, &[]).unwrap();
                assert_eq!(encode(Some("e"), &Args(read)).unwrap().attachments.len(), 0);
            }
        }
    }

    /// As socket.io-parser and python-socketio do.
    #[test]
    fn an_attachment_without_a_placeholder_is_left_out() {
        let read = received(r#"["e",{"_placeholder":true,"num":1}]"#, &["zero", "one"]).unwrap();
        assert_eq!(read[..], [Argument::Binary("one".into())]);
        assert_eq!(received(r#"["e",1]"#, &["zero"]).unwrap()[..], [Argument::from(json!(1))]);
    }

    #[test]
    fn nothing_that_resembles_a_placeholder_is_sent_beside_attachments() {
        #[derive(Serialize)]
        struct Forged {
            _placeholder: bool,
            num: &'static str,
        }
        #[derive(Serialize)]
        struct Nested {
            #[serde(flatten)]
            fields: BTreeMap<&'static str, Value>,
        }
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        fn alone_and_beside(what: &str, payload: impl Serialize) {
            assert_eq!(refused(&payload), None, "{what}");
            let beside = refused(Args((Bytes::from("x"), &payload)));
            let text = beside.unwrap_or_else(|| panic!("{what} was sent"));
            assert!(text.contains("`_placeholder`"), "{what}: {text}");
        }
        alone_and_beside("a struct", Forged { _placeholder: true, num: "0" });
        alone_and_beside("a value", json!([{ "a": { "_placeholder": true, "num": 0 } }]));
        alone_and_beside("a map", BTreeMap::from([("_placeholder", 1)]));
        let fields = BTreeMap::from([("_placeholder", json!(true)), ("num", json!(0))]);
        alone_and_beside("flattened", Nested { fields });
        alone_and_beside("raw text", raw(r#"{"_placeholder":true,"num":0}"#));
        alone_and_beside("an escape", raw(r#"[{"\u005fplaceholder" : true, "num":0}]"#));
        alone_and_beside("escapes", raw(r#"{"_\u0070lace\u0068older":true}"#));
        alone_and_beside("an argument", Argument::from(json!({ "_placeholder": null })));
    }

    #[test]
    fn only_keys_count_and_only_whole_ones() {
        for harmless in [
            json!("_placeholder"),
            json!({ "a": "{\"_placeholder\":true}", "_placeholders": 1, "a\"_placeholder": 2 }),
            json!(["_placeholder", { "\u{1}_placeholder": "\u{1}" }, 1, -1, 1.5, null, true]),
        ] {
            assert_eq!(refused(Args((Bytes::from("x"), harmless))), None);
        }
    }

    #[test]
    fn no_more_attachments_are_sent_than_clients_take() {
        let of = |count| vec![Bytes::from("x"); count];
        assert_eq!(refused(of(10)), None);
        let text = refused(of(11)).unwrap();
        assert!(text.contains("11 binary values"), "{text}");
    }
}
