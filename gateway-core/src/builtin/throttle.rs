use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::{
    call::{context::ExecutionContext, guard::Guard},
    code,
    debts::Debts,
    exception::WsException,
    platform::Network,
};

/// A guard that limits the rate of messages: after a burst of `limit`, it lets one more through every
/// `period / limit`. Messages beyond that are answered with `THROTTLED`, and the seconds to wait as `retryAfter`.
/// It costs the same however many sockets, users or addresses it counts.
///
/// On an `#[on_connection]` method, it limits how often clients connect: [`per_user`](Self::per_user) counts those
/// of one user, [`per_address`](Self::per_address) those of one address.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// use std::time::Duration;
///
/// # #[web_socket_gateway]
/// # pub struct ChatGateway;
/// #[web_socket_gateway]
/// impl ChatGateway {
///     #[subscribe_message("say")]
///     #[use_guards(Throttle::per_socket(10, Duration::from_secs(1)))]
///     async fn say(&self) {}
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Throttle {
    scope: Scope,
    limit: u32,
    period: Duration,
    debts: Debts<u64>,
    is_quiet: bool,
    /// The keys are hashes of what is counted. The hash is secret, so nobody can search for a collision.
    hasher: RandomState,
    /// Whether it has been logged that addresses are not known.
    told: AtomicBool,
}

#[derive(Debug, Clone, Copy, Hash)]
enum Scope {
    Socket,
    User,
    Event,
    Address,
}

impl Throttle {
    /// Limits each socket. Here and below, a `limit` or a `period` of zero is a startup error.
    #[must_use]
    pub fn per_socket(limit: u32, period: Duration) -> Self {
        Self::new(Scope::Socket, limit, period)
    }

    /// Limits each user, across all devices; each socket if there is no user.
    #[must_use]
    pub fn per_user(limit: u32, period: Duration) -> Self {
        Self::new(Scope::User, limit, period)
    }

    /// Limits each event, for all clients together. Those that have no handler of their own are limited as one.
    #[must_use]
    pub fn per_event(limit: u32, period: Duration) -> Self {
        Self::new(Scope::Event, limit, period)
    }

    /// Limits each [address](crate::Handshake::address), or each IPv6 /64, since whoever has one address of a /64
    /// has all of them.
    ///
    /// If addresses are not known, because [`App::into_router`](crate::App::into_router) is served without them,
    /// everything is refused with [`UNAVAILABLE`](code::UNAVAILABLE), and it is logged once what to write.
    #[must_use]
    pub fn per_address(limit: u32, period: Duration) -> Self {
        Self::new(Scope::Address, limit, period)
    }

    fn new(scope: Scope, limit: u32, period: Duration) -> Self {
        /// The longest period, because centuries could not be added to the current time.
        const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
        /// Who is known at once, in each of two generations: some megabytes.
        const MOST: usize = 256 * 1024;

        let burst = limit.max(1);
        let one = (period.min(LONGEST) / burst).max(Duration::from_nanos(1));
        let debts = Debts::new(one, one * burst, MOST);
        let (hasher, told) = (RandomState::new(), AtomicBool::new(false));
        Self { scope, limit, period, debts, is_quiet: false, hasher, told }
    }

    /// Refuses without the event `exception`: a client that has asked for an acknowledgement gets the error as such, and any
    /// other hears nothing. For events that nobody misses, such as somebody typing.
    ///
    /// ```
    /// # mod app {
    /// # use gateway_core::prelude::*;
    /// use std::time::Duration;
    ///
    /// # #[web_socket_gateway]
    /// # pub struct ChatGateway;
    /// #[web_socket_gateway]
    /// impl ChatGateway {
    ///     #[subscribe_message("typing")]
    ///     #[use_guards(Throttle::per_socket(2, Duration::from_secs(1)).quietly())]
    ///     async fn typing(&self) {}
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn quietly(self) -> Self {
        Self { is_quiet: true, ..self }
    }

    /// What a message is counted for; `None` if that cannot be determined.
    fn key(&self, context: &ExecutionContext) -> Option<u64> {
        let socket = || self.hasher.hash_one((Scope::Socket, context.socket().id()));
        Some(match self.scope {
            Scope::Socket => socket(),
            Scope::User => match context.user() {
                Some(user) => self.hasher.hash_one((Scope::User, user)),
                None => socket(),
            },
            // Clients choose the names of events that have no handler of their own: those are counted as one.
            Scope::Event => self.hasher.hash_one((Scope::Event, context.route().event.as_deref())),
            Scope::Address => self.key_of(context.handshake().address()?.ip()),
        })
    }

    fn key_of(&self, address: IpAddr) -> u64 {
        self.hasher.hash_one((Scope::Address, Network::of(address)))
    }

    /// Refuses, because without addresses everybody would be let through, or one client could lock all others out.
    fn refuse_unknown(&self, context: &ExecutionContext) -> WsException {
        // Relaxed: nothing but this line depends on it.
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::error!(
                namespace = context.namespace(),
                handler = context.handler(),
                "`Throttle::per_address` refuses everything: the addresses of clients are not known. Serve \
                 the application with `App::serve`, or its router with \
                 `.into_make_service_with_connect_info::<SocketAddr>()`"
            );
        }
        WsException::new("The server cannot tell where the request comes from")
            .with_code(code::UNAVAILABLE)
    }
}

impl Guard for Throttle {
    async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
        let Some(key) = self.key(context) else { return Err(self.refuse_unknown(context)) };
        self.debts.charge(key).map(|()| true).map_err(|wait| match self.is_quiet {
            true => WsException::throttled_quietly(wait),
            false => WsException::throttled(wait),
        })
    }

    fn check_at_start(&self) -> Result<(), String> {
        let Self { limit, period, .. } = self;
        match (limit, period.is_zero()) {
            (0, _) => Err(format!("{limit} messages in {period:?} lets nobody in")),
            (_, true) => Err(format!("{limit} messages in {period:?} is not a rate")),
            (_, false) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_one_address_of_ipv6_is_counted_for_all_of_its_network() {
        let throttle = Throttle::per_address(1, Duration::from_secs(3600));
        let charge = |address: &str| {
            throttle.debts.charge(throttle.key_of(address.parse().unwrap())).is_ok()
        };
        assert!(charge("2001:db8:1:2::1"));
        assert!(!charge("2001:db8:1:2:ffff::9"));
        assert!(charge("2001:db8:1:3::1"));
        assert!(charge("198.51.100.1") && charge("198.51.100.2"));
        assert!(!charge("::ffff:198.51.100.2"));
    }
}
