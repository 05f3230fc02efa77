//! Packets of Socket.IO, as text.

use serde_json::Value;

/// What a packet of Socket.IO is; the number it begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `0`
    Connect,
    /// `1`
    Disconnect,
    /// `2` and `5`
    Event,
    /// `3` and `6`
    Ack,
    /// `4`
    ConnectError,
}

/// A packet of Socket.IO, before its attachments have come.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// What it is.
    pub kind: Kind,
    /// How many binary frames follow it.
    pub attachments: usize,
    /// `/` where none is named.
    pub namespace: String,
    /// The number of the acknowledgement it asks for, or is.
    pub id: Option<u64>,
    /// The JSON text behind all that, or nothing.
    pub data: String,
}

impl Packet {
    /// Reads an Engine.IO message (`4…`). `None` where it is another Engine.IO packet, or not well
    /// formed.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('4')?;
        let mut characters = rest.chars();
        let (kind, binary) = match characters.next()? {
            '0' => (Kind::Connect, false),
            '1' => (Kind::Disconnect, false),
            '2' => (Kind::Event, false),
            '3' => (Kind::Ack, false),
            '4' => (Kind::ConnectError, false),
            '5' => (Kind::Event, true),
            '6' => (Kind::Ack, true),
            _ => return None,
        };
        let mut rest = characters.as_str();
        let mut attachments = 0;
        if binary {
            let (count, behind) = rest.split_once('-')?;
            attachments = count.parse().ok()?;
            rest = behind;
        }
        let mut namespace = "/";
        if rest.starts_with('/') {
            (namespace, rest) = rest.split_once(',')?;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, data) = rest.split_at(digits);
        let id = if id.is_empty() { None } else { Some(id.parse().ok()?) };
        Some(Self { kind, attachments, namespace: namespace.to_owned(), id, data: data.to_owned() })
    }

    /// The event's name and arguments, or an acknowledgement's arguments, as one list.
    ///
    /// # Panics
    ///
    /// Where the data is no list: a server that sends that is broken.
    #[must_use]
    pub fn list(&self) -> Vec<Value> {
        serde_json::from_str(&self.data)
            .unwrap_or_else(|_| panic!("not a list: {:.200}", self.data))
    }

    /// An acknowledgement's first argument, or `null`.
    #[must_use]
    pub fn answer(&self) -> Value {
        self.list().into_iter().next().unwrap_or_default()
    }

    /// Whether this is the event `name`, told without reading its arguments.
    #[must_use]
    pub fn is_event(&self, name: &str) -> bool {
        let quoted = self.data.strip_prefix("[\"").and_then(|rest| rest.strip_prefix(name));
        self.kind == Kind::Event && quoted.is_some_and(|rest| rest.starts_with('"'))
    }
}
