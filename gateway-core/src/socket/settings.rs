//! What the application decides for the sockets of all gateways, and each gateway for its own.

use std::time::Duration;

use crate::{
    defaults,
    limits::Limits,
    options::{Options, Sessions},
    socket::{namespaces::Namespaces, observer::Observers},
};

/// What the application decides for all gateways.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Whether errors tell a client what it had sent.
    pub(crate) include_cause: bool,
    /// How long an emit or a reply waits for a client whose outbox is full.
    pub(crate) emit_timeout: Duration,
    /// How long an acknowledgement is waited for.
    pub(crate) ack_timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) observers: Observers,
    /// Where its clients are.
    pub(crate) namespaces: Namespaces,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            include_cause: true,
            emit_timeout: defaults::EMIT_TIMEOUT,
            ack_timeout: defaults::ACK_TIMEOUT,
            limits: Limits::default(),
            observers: Observers::default(),
            namespaces: Namespaces::default(),
        }
    }
}

/// What one client may make a gateway keep, or do: as its options say, or else the application's limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    pub(crate) rooms_per_socket: usize,
    pub(crate) outstanding_asks: usize,
    pub(crate) sockets_per_user: usize,
    pub(crate) handler_time: Duration,
}

impl Caps {
    pub(crate) fn of(options: &Options, limits: &Limits) -> Self {
        Self {
            rooms_per_socket: options.rooms_per_socket.unwrap_or(limits.rooms_per_socket),
            outstanding_asks: options.outstanding_asks.unwrap_or(limits.outstanding_asks),
            // The newest replaces the one before, and is not refused because of it.
            sockets_per_user: match options.sessions {
                Sessions::Newest => usize::MAX,
                Sessions::All => options.sockets_per_user.unwrap_or(limits.sockets_per_user),
            },
            handler_time: options.handler_time.unwrap_or(limits.handler_time),
        }
    }
}
