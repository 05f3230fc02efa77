//! The platform below the gateways: Socket.IO, by way of socketioxide.
//!
//! The only place that names socketioxide. What the rest of the crate needs of a platform is what
//! this module offers: a [`Hub`] per namespace that encodes, sends and keeps rooms, a [`Link`] to
//! one client, [`mount`] that calls [`Occupant`] when clients come, speak and go, and [`serve`].
//! A second platform would offer the same and leave the pipeline alone.

mod adapter;
mod hub;
mod io;
mod members;
mod mount;
mod request;
pub(crate) mod serve;

use std::{fmt, str::FromStr};

pub(crate) use hub::{Answer, EncodeError, Frame, Hub, Refused};
pub(crate) use members::{Group, Names};
pub(crate) use mount::{Admission, Link, Mounted, Occupant, mount};
#[cfg(test)]
pub(crate) use request::HeadText;
pub(crate) use request::{RequestHead, is_handshake, is_under};
use serde::Serialize;
use socketioxide_core::{Sid, Str, Value};

/// The id of a socket: what the client itself calls `socket.id`.
///
/// It is also the key of the client's session, so it is not for publishing: tell clients about each
/// other by the ids of your users.
///
/// ```
/// # use gateway_core::prelude::*;
/// # fn log(socket: &Socket) {
/// println!("{} says hello", socket.id());
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

/// The text is no id of a socket.
///
/// ```
/// use gateway_core::SocketId;
/// assert!("not an id".parse::<SocketId>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a socket")]
pub struct InvalidSocketId;

/// Why a socket's connection to a namespace ended. Its [`as_str`](Self::as_str) is the word
/// socket.io's own server uses.
///
/// ```
/// use gateway_core::DisconnectReason;
/// assert_eq!(DisconnectReason::HeartbeatTimeout.as_str(), "ping timeout");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client called `socket.disconnect()`.
    ClientNamespaceDisconnect,
    /// The server called [`Socket::disconnect`](crate::Socket::disconnect).
    ServerNamespaceDisconnect,
    /// The connection was closed: a closed tab, a change of network.
    TransportClose,
    /// The connection broke.
    TransportError,
    /// The client stopped answering pings.
    HeartbeatTimeout,
    /// The client sent something that is not the protocol.
    ParseError,
    /// The server is shutting down.
    ServerShutdown,
}

impl DisconnectReason {
    pub(crate) const ALL: [Self; 7] = [
        Self::ClientNamespaceDisconnect,
        Self::ServerNamespaceDisconnect,
        Self::TransportClose,
        Self::TransportError,
        Self::HeartbeatTimeout,
        Self::ParseError,
        Self::ServerShutdown,
    ];

    /// The reason in the words of socket.io's server.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::HeartbeatTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ServerShutdown => "server shutting down",
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl From<socketioxide::socket::DisconnectReason> for DisconnectReason {
    fn from(reason: socketioxide::socket::DisconnectReason) -> Self {
        use socketioxide::socket::DisconnectReason as Base;
        match reason {
            Base::TransportClose => Self::TransportClose,
            Base::TransportError => Self::TransportError,
            Base::HeartbeatTimeout => Self::HeartbeatTimeout,
            Base::MultipleHttpPollingError | Base::PacketParsingError => Self::ParseError,
            Base::ClientNSDisconnect => Self::ClientNamespaceDisconnect,
            Base::ServerNSDisconnect => Self::ServerNamespaceDisconnect,
            Base::ClosingServer => Self::ServerShutdown,
        }
    }
}

/// How a client is connected.
///
/// ```
/// use gateway_core::Transport;
/// assert_eq!(Transport::Websocket.to_string(), "websocket");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
#[derive(Debug)]
pub(crate) struct Packet {
    text: Str,
    attachments: Vec<bytes::Bytes>,
}

impl Packet {
    /// `["event", …]`, or `[…]` in an acknowledgement.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The name of the event.
    pub(crate) fn event(&self) -> &str {
        event_name(&self.text)
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

/// The name in `["name", …]`. The base refuses packets whose name is no plain string.
fn event_name(text: &str) -> &str {
    let quote = |text: &str| text.bytes().position(|byte| byte == b'"');
    let name = quote(text).map_or("", |opening| &text[opening + 1..]);
    quote(name).map_or(name, |closing| &name[..closing])
}

#[cfg(test)]
mod tests {
    use super::event_name;

    #[test]
    fn the_event_is_the_first_string() {
        assert_eq!(event_name(r#"["a",1]"#), "a");
        assert_eq!(event_name(r#"[ "send-message", {"a":"b"}]"#), "send-message");
        assert_eq!(event_name(r#"[""]"#), "");
    }
}
