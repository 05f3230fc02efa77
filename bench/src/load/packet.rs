//! Socket.IO's packets in Engine.IO's, as far as the loads need them.

use anyhow::{Context as _, Result, bail};

/// What a server says in a text frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// The engine's handshake.
    Open,
    Ping,
    /// The namespace let the client in.
    Connected,
    /// The namespace did not.
    Refused(&'a str),
    /// The server ended the namespace's session.
    Disconnected,
    Event {
        arguments: &'a str,
    },
    /// With as many attachments as follow in frames of their own.
    Ack {
        id: u64,
        arguments: &'a str,
        attachments: usize,
    },
}

impl<'a> Packet<'a> {
    pub(crate) fn parse(text: &'a str, namespace: &str) -> Result<Self> {
        let understood = Self::understand(text, namespace);
        understood.with_context(|| format!("the server said {:?}", excerpt(text)))
    }

    fn understand(text: &'a str, namespace: &str) -> Result<Self> {
        let packet = match text.as_bytes().first() {
            Some(b'0') => return Ok(Self::Open),
            Some(b'2') => return Ok(Self::Ping),
            Some(b'4') => &text[1..],
            _ => bail!("no packet that a server sends over a WebSocket"),
        };
        let kind = packet.as_bytes().first().copied().context("no type")?;
        let mut rest = &packet[1..];
        let mut attachments = 0;
        if matches!(kind, b'5' | b'6') {
            let (count, after) = rest.split_once('-').context("no number of attachments")?;
            attachments = count.parse().context("no number of attachments")?;
            rest = after;
        }
        let rest = rest.strip_prefix(namespace).context("another namespace")?;
        if kind == b'1' {
            return Ok(Self::Disconnected);
        }
        let rest = rest.strip_prefix(',').context("another namespace")?;
        match kind {
            b'0' => Ok(Self::Connected),
            b'2' => Ok(Self::Event { arguments: rest }),
            b'3' | b'6' => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                let (id, arguments) = rest.split_at(digits);
                Ok(Self::Ack { id: id.parse().context("no id")?, arguments, attachments })
            }
            b'4' => Ok(Self::Refused(rest)),
            _ => bail!("a type of packet that no load asks for"),
        }
    }
}

/// As much of a text as an error needs.
pub(crate) fn excerpt(text: &str) -> &str {
    let end = text.char_indices().nth(200).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parsed(text: &str, expected: Packet<'_>) {
        assert_eq!(Packet::parse(text, "/chat").unwrap(), expected);
    }

    #[test]
    fn what_a_server_says() {
        parsed(r#"0{"sid":"a","pingInterval":25000}"#, Packet::Open);
        parsed("2", Packet::Ping);
        parsed(r#"40/chat,{"sid":"b"}"#, Packet::Connected);
        parsed(r#"44/chat,{"message":"no"}"#, Packet::Refused(r#"{"message":"no"}"#));
        parsed("41/chat,", Packet::Disconnected);
        parsed(r#"42/chat,["e",1]"#, Packet::Event { arguments: r#"["e",1]"# });
        parsed("43/chat,17[2]", Packet::Ack { id: 17, arguments: "[2]", attachments: 0 });
        parsed("461-/chat,0[{}]", Packet::Ack { id: 0, arguments: "[{}]", attachments: 1 });
    }

    #[test]
    fn anything_else_is_an_error_that_shows_it() {
        for text in ["", "4", "6", "43/other,1[]", "43/chat,[]", "46/chat,1[]", "47/chat,"] {
            let error = Packet::parse(text, "/chat").unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }
}
