//! What clients do that the protocol does not allow, or that this server does not accept: named here once, for the
//! close frame, the log and the metric.

use std::fmt;

use super::Client;
use crate::{limits::reached, log_limiter::LogLimiter, metrics};

/// Why a client is refused, or cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A message, or on polling a body, of more than `max_payload` bytes.
    TooLarge { max_payload: usize },
    /// Text that is not UTF-8.
    NotUtf8,
    /// A frame that RFC 6455 does not allow.
    Frame,
    /// A packet that cannot be read.
    Packet,
    /// Bytes that belong to no message.
    Bytes,
    /// A packet to a namespace that the client is not in.
    NotConnected,
    /// The name of a namespace of more than `most` bytes.
    NamespaceName { most: usize },
    /// A message with more than `most` attachments.
    Attachments { most: usize },
    /// A message whose attachments have not come in time.
    LateAttachments,
    /// CONNECTs that failed, one after the other.
    FailedConnects,
    /// More than `most` bytes, before the session has joined a namespace.
    TalkativeStranger { most: usize },
    /// More than sessions that have not joined a namespace may say together.
    UnjoinedBytes,
    /// The first packet of a session does not come from Socket.IO's default parser.
    Parser,
    /// A session of another version of Engine.IO.
    Version,
}

/// How a WebSocket is closed (RFC 6455, 7.4.1).
const PROTOCOL_ERROR: u16 = 1002;
const UNACCEPTABLE: u16 = 1003;
const NOT_THE_TYPE: u16 = 1007;
const POLICY: u16 = 1008;
const TOO_BIG: u16 = 1009;
/// As registered with IANA.
const TRY_AGAIN_LATER: u16 = 1013;

impl Fault {
    /// Whether it is a packet that means nothing.
    pub(crate) fn is_unreadable(self) -> bool {
        matches!(self, Self::Packet | Self::Parser | Self::Bytes)
    }

    /// What the close frame says: a code, and a reason of at most 123 bytes.
    pub(crate) fn close(self) -> (u16, String) {
        match self {
            Self::TooLarge { max_payload } => {
                (TOO_BIG, format!("the message is larger than {max_payload} bytes"))
            }
            Self::NotUtf8 => (NOT_THE_TYPE, "the text is not UTF-8".to_owned()),
            Self::Frame => (PROTOCOL_ERROR, "the frame is not allowed".to_owned()),
            Self::Packet => (NOT_THE_TYPE, "the packet cannot be read".to_owned()),
            Self::Bytes => (UNACCEPTABLE, "the bytes belong to no message".to_owned()),
            Self::NotConnected => {
                (PROTOCOL_ERROR, "a packet to a namespace that the client is not in".to_owned())
            }
            Self::Parser => {
                (PROTOCOL_ERROR, "the first packet is not a CONNECT of Socket.IO 5".to_owned())
            }
            Self::NamespaceName { most } => {
                (POLICY, format!("the name of the namespace is longer than {most} bytes"))
            }
            Self::Attachments { most } => {
                (POLICY, format!("the message has more than {most} attachments"))
            }
            Self::LateAttachments => {
                (POLICY, "the attachments of a message have not come in time".to_owned())
            }
            Self::FailedConnects => (POLICY, "too many CONNECTs have failed".to_owned()),
            Self::TalkativeStranger { most } => {
                (TOO_BIG, format!("more than {most} bytes came before a namespace was joined"))
            }
            Self::UnjoinedBytes => {
                (TRY_AGAIN_LATER, "too much is said by clients that have joined nothing".to_owned())
            }
            Self::Version => (PROTOCOL_ERROR, "only Engine.IO 4 is served".to_owned()),
        }
    }

