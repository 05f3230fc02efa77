//! [`EncodedArguments`]: the arguments of a message on its way, to be read by whoever wants to.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::InboundArguments;
use crate::exception::WsException;

/// The arguments of an event or of an acknowledgement as they travel: JSON text, and attachments beside it. They are
/// borrowed, and nothing is decoded before somebody asks.
///
/// ```
/// use gateway_core::{EncodedArguments, Observer, Socket};
///
/// struct Counter;
///
/// impl Observer for Counter {
///     fn received(&self, _: &Socket, event: &str, arguments: &EncodedArguments<'_>) {
///         if let Ok(first) = arguments.read::<Option<String>>() {
///             println!("{event}: {first:?}, {} bytes in all", arguments.size());
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy)]
pub struct EncodedArguments<'a> {
    /// `["event", first, second]`, or `[first, second]` of an acknowledgement.
    text: &'a str,
    attachments: &'a [Bytes],
    has_event: bool,
}

impl<'a> EncodedArguments<'a> {
    pub(crate) fn of_event(text: &'a str, attachments: &'a [Bytes]) -> Self {
        Self { text, attachments, has_event: true }
    }

    pub(crate) fn of_acknowledgement(text: &'a str, attachments: &'a [Bytes]) -> Self {
        Self { text, attachments, has_event: false }
    }

    /// No arguments, in the place of those that nobody may see.
    pub(crate) fn hidden() -> Self {
        Self::of_acknowledgement("[]", &[])
    }

    /// Reads the arguments as a `T`, as handlers do: a tuple takes all of them, [`Arguments`](crate::Arguments) as well,
    /// and any other type the first.
    ///
    /// # Errors
    /// `BAD_PAYLOAD` if they do not have the form of a `T`. The error repeats nothing of what was sent.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, WsException> {
        let arguments = match self.has_event {
            true => InboundArguments::new(self.text, self.attachments),
            false => InboundArguments::acknowledgement(self.text, self.attachments),
        };
        arguments.decode().map_err(|error| WsException::bad_payload(error.field(false)))
    }

    /// The text of the arguments, separated by commas: `1,{"a":true}`. Binary data has a placeholder there, and is among
    /// the [`attachments`](Self::attachments).
    #[must_use]
    pub fn text(&self) -> &'a str {
        let list = self.text.trim();
        let list = list.strip_prefix('[').unwrap_or(list);
        let list = list.strip_suffix(']').unwrap_or(list);
        let arguments = if self.has_event { split_event(list).1.trim_start() } else { list };
        match self.has_event {
            true => arguments.strip_prefix(',').unwrap_or(arguments).trim(),
            false => arguments.trim(),
        }
    }

    /// The binary data among the arguments, by the numbers in its placeholders.
    #[must_use]
    pub fn attachments(&self) -> &'a [Bytes] {
        self.attachments
    }

    /// The size of text and attachments, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text().len() + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }

    /// The name of the event that they belong to; empty in an acknowledgement.
    pub(crate) fn event(&self) -> Cow<'a, str> {
        let list = self.text.trim_start().trim_start_matches('[');
        match self.has_event {
            true => unescaped(split_event(list).0),
            false => Cow::Borrowed(""),
        }
    }
}

/// Splits `"name",1]` behind the name.
fn split_event(list: &str) -> (&str, &str) {
    let list = list.trim_start();
    let mut is_escaped = false;
    let end = list.bytes().enumerate().skip(1).find(|(_, byte)| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    list.split_at(end.map_or(list.len(), |(at, _)| at + 1))
}

/// What a JSON string means.
fn unescaped(string: &str) -> Cow<'_, str> {
    match string.contains('\\') {
        true => serde_json::from_str::<String>(string).unwrap_or_default().into(),
        false => string.trim_matches('"').into(),
    }
}

/// Without the arguments, which may say anything, and be of any length.
impl fmt::Debug for EncodedArguments<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EncodedArguments")
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Arguments;

    fn event(text: &str) -> (String, &str) {
        let arguments = EncodedArguments::of_event(text, &[]);
        (arguments.event().into_owned(), arguments.text())
    }

    #[test]
    fn the_event_is_no_argument() {
        assert_eq!(event(r#"["a",1,"b"]"#), ("a".to_owned(), r#"1,"b""#));
        assert_eq!(event(r#" [ "a" , [2] ] "#), ("a".to_owned(), "[2]"));
        assert_eq!(event(r#"["a"]"#), ("a".to_owned(), ""));
        assert_eq!(event(r#"["",{}]"#), (String::new(), "{}"));
        assert_eq!(event(r#"["a\"b\\",3]"#), ("a\"b\\".to_owned(), "3"));
        assert_eq!(event(r#"["消息",3]"#), ("消息".to_owned(), "3"));
    }

    #[test]
    fn an_acknowledgement_has_arguments_alone() {
        let answer = EncodedArguments::of_acknowledgement(r#"["done",7]"#, &[]);
        assert_eq!((answer.text(), &*answer.event()), (r#""done",7"#, ""));
        assert_eq!(answer.read::<(String, u8)>().unwrap(), ("done".to_owned(), 7));
    }

    #[test]
    fn they_are_read_as_handlers_read_them() {
        let bytes = [Bytes::from_static(b"x")];
        let text = r#"["a",{"_placeholder":true,"num":0},2]"#;
        let arguments = EncodedArguments::of_event(text, &bytes);
        assert_eq!(arguments.read::<Bytes>().unwrap(), bytes[0]);
        assert_eq!(arguments.read::<Arguments>().unwrap().len(), 2);
        assert_eq!(arguments.read::<String>().unwrap_err().code(), "BAD_PAYLOAD");
        assert_eq!(arguments.size(), arguments.text().len() + 1);
        assert!(EncodedArguments::hidden().read::<Arguments>().unwrap().is_empty());
    }
}
