//! The options of the whole server: its path, its transports, times and sizes.

use std::{borrow::Cow, time::Duration};

use super::AppBuilder;
use crate::{limits::Limits, platform::Transport};

impl AppBuilder {
    /// Sets the path that Socket.IO clients connect to; `/socket.io` by default. A trailing slash makes no
    /// difference. Routes below it, such as `/socket.io/socket.io.js`, belong to the application.
    #[must_use]
    #[track_caller]
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.states("path");
        let path = path.into();
        self.blueprint.server.path = match path.strip_suffix('/') {
            Some(path) => Cow::Owned(path.to_owned()),
            None => path,
        };
        self
    }

    /// Sets how clients may connect; by default, both by polling and by WebSocket.
    #[must_use]
    #[track_caller]
    pub fn transports(mut self, transports: impl IntoIterator<Item = Transport>) -> Self {
        self.states("transports");
        self.blueprint.server.transports = transports.into_iter().collect();
        self
    }

    /// Sets whether a client that is connected by polling may upgrade to a WebSocket (socket.io: `allowUpgrades`);
    /// on by default. If not, it stays on polling, unless it begins with a WebSocket.
    #[must_use]
    pub fn allow_upgrades(mut self, allow: bool) -> Self {
        self.blueprint.server.allows_upgrades = allow;
        self
    }

    /// Sets how often clients are pinged; 25 s by default.
    #[must_use]
    #[track_caller]
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.states("ping_interval");
        self.blueprint.server.ping_interval = interval;
        self
    }

    /// Sets how long a client may take to answer a ping; 20 s by default.
    #[must_use]
    #[track_caller]
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.states("ping_timeout");
        self.blueprint.server.ping_timeout = timeout;
        self
    }

    /// Sets how long a session may take to join a namespace;
    /// [`CONNECT_TIMEOUT`](crate::defaults::CONNECT_TIMEOUT) by default. It is one of the
    /// [`limits`](Self::limits), under the name that it has in Socket.IO; the later of the two calls counts.
    #[must_use]
    #[track_caller]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.states("limits");
        self.blueprint.settings.limits.connect_timeout = timeout;
        self
    }

    /// Sets how long a client that is connected by polling may take to upgrade to a WebSocket;
    /// [`UPGRADE_TIMEOUT`](crate::defaults::UPGRADE_TIMEOUT) by default. After that, the WebSocket is closed and
    /// the client stays connected by polling, as it also does behind a proxy that lets no frames through.
    #[must_use]
    #[track_caller]
    pub fn upgrade_timeout(mut self, timeout: Duration) -> Self {
        self.states("upgrade_timeout");
        self.blueprint.server.upgrade_timeout = timeout;
        self
    }

    /// Sets whether all requests of a polling session must come from the address that opened it, or from the
    /// same IPv6 /64; off by default. Other requests are refused with 403.
    ///
    /// Whoever knows a session's id can read and write in the session, and `socket.id` is that id. Pages of
    /// another origin cannot, because the `Origin` of later requests, if a browser sends one, must be that of
    /// the handshake. This option protects against everybody else. It is off because clients change their
    /// addresses: phones move between networks, and a proxy or a NAT may have several. With the option, such a
    /// client gets a new session each time.
    ///
    /// Behind [trusted proxies](Self::trusted_proxies), the addresses are those of the proxies' clients. If
    /// addresses are not known, nothing is refused. A WebSocket is a connection of its own, which nobody else
    /// can take over.
    #[must_use]
    pub fn bind_sessions_to_address(mut self, bind: bool) -> Self {
        self.blueprint.server.bind_to_address = bind;
        self
    }

    /// Sets the largest message that is accepted on either transport, in bytes (socket.io:
    /// `maxHttpBufferSize`); 1,000,000 by default. A client that sends a larger one is disconnected, with close
    /// code 1009 or status 413, which is logged.
    #[must_use]
    #[track_caller]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.states("max_payload");
        self.blueprint.server.max_payload = bytes;
        self
    }

    /// Sets how long an emit or a reply waits for a client whose queue is full; 10 s by default. Zero means not
    /// to wait at all.
    #[must_use]
    pub fn emit_timeout(mut self, timeout: Duration) -> Self {
        self.blueprint.settings.emit_timeout = timeout;
        self
    }

    /// Sets how long [`Socket::emit_with_ack`](crate::Socket::emit_with_ack) waits for the client's answer; 5 s by
    /// default.
    #[must_use]
    #[track_caller]
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.states("ack_timeout");
        self.blueprint.settings.ack_timeout = timeout;
        self
    }

    /// Sets how long an [`Authenticator`](crate::Authenticator) may take;
    /// [`AUTHENTICATION_TIMEOUT`](crate::defaults::AUTHENTICATION_TIMEOUT) by default. It is then
    /// dropped: a client is refused, a renewal fails with `TIMEOUT` and changes nothing, and a request of
    /// HTTP is answered with 503. It is one of the [`limits`](Self::limits): the later of the two calls counts.
    #[must_use]
    #[track_caller]
    pub fn authentication_timeout(mut self, timeout: Duration) -> Self {
        self.states("limits");
        self.blueprint.settings.limits.authentication_timeout = timeout;
        self
    }

    /// Sets how long a write to a client may make no progress at all before its connection is cut; by default
    /// as long as [`ping_timeout`](Self::ping_timeout).
    #[must_use]
    #[track_caller]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.states("write_timeout");
        self.blueprint.server.write_timeout = Some(timeout);
        self
    }

    /// Sets the least that a client must read while something waits for it, in bytes per second, averaged over
    /// ten seconds; [`MIN_DRAIN_RATE`](crate::defaults::MIN_DRAIN_RATE) by default. 0 demands nothing. The
    /// connection of a client that reads less is cut, whether it is a WebSocket or polling; other routes are not
    /// affected.
    #[must_use]
    pub fn min_drain_rate(mut self, bytes_per_second: usize) -> Self {
        self.blueprint.server.min_drain_rate = bytes_per_second;
        self
    }

    /// Sets the limits on what strangers may take of the server. Each has a default that is safe on a public
    /// port.
    #[must_use]
    #[track_caller]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.states("limits");
        self.blueprint.settings.limits = limits;
        self
    }

    /// Sets how long shutting down may take; 10 s by default. With zero, it ends at once. See
    /// [`serve_until`](crate::BoundApp::serve_until).
    #[must_use]
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.blueprint.server.drain_timeout = timeout;
        self
    }
}
