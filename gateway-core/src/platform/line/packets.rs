//! Which Engine.IO packets carry something of ours, and when all of one has passed.
//!
//! Ours are Socket.IO's events and acknowledgements, with or without attachments: nothing else is
//! ever handed to socketioxide to be sent. Their data part is what the text has from its `[` on; what
//! is before it only the transport needs.

use super::beginning::Beginning;

/// Follows the packets that leave of one session, whatever transport carries them.
#[derive(Debug, Default)]
pub(super) struct PacketReader {
    prefix: Prefix,
    /// Bytes of the text's data part, once its beginning was found.
    data: u64,
    /// Attachments that belong to the text before them.
    attachments: u32,
    /// Bytes of the packet so far: its data part and attachments.
    bytes: u64,
}

/// How far the beginning of a text was read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    /// Nothing: the first byte says what Engine.IO makes of it.
    #[default]
    Start,
    /// It is a message of Socket.IO, of a kind that is to come.
    Message,
    /// An event or acknowledgement; a number, a namespace or data is to come.
    Head { binary: bool, number: u32 },
    /// In the name of a namespace.
    Namespace,
    /// In the number of the acknowledgement.
    Ack,
    /// The data part has begun.
    Data,
    /// Not ours, but socketioxide's: a ping, an end, an answer to a CONNECT.
    Own(Own),
    /// Not ours.
    Other,
}

/// A packet of ours has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passed {
    /// Its data part and attachments.
    pub(super) bytes: usize,
}

/// What a text turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// A packet of ours without attachments.
    Passed(Passed),
    /// One of socketioxide's own.
    Own(Own),
    /// Nothing that matters here, or the first part of something.
    Nothing,
}

/// What socketioxide sends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// The ping of Engine.IO.
    Ping,
    /// The end of the session.
    Close,
    /// A client is let into a namespace.
    Connect,
    /// A client is not let in.
    ConnectError,
}

/// Tells packets of ours without attachments by their beginnings, in texts that are wholly here.
#[derive(Debug, Default)]
pub(super) struct Plain {
    last: Beginning,
}

impl Plain {
    /// Bytes of the data part, where the text is such a packet, written as they nearly always are; of
    /// others this says nothing.
    #[inline]
    pub(super) fn data(&mut self, text: &[u8]) -> Option<usize> {
        let begins_as_before = text.first_chunk().and_then(|begins| self.last.of(*begins));
        if let Some(len) = begins_as_before
            && let Some(behind) = text.get(len..)
            && let Some(data) = behind_number(behind)
        {
            return Some(data);
        }
        self.data_of_other(text)
    }

    #[cold]
    #[inline(never)]
    fn data_of_other(&mut self, text: &[u8]) -> Option<usize> {
        let [b'4', b'2' | b'3', behind_kind @ ..] = text else { return None };
        let len = match behind_kind {
            [b'/', name @ ..] => 3 + name.iter().position(|byte| *byte == b',')? + 1,
            _ => 2,
        };
        let data = behind_number(&text[len..])?;
        if let Some(begins) = text.first_chunk()
            && len <= Beginning::SIZE
        {
            self.last.learn(*begins, len);
        }
        Some(data)
    }
}

/// Bytes of the data part, which begins here or behind the number of an acknowledgement.
#[inline]
fn behind_number(mut text: &[u8]) -> Option<usize> {
    loop {
        match text {
            [b'[', ..] => return Some(text.len()),
            [b'0'..=b'9', rest @ ..] => text = rest,
            _ => return None,
        }
    }
}

impl PacketReader {
    /// Whether nothing has begun that goes on in what comes next.
    #[inline]
    pub(super) fn is_between(&self) -> bool {
        self.attachments == 0 && self.prefix == Prefix::Start
    }

