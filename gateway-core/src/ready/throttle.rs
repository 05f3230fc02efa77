use std::{num::NonZeroU32, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::{code, context::ExecutionContext, exception::WsException, guard::Guard};

/// A guard that lets in so many messages in so much time, evenly: after a burst of `limit`, one
/// more every `period / limit`. What is over it is answered with `THROTTLED`.
///
/// On an `#[on_connection]` method it limits how often clients come in: [`per_user`](Self::per_user)
/// counts those of one user, [`per_address`](Self::per_address) those of one address.
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
    limiter: DefaultKeyedRateLimiter<String>,
}

#[derive(Debug, Clone, Copy)]
enum Scope {
    Socket,
    User,
    Event,
    Address,
}

impl Throttle {
    /// Of each socket.
    ///
    /// # Panics
    /// When the application starts, if `limit` or `period` is zero; so do the others.
    #[must_use]
    pub fn per_socket(limit: u32, period: Duration) -> Self {
        Self::new(Scope::Socket, limit, period)
    }

    /// Of each user, on all devices; of each socket, where there is no user.
    #[must_use]
    pub fn per_user(limit: u32, period: Duration) -> Self {
        Self::new(Scope::User, limit, period)
    }

    /// Of each event, of all clients together.
    #[must_use]
    pub fn per_event(limit: u32, period: Duration) -> Self {
        Self::new(Scope::Event, limit, period)
    }

    /// Of each address: the other end of the TCP connection, a proxy where there is one.
    #[must_use]
    pub fn per_address(limit: u32, period: Duration) -> Self {
        Self::new(Scope::Address, limit, period)
    }

    fn new(scope: Scope, limit: u32, period: Duration) -> Self {
        let limit = NonZeroU32::new(limit).expect("a throttle needs a limit above zero");
        let one = period / limit.get();
        let quota = Quota::with_period(one).expect("a throttle needs a period above zero");
        Self { scope, limiter: RateLimiter::keyed(quota.allow_burst(limit)) }
    }

    fn key(&self, context: &ExecutionContext) -> String {
        let socket = || context.socket().id().to_string();
        match self.scope {
            Scope::Socket => socket(),
            Scope::User => context.user().map_or_else(socket, |user| format!("user:{user}")),
            Scope::Event => context.event().to_owned(),
            Scope::Address => context
                .handshake()
                .address()
                .map_or_else(socket, |address| address.ip().to_string()),
        }
    }
}

impl Guard for Throttle {
    async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
        /// Keys that are kept before those that have recovered are forgotten.
        const KEPT: usize = 1024;

        if self.limiter.len() > KEPT {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(&self.key(context)) {
            Ok(()) => Ok(true),
            Err(_) => Err(WsException::new("Too many requests").with_code(code::THROTTLED)),
        }
    }
}
