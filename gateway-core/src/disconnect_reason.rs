//! [`DisconnectReason`]: why a connection ended.

use std::fmt;

/// Why a socket's connection to a namespace ended. [`as_str`](Self::as_str) is the wording of socket.io's own
/// server.
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
    /// The connection is gone: a closed tab, or a change of network.
    TransportClose,
    /// The connection was cut from this end, because of a frame that is not allowed, a message that is too
    /// large, or a client that does not read.
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

    /// The reason, in the wording of socket.io's server.
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
