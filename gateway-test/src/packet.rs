//! Packets of Socket.IO 5, as far as a client has to tell them apart.

use bytes::Bytes;
use gateway_core::testing::{Encoded, Received};
use serde_json::Value;

/// A packet from the server.
#[derive(Debug)]
pub(crate) enum Packet {
    /// The client was let in, under this id.
    Connected(String),
    /// It was not, for this reason.
    Refused(String),
    /// The server has sent it away.
    Disconnected,
    Event(Event),
    /// An acknowledgement of the client's event with this number.
    Ack(u64, Received),
}

/// An event from the server.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) arguments: Received,
    /// The number to acknowledge it by, if the server waits for that.
    pub(crate) ack: Option<u64>,
}

/// A packet that waits for its attachments.
#[derive(Debug)]
pub(crate) struct Head {
    kind: u8,
    id: Option<u64>,
    text: String,
    wanted: usize,
}

impl Head {
    /// Reads the text of a packet in `namespace`.
    ///
    /// # Errors
    /// What is wrong with it: the server is at fault.
    pub(crate) fn read(text: &str, namespace: &str) -> Result<Self, String> {
        let wrong = || format!("the server has sent a packet that cannot be read: {text}");
        let mut chars = text.chars();
        let kind = chars.next().filter(char::is_ascii_digit).ok_or_else(wrong)? as u8 - b'0';
        let mut rest = chars.as_str();
        let mut wanted = 0;
        if matches!(kind, 5 | 6) {
            let (count, behind) = rest.split_once('-').ok_or_else(wrong)?;
            wanted = count.parse().map_err(|_| wrong())?;
            rest = behind;
        }
        let mut own = "/";
        if rest.starts_with('/') {
            (own, rest) = rest.split_once(',').unwrap_or((rest, ""));
        }
        if own != namespace {
            return Err(format!(
                "the server has sent a packet for `{own}`, not `{namespace}`: {text}"
            ));
        }
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (id, text) = rest.split_at(digits);
        Ok(Self { kind, id: id.parse().ok(), text: text.to_owned(), wanted })
    }

    /// How many attachments come behind it.
    pub(crate) fn wanted(&self) -> usize {
        self.wanted
    }

    /// The packet, with its attachments.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn with(self, attachments: Vec<Bytes>) -> Result<Packet, String> {
        let Self { kind, id, text, .. } = self;
        let said = || -> Value { serde_json::from_str(&text).unwrap_or_default() };
        Ok(match kind {
            0 => Packet::Connected(said()["sid"].as_str().unwrap_or_default().to_owned()),
            1 => Packet::Disconnected,
            4 => Packet::Refused(said()["message"].as_str().unwrap_or_default().to_owned()),
            2 | 5 => {
                let name = said()[0].as_str().map(str::to_owned);
                let name = name.ok_or_else(|| {
                    format!("the server has sent an event without a name: {text}")
                })?;
                let arguments = Received { text, attachments, has_event: true };
                Packet::Event(Event { name, arguments, ack: id })
            }
            3 | 6 => {
                let id = id.ok_or_else(|| format!("an acknowledgement has no number: {text}"))?;
                Packet::Ack(id, Received { text, attachments, has_event: false })
            }
            _ => return Err(format!("the server has sent a packet of type {kind}: {text}")),
        })
    }
}

/// `/chat,`, or nothing for the namespace that needs no name.
pub(crate) fn prefix(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

/// The text of an event, or of an acknowledgement, in Engine.IO's wrapping.
pub(crate) fn message(is_ack: bool, namespace: &str, id: Option<u64>, encoded: &Encoded) -> String {
    let count = encoded.attachments.len();
    let (plain, binary) = if is_ack { (3, 6) } else { (2, 5) };
    let head = if count == 0 { format!("4{plain}") } else { format!("4{binary}{count}-") };
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    format!("{head}{}{id}{}", prefix(namespace), encoded.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str, namespace: &str) -> Event {
        match Head::read(text, namespace).unwrap().with(Vec::new()) {
            Ok(Packet::Event(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_event_has_a_name_arguments_and_perhaps_a_number() {
        let said = event(r#"2/chat,["said","hi"]"#, "/chat");
        assert_eq!((said.name.as_str(), said.ack), ("said", None));
        assert_eq!(said.arguments.read::<String>().unwrap(), "hi");
        let asked = event(r#"217["asked",[1]]"#, "/");
        assert_eq!(asked.ack, Some(17));
        assert_eq!(asked.arguments.read::<Vec<u8>>().unwrap(), [1]);
    }

    #[test]
    fn attachments_are_put_where_they_belong() {
        let head = Head::read(r#"51-/files,["file",{"_placeholder":true,"num":0}]"#, "/files");
        let head = head.unwrap();
        assert_eq!(head.wanted(), 1);
        let Ok(Packet::Event(file)) = head.with(vec!["bytes".into()]) else { panic!("no event") };
        assert_eq!(file.arguments.read::<Bytes>().unwrap(), "bytes");
        assert_eq!(file.arguments.shown(), "<5 bytes>");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for text in ["", "x", "5[]", "2/other,[]"] {
            assert!(Head::read(text, "/chat").is_err(), "{text}");
        }
        assert!(Head::read("2[]", "/").unwrap().with(Vec::new()).is_err());
        assert!(Head::read("3[]", "/").unwrap().with(Vec::new()).is_err());
    }

    #[test]
    fn packets_are_written_as_other_clients_write_them() {
        let encoded = |attachments: &[&'static str]| Encoded {
            text: r#"["e"]"#.into(),
            attachments: attachments.iter().map(|one| Bytes::from(*one)).collect(),
        };
        assert_eq!(message(false, "/", None, &encoded(&[])), r#"42["e"]"#);
        assert_eq!(message(false, "/a", Some(7), &encoded(&[])), r#"42/a,7["e"]"#);
        assert_eq!(message(true, "/a", Some(7), &encoded(&["x"])), r#"461-/a,7["e"]"#);
    }
}
