//! The platform below the gateways: Socket.IO, by way of socketioxide.
//!
//! This is the only place that names socketioxide. Below is what it offers to the rest of the crate; a second platform
//! would offer the same, pass the same tests (`namespaces/tests.rs`, over real connections), and leave everything above
//! unchanged.
//!
//! * [`mount`] opens a namespace, and [`serve`] the server. The namespace's [`Occupant`] is asked whether
//!   a client is let in before the client is told; then it hears `connected`, `received` for every
//!   message in the order of arrival, on the connection's read loop, and `disconnected` exactly once,
//!   whatever panics.
//! * A [`Link`] is one client in one namespace. Each packet claims a place on it before it is sent, and counts as in
//!   flight until it has left the process. On every transport, reading can be paused and the client's whole session cut.
//! * A [`Hub`] encodes, sends and keeps rooms. What it accepts after a successful claim is sent, in order, or the client is
//!   disconnected: it is never skipped silently. A send to a group reaches each member once, keeps the order of two emits
//!   for each of them, and occupies a worker for one turn at a time.
//! * Nothing is kept for a client that is not there: a refused request leaves no entry, and a client that comes back under
//!   an id is not mistaken for the one that had it before.

mod adapter;
mod binding;
mod fault;
mod forwarded;
mod hub;
mod line;
mod members;
mod mount;
mod namespaces;
mod network;
mod opening;
pub(crate) mod places;
pub(crate) mod porter;
pub(crate) mod reception;
mod refusal;
mod request;
pub(crate) mod serve;
pub(crate) mod server;
mod upgrade;

use std::{fmt, str::FromStr};

pub(crate) use fault::wrong_path;
pub(crate) use forwarded::{Addressed, Client, TrustedProxies, TrustedProxy};
pub(crate) use hub::{Answer, EncodeError, Frame, Hub, NotJoined, Refused, Sending, Sent};
pub(crate) use line::InFlight;
pub(crate) use members::{Group, Names};
pub(crate) use mount::{Admission, Link, Mounted, Occupant, Outstanding, Vacancy, mount};
pub(crate) use network::Network;
#[cfg(test)]
pub(crate) use request::HeadText;
pub(crate) use request::{RequestHead, asks_for_session, is_handshake};
use serde::Serialize;
pub use server::listener::PeerAddress;
#[cfg(feature = "tls")]
pub use server::tls::{Tls, TlsError};
use socketioxide_core::{Sid, Str, Value};

pub(crate) use crate::disconnect_reason::DisconnectReason;

/// The close code of a WebSocket whose server goes away (RFC 6455, 7.4.1).
pub(crate) const GOING_AWAY: u16 = 1001;

/// The id of a socket, which the client itself knows as `socket.id`.
///
/// It is also the key to the client's session: whoever knows the id of a session on polling can read what is sent
/// to the client, and send in its place. So do not publish it, and keep it out of logs: use the ids of your users
/// to tell clients about each other, and log those. The framework itself logs it only at `debug`. See also
/// [`bind_sessions_to_address`](crate::AppBuilder::bind_sessions_to_address).
///
/// ```
/// # use std::collections::HashMap;
/// # use gateway_core::prelude::*;
/// # fn begin(socket: &Socket, drawings: &mut HashMap<gateway_core::SocketId, String>) {
/// drawings.insert(socket.id(), String::new());
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketId(Sid);

impl fmt::Display for SocketId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for SocketId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl FromStr for SocketId {
    type Err = InvalidSocketId;

    fn from_str(text: &str) -> Result<Self, InvalidSocketId> {
        Sid::from_str(text).map(Self).map_err(|_| InvalidSocketId)
    }
}

/// A text is not the id of a socket.
///
/// ```
/// use gateway_core::SocketId;
/// assert!("not an id".parse::<SocketId>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a socket")]
pub struct InvalidSocketId;

/// How a client is connected.
///
/// ```
/// use gateway_core::Transport;
/// assert_eq!(Transport::Websocket.to_string(), "websocket");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// HTTP long polling.
    Polling,
    /// WebSocket, from the start or after an upgrade.
    Websocket,
}

impl fmt::Display for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Polling => "polling",
            Self::Websocket => "websocket",
        })
    }
}

/// One received event as the platform parsed it: the arguments still as text, attachments beside.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    text: Str,
    attachments: Vec<bytes::Bytes>,
}

impl Packet {
    #[cfg_attr(not(feature = "redis"), allow(dead_code))]
    pub(crate) fn new(text: String, attachments: Vec<bytes::Bytes>) -> Self {
        Self { text: Str::from(text), attachments }
    }

    /// `["event", …]`, or `[…]` in an acknowledgement.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The name of the event.
    pub(crate) fn event(&self) -> &str {
        event_name(&self.text)
    }

    /// The text of the arguments behind the name of the event, `first, second]`.
    pub(crate) fn arguments(&self) -> &str {
        let behind = self.text.splitn(3, '"').nth(2).unwrap_or("");
        behind.trim_start().trim_start_matches(',').trim_start()
    }

    pub(crate) fn attachments(&self) -> &[bytes::Bytes] {
        &self.attachments
    }

    /// What it occupies while it waits, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.text.len() + self.attachments.iter().map(bytes::Bytes::len).sum::<usize>()
    }

    /// No arguments: for the hooks, which no message starts.
    pub(crate) fn empty() -> Self {
        Self { text: Str::from("[]"), attachments: Vec::new() }
    }
}

impl From<Value> for Packet {
    fn from(value: Value) -> Self {
        match value {
            Value::Str(text, attachments) => {
                Self { text, attachments: attachments.map(Vec::from).unwrap_or_default() }
            }
            // Only the msgpack parser makes these, and the server is built with the common one.
            Value::Bytes(_) => Self::empty(),
        }
    }
}

/// The name in `["name", …]`. Socketioxide refuses packets whose name is no plain string.
fn event_name(text: &str) -> &str {
    let quote = |text: &str| text.bytes().position(|byte| byte == b'"');
    let name = quote(text).map_or("", |opening| &text[opening + 1..]);
    quote(name).map_or(name, |closing| &name[..closing])
}

#[cfg(test)]
mod tests {
    use super::{Packet, Str, event_name};

    #[test]
    fn arguments_are_behind_the_event() {
        let behind = |text: &'static str| {
            Packet { text: Str::from(text), attachments: Vec::new() }.arguments().to_owned()
        };
        assert_eq!(behind(r#"["a",1,"b"]"#), r#"1,"b"]"#);
        assert_eq!(behind(r#"[ "a" , [2]]"#), "[2]]");
        assert_eq!(behind(r#"["",{}]"#), "{}]");
        assert_eq!(behind(r#"["a"]"#), "]");
    }

    #[test]
    fn the_event_is_the_first_string() {
        assert_eq!(event_name(r#"["a",1]"#), "a");
        assert_eq!(event_name(r#"[ "send-message", {"a":"b"}]"#), "send-message");
        assert_eq!(event_name(r#"[""]"#), "");
    }
}
