//! Values → the text of a packet, with binary data beside it, at whatever depth it is found.

use std::{
    collections::VecDeque,
    io::{self, Write},
};

use bytes::Bytes;
use serde::{Serialize, ser::Error as _};
use serde_json::ser::{Formatter, Serializer};

use super::{Payload, buffers, placeholder};

/// Room for a small message. The text grows from here and not from nothing, which would be a third of all allocations
/// for an acknowledgement.
const SMALL: usize = 128;

/// The arguments of an event or of an acknowledgement, as they are sent.
pub(crate) struct Encoded {
    /// `["event", …]`, or `[…]` of an acknowledgement.
    pub(crate) text: String,
    /// What the text has placeholders for, by their numbers.
    pub(crate) attachments: VecDeque<Bytes>,
}

/// Encodes the arguments behind the name of their event, where they have one.
///
/// # Errors
/// The value has no JSON form, or clients would refuse the packet, or take a part of its text for
/// an attachment.
pub(crate) fn encode(
    event: Option<&str>,
    payload: &impl Payload,
) -> Result<Encoded, serde_json::Error> {
    let mut text = Vec::with_capacity(SMALL);
    let mut attachments = VecDeque::new();
    if let Some(event) = event {
        text.push(b'[');
        serde_json::to_writer(&mut text, event)?;
    }
    let arguments = text.len();
    let formatter = WithAttachments(&mut attachments);
    let mut serializer = Serializer::with_formatter(&mut text, formatter);
    buffers::remembering(|| payload.wire().serialize(&mut serializer))?;
    debug_assert_eq!(text[arguments], b'[', "a payload is a list of arguments");
    if event.is_some() {
        // The list goes on with the arguments: `["event"` and `[1]` are `["event",1]`.
        match &text[arguments..] {
            b"[]" => drop(text.remove(arguments)),
            _ => text[arguments] = b',',
        }
    }
    let text = String::from_utf8(text).map_err(serde_json::Error::custom)?;
    if !attachments.is_empty() {
        placeholder::check(&text, attachments.len())?;
    }
    Ok(Encoded { text, attachments })
}

/// Collects binary data, and writes a placeholder for it.
struct WithAttachments<'a>(&'a mut VecDeque<Bytes>);

impl Formatter for WithAttachments<'_> {
    fn write_byte_array<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        value: &[u8],
    ) -> io::Result<()> {
        placeholder::write(writer, self.0.len())?;
        self.0.push_back(buffers::owned(value));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::{Args, Argument};

    fn text(event: Option<&str>, payload: impl Payload) -> String {
        encode(event, &payload).unwrap().text
    }

    #[test]
    fn arguments_come_behind_their_event() {
        assert_eq!(text(Some("e"), ()), r#"["e"]"#);
        assert_eq!(text(Some("e"), 1), r#"["e",1]"#);
        assert_eq!(text(Some("e"), [1, 2]), r#"["e",[1,2]]"#);
        assert_eq!(text(Some("e"), Args((1, "two"))), r#"["e",1,"two"]"#);
        assert_eq!(text(Some("e"), Vec::<u8>::new()), r#"["e",[]]"#);
        assert_eq!(text(Some("e"), Args(Vec::<u8>::new())), r#"["e"]"#);
        assert_eq!(text(Some("e"), json!(null)), r#"["e",null]"#);
        assert_eq!(text(Some("\"\\消息\n"), "\u{1}"), "[\"\\\"\\\\消息\\n\",\"\\u0001\"]");
    }

    #[test]
    fn an_acknowledgement_is_its_arguments() {
        assert_eq!(text(None, ()), "[]");
        assert_eq!(text(None, json!({"a": [1.5]})), r#"[{"a":[1.5]}]"#);
        assert_eq!(text(None, Args((1, "two"))), r#"[1,"two"]"#);
    }

    #[test]
    fn what_is_binary_is_attached_in_the_order_of_its_placeholders() {
        let value = Argument::Array(vec![
            Argument::Binary("zero".into()),
            Argument::from(json!({"a": 1})),
            Argument::Binary("".into()),
        ]);
        let encoded = encode(Some("e"), &value).unwrap();
        let placeholder = |number| format!(r#"{{"_placeholder":true,"num":{number}}}"#);
        let expected = format!(r#"["e",[{},{{"a":1}},{}]]"#, placeholder(0), placeholder(1));
        assert_eq!(encoded.text, expected);
        assert_eq!(encoded.attachments, [Bytes::from("zero"), Bytes::new()]);
    }

    #[test]
    fn binary_is_found_in_whatever_it_is_wrapped_in() {
        #[derive(Serialize)]
        struct Newtype(Bytes);
        #[derive(Serialize)]
        enum File {
            Named { bytes: Option<Bytes> },
            Bare(Newtype),
        }
        let some = || Bytes::from_static(b"x");
        for (payload, around) in [
            (File::Named { bytes: Some(some()) }, r#"{"Named":{"bytes":_}}"#),
            (File::Bare(Newtype(some())), r#"{"Bare":_}"#),
        ] {
            let encoded = encode(None, &payload).unwrap();
            let placeholder = r#"{"_placeholder":true,"num":0}"#;
            assert_eq!(encoded.text, format!("[{}]", around.replace('_', placeholder)));
            assert_eq!(encoded.attachments, [some()]);
        }
        assert_eq!(text(None, File::Named { bytes: None }), r#"[{"Named":{"bytes":null}}]"#);
        // Numbers, for who did not ask for anything else.
        assert_eq!(text(None, vec![1_u8, 2]), "[[1,2]]");
    }

    #[test]
    fn numbers_and_raw_text_are_as_in_json() {
        assert_eq!(text(None, i128::MIN), format!("[{}]", i128::MIN));
        assert_eq!(text(None, f64::NAN), "[null]");
        let raw = serde_json::value::RawValue::from_string(r#"{"a": 1}"#.to_owned()).unwrap();
        assert_eq!(text(None, raw), r#"[{"a": 1}]"#);
        assert_eq!(text(None, std::collections::BTreeMap::from([(1, 'a')])), r#"[{"1":"a"}]"#);
    }

    #[test]
    fn what_has_no_form_is_an_error() {
        let by_list = std::collections::BTreeMap::from([(vec![1], 2)]);
        assert!(encode(None, &by_list).is_err());
    }
}