    /// Takes note of the next bytes of a text, which `rest` more follow. Those need not be shown once
    /// this returned true.
    #[inline]
    pub(super) fn text(&mut self, bytes: &[u8], rest: u64) -> bool {
        for (at, byte) in bytes.iter().enumerate() {
            self.prefix = match (self.prefix, byte) {
                (
                    Prefix::Own(Own::Connect | Own::ConnectError) | Prefix::Data | Prefix::Other,
                    _,
                ) => {
                    return true;
                }
                (Prefix::Start, b'4') => Prefix::Message,
                (Prefix::Start, b'2') => Prefix::Own(Own::Ping),
                (Prefix::Start, b'1') => Prefix::Own(Own::Close),
                // A probe.
                (Prefix::Start | Prefix::Own(_), _) => Prefix::Other,
                (Prefix::Message, b'0') => Prefix::Own(Own::Connect),
                (Prefix::Message, b'4') => Prefix::Own(Own::ConnectError),
                (Prefix::Message, b'2' | b'3') => Prefix::Head { binary: false, number: 0 },
                (Prefix::Message, b'5' | b'6') => Prefix::Head { binary: true, number: 0 },
                (Prefix::Message, _) => Prefix::Other,
                (Prefix::Head { binary: true, number }, b'-') => {
                    self.attachments = number;
                    Prefix::Head { binary: false, number: 0 }
                }
                (Prefix::Head { binary, number }, b'0'..=b'9') => {
                    let number = number.saturating_mul(10).saturating_add(u32::from(byte - b'0'));
                    Prefix::Head { binary, number }
                }
                (Prefix::Head { binary: false, .. }, b'-') => Prefix::Ack,
                (Prefix::Head { .. }, b'/') => Prefix::Namespace,
                (Prefix::Namespace, b',') => Prefix::Ack,
                (Prefix::Namespace, _) => Prefix::Namespace,
                (Prefix::Ack, b'0'..=b'9' | b'-') => Prefix::Ack,
                // The beginning of the data, whatever it is.
                (Prefix::Head { .. } | Prefix::Ack, _) => {
                    self.data = (bytes.len() - at) as u64 + rest;
                    Prefix::Data
                }
            };
        }
        matches!(
            self.prefix,
            Prefix::Own(Own::Connect | Own::ConnectError) | Prefix::Data | Prefix::Other
        )
    }

    /// The text is over.
    #[inline]
    pub(super) fn end_of_text(&mut self) -> Text {
        let prefix = std::mem::take(&mut self.prefix);
        match prefix {
            Prefix::Own(own) => return Text::Own(own),
            Prefix::Start | Prefix::Message | Prefix::Other => return Text::Nothing,
            Prefix::Head { .. } | Prefix::Namespace | Prefix::Ack | Prefix::Data => {}
        }
        self.bytes = std::mem::take(&mut self.data);
        match self.attachments {
            0 => Text::Passed(Passed { bytes: self.bytes as usize }),
            _ => Text::Nothing,
        }
    }