    /// Counts it, and now and then logs what it is and what can be done about it, but nothing that the client
    /// sent. `by` is whose session it is.
    #[cold]
    pub(crate) fn report(self, by: Option<&Client>) {
        /// The label of the metric, and the line of the log, which has a limiter of its own.
        macro_rules! warn {
            ($reason:literal, $($line:tt)+) => {{
                static LINES: LogLimiter = LogLimiter::new();
                metrics::protocol_error($reason);
                if let Some(times) = LINES.count() {
                    tracing::warn!(times, $($line)+);
                }
            }};
        }

        let by = By(by);
        match self {
            Self::TooLarge { max_payload } => warn!(
                "message_too_large",
                max_payload,
                "a client was disconnected: it sent a message larger than max_payload; to accept such \
                 messages, raise it with App::builder().max_payload(..)"
            ),
            Self::NotUtf8 => {
                warn!("not_utf8", "a client was disconnected: it sent text that is not UTF-8");
            }
            Self::Frame => warn!(
                "malformed_frame",
                "a client was disconnected: it sent a frame that WebSocket does not allow (RFC 6455)"
            ),
            Self::Packet => warn!(
                "malformed_packet",
                "a client was disconnected: it sent a packet that cannot be read; clients need \
                 Socket.IO 3 or 4 with its default parser"
            ),
            Self::Bytes => warn!(
                "unexpected_bytes",
                "a client was disconnected: it sent bytes that belong to no message"
            ),
            Self::NotConnected => warn!(
                "not_connected",
                "a client was disconnected: it sent a packet to a namespace that it is not in, or left"
            ),
            Self::Parser => warn!(
                "foreign_parser",
                "a client was disconnected: its first packet is not a CONNECT of Socket.IO's default parser, \
                 the only one that is supported; socket.io-msgpack-parser and others are not"
            ),
            Self::Version => warn!(
                "protocol_version",
                "a client was refused: it did not ask for Engine.IO 4 (EIO=4); socket.io-client 2 \
                 is too old, version 3 or 4 is needed"
            ),
            Self::NamespaceName { .. } => reached::namespace_name_bytes(by),
            Self::Attachments { .. } => reached::attachments(by),
            Self::LateAttachments => reached::attachments_timeout(by),
            Self::FailedConnects => reached::failed_connects(by),
            // A client that has more to bring along needs a larger one.
            Self::TalkativeStranger { .. } => reached::auth_bytes(by),
            Self::UnjoinedBytes => reached::unjoined_bytes(by),
        }
    }
}

/// Whose session it is, as the log has it.
#[derive(Debug, Clone, Copy)]
struct By<'a>(Option<&'a Client>);

impl fmt::Display for By<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(client) => client.fmt(formatter),
            None => formatter.write_str("a client"),
        }
    }
}

/// A client asked for Socket.IO at the wrong path `asked`: it is served at `served`.
#[cold]
pub(crate) fn wrong_path(asked: &str, served: &str) {
    /// How many characters of what a client wrote are logged.
    const SHOWN: usize = 100;

    static LINES: LogLimiter = LogLimiter::new();

    metrics::protocol_error("wrong_path");
    let Some(times) = LINES.count() else { return };
    if asked.starts_with(served) && asked.ends_with(".js") {
        tracing::warn!(
            times,
            "a page asked for the client's script, which is not served here: take it from the package \
             socket.io-client, or from https://cdn.socket.io"
        );
        return;
    }
    let asked: String = asked.chars().take(SHOWN).collect();
    tracing::warn!(
        times,
        asked,
        served,
        "a client asked for Socket.IO at another path than it is served at: the client's option `path` and \
         App::builder().path(..) must be the same"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fits_into_a_close_frame() {
        let most = usize::MAX;
        for fault in [
            Fault::TooLarge { max_payload: most },
            Fault::NotUtf8,
            Fault::Frame,
            Fault::Packet,
            Fault::Bytes,
            Fault::NotConnected,
            Fault::NamespaceName { most },
            Fault::Attachments { most },
            Fault::LateAttachments,
            Fault::FailedConnects,
            Fault::TalkativeStranger { most },
            Fault::UnjoinedBytes,
            Fault::Parser,
            Fault::Version,
        ] {
            let (code, reason) = fault.close();
            assert!((1002..=1013).contains(&code) && reason.len() <= 123, "{fault:?}");
        }
    }
}
