//! Socket.IO's packets in Engine.IO's, as far as the chat goes.

use serde::Serialize;
use serde_json::value::RawValue;

pub(crate) const PING: &str = "2";
pub(crate) const PONG: &str = "3";
pub(crate) const PLACEHOLDER: &str = r#"{"_placeholder":true,"num":0}"#;

/// What a client says in a text frame.
pub(crate) enum Packet<'a> {
    Pong,
    Connect(&'a str),
    Event { id: Option<u64>, name: &'a str, body: &'a RawValue, binary: bool },
}

impl<'a> Packet<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text == PONG {
            return Some(Self::Pong);
        }
        if let Some(auth) = text.strip_prefix("40/chat,") {
            return Some(Self::Connect(auth));
        }
        let (binary, rest) = match text.strip_prefix("42/chat,") {
            Some(rest) => (false, rest),
            None => (true, text.strip_prefix("451-/chat,")?),
        };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, arguments) = rest.split_at(digits);
        let (name, body) = serde_json::from_str(arguments).ok()?;
        Some(Self::Event { id: id.parse().ok(), name, body, binary })
    }
}

pub(crate) fn open(session: u64) -> String {
    format!(
        r#"0{{"sid":"{session:020}","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}}"#
    )
}

pub(crate) fn connected(session: u64) -> String {
    format!(r#"40/chat,{{"sid":"{session:020}"}}"#)
}

pub(crate) fn refused() -> String {
    r#"44/chat,{"message":"unauthorized"}"#.to_owned()
}

pub(crate) fn event(name: &str, body: &impl Serialize) -> serde_json::Result<String> {
    Ok(format!("42/chat,[\"{name}\",{}]", serde_json::to_string(body)?))
}

pub(crate) fn ack(id: u64, body: &impl Serialize) -> serde_json::Result<String> {
    Ok(format!("43/chat,{id}[{}]", serde_json::to_string(body)?))
}

pub(crate) fn binary_ack(id: u64) -> String {
    format!("461-/chat,{id}[{PLACEHOLDER}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_an_id_a_name_and_a_body() {
        match Packet::parse(r#"42/chat,17["echo",{"n":1}]"#) {
            Some(Packet::Event { id: Some(17), name: "echo", body, binary: false }) => {
                assert_eq!(body.get(), r#"{"n":1}"#);
            }
            _ => panic!("no event"),
        }
    }

    #[test]
    fn an_event_may_want_no_answer_and_have_an_attachment() {
        let text = format!(r#"451-/chat,["binary",{PLACEHOLDER}]"#);
        let packet = Packet::parse(&text);
        assert!(matches!(packet, Some(Packet::Event { id: None, binary: true, .. })));
    }

    #[test]
    fn what_is_not_of_the_chat_is_nothing() {
        assert!(Packet::parse("42/other,[\"echo\",1]").is_none());
        assert!(Packet::parse("42/chat,[\"echo\"").is_none());
        assert!(Packet::parse("").is_none());
    }
}