    /// An attachment of that many bytes is over.
    #[inline]
    pub(super) fn end_of_binary(&mut self, size: u64) -> Option<Passed> {
        // One that belongs to nothing is nothing of ours.
        self.attachments = self.attachments.checked_sub(1)?;
        self.bytes += size;
        (self.attachments == 0).then_some(Passed { bytes: self.bytes as usize })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text turned out to be, wherever it is split.
    fn read(reader: impl Fn() -> PacketReader, text: &str) -> (Text, PacketReader) {
        let mut outcomes = Vec::new();
        for split in 0..=text.len() {
            let mut reader = reader();
            let (before, after) = text.as_bytes().split_at(split);
            let known = reader.text(before, after.len() as u64);
            if !known {
                reader.text(after, 0);
            }
            outcomes.push((reader.end_of_text(), reader));
        }
        let all_same = outcomes.windows(2).all(|two| two[0].0 == two[1].0);
        assert!(all_same, "{text}: {outcomes:?}");
        outcomes.pop().unwrap()
    }

    fn outcome(text: &str) -> Text {
        let outcome = read(PacketReader::default, text).0;
        // And at a glance, with whatever was before it.
        for before in
            ["", r#"42["a","b","c","d"]"#, r#"42/chat,["a","b","c"]"#, "43/chat,1[2,3,4,5,6]", text]
        {
            let mut plain = Plain::default();
            plain.data(before.as_bytes());
            if let Some(bytes) = plain.data(text.as_bytes()) {
                assert_eq!(outcome, Text::Passed(Passed { bytes }), "{text} behind {before}");
            }
        }
        outcome
    }

    #[test]
    fn events_and_acknowledgements_are_ours() {
        for (prefix, data) in [
            ("42", r#"["a"]"#),
            ("42", r#"["a",{"b":"/x,["}]"#),
            ("4217", r#"["a"]"#),
            ("42/chat,", r#"["a"]"#),
            ("42/chat/[x],5", r#"["a"]"#),
            ("430", "[]"),
            ("43/chat,12", "[1,2]"),
            ("450-", r#"["a"]"#),
            ("460-/chat,7", "[]"),
            ("43-3", "[]"),
        ] {
            let text = format!("{prefix}{data}");
            assert_eq!(outcome(&text), Text::Passed(Passed { bytes: data.len() }), "{text}");
        }
    }

    #[test]
    fn what_begins_like_the_one_before_is_told_at_a_glance() {
        let mut plain = Plain::default();
        for (text, data) in [
            (r#"42/chat,["message",1]"#, Some(13)),
            (r#"42/chat,["message",{"a":2}]"#, Some(19)),
            (r#"42/chat,[1]"#, Some(3)),
            (r#"42/chat,7["message",1]"#, Some(13)),
            (r#"42/chat,71["message",1]"#, Some(13)),
            (r#"42/chats,["message",1]"#, Some(13)),
            (r#"42/a name that is long,["message",1]"#, Some(13)),
            (r#"42/chats,["message",1]"#, Some(13)),
            (r#"452-/chat,["message",1]"#, None),
            (r#"40/chat,{"sid":"123456789"}"#, None),
            (r#"42/chat,"[no array"]"#, None),
            ("", None),
        ] {
            assert_eq!(plain.data(text.as_bytes()), data, "{text}");
        }
    }

    #[test]
    fn the_rest_is_not() {
        for text in
            [r#"0{"sid":"x"}"#, "3", "3probe", "6", "1probe", "41", "41/chat,", "2probe", ""]
        {
            assert_eq!(outcome(text), Text::Nothing, "{text}");
        }
    }

    #[test]
    fn what_socketioxide_says_by_itself_is_known() {
        for (text, own) in [
            ("2", Own::Ping),
            ("1", Own::Close),
            ("40", Own::Connect),
            (r#"40{"sid":"x"}"#, Own::Connect),
            (r#"40/chat,{"sid":"x"}"#, Own::Connect),
            (r#"44{"message":"no"}"#, Own::ConnectError),
            (r#"44/chat,{"message":"no"}"#, Own::ConnectError),
        ] {
            assert_eq!(outcome(text), Text::Own(own), "{text}");
        }
    }

    #[test]
    fn a_packet_has_passed_with_the_last_of_its_attachments() {
        for (text, attachments) in [
            (r#"451-["a",{"_placeholder":true,"num":0}]"#, vec![3]),
            (r#"4512-/chat,["a"]"#, vec![0; 12]),
            (r#"462-/chat,93["a"]"#, vec![0, 70_000]),
        ] {
            let data = text.len() - text.find('[').unwrap();
            let (text_outcome, mut reader) = read(PacketReader::default, text);
            assert_eq!(text_outcome, Text::Nothing);
            let (last, first) = attachments.split_last().unwrap();
            for size in first {
                assert_eq!(reader.end_of_binary(*size), None);
            }
            let bytes = data + attachments.iter().sum::<u64>() as usize;
            assert_eq!(reader.end_of_binary(*last), Some(Passed { bytes }));
            // And the next begins anew.
            assert!(!reader.text(b"4", 4) && reader.text(b"2[1]", 0));
            assert_eq!(reader.end_of_text(), Text::Passed(Passed { bytes: 3 }));
        }
    }

    #[test]
    fn a_binary_without_a_text_is_nothing_of_ours() {
        assert_eq!(PacketReader::default().end_of_binary(9), None);
    }
}
