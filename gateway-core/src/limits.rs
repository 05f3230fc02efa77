//! The limits on what strangers may take of a server, in one place.

use std::{fmt, time::Duration};

use crate::defaults;

/// The table, passed to the macro `$with`: `name: Type = default`, and `quietly` if ordinary clients reach the
/// limit, too.
///
/// Whatever enforces a limit calls the function of its name in [`reached`].
macro_rules! limits {
    ($with:ident) => {
        $with! {
        /// The number of connections. Another one is answered with 503 and closed. By default it follows from the
        /// limit of open files: without those that are open at startup, and with a sixteenth, or at least 32, set
        /// aside for everything else.
        connections: Option<usize> = None;
        /// The number of connections from one address, or from one IPv6 /64. Another one is answered with 503
        /// and closed. By default half of all connections. Addresses of this machine, of the local link and of
        /// private networks are not counted, because they may be a proxy's; nor are those of
        /// [trusted proxies](crate::AppBuilder::trusted_proxies).
        connections_per_address: Option<usize> = None;
        /// The number of sessions, by WebSocket and by polling. Another one is answered with 503. By default it
        /// follows from the limit of open files, as for connections.
        sessions: Option<usize> = None;
        /// The number of sessions that have not joined a namespace yet; one address, or one IPv6 /64, may have at
        /// most half of them. Another one is answered with 503. The same addresses are exempt as for
        /// [`connections_per_address`](Self::connections_per_address). A session that has ended still counts for
        /// as long as it occupies memory: until a second after its times to join and to be authenticated are over.
        unjoined_sessions: usize = 10_000;
        /// The bytes that all sessions which have not joined a namespace yet may make the server keep: of their
        /// requests' heads, and of everything they have said since. One address, or one IPv6 /64, may have at most
        /// half of them. Another handshake is answered with 503, and a session that says more is ended, with close
        /// code 1013 if it is a WebSocket. Addresses and sessions count as for
        /// [`unjoined_sessions`](Self::unjoined_sessions).
        unjoined_bytes: usize = 32 * 1024 * 1024;
        /// The number of handshakes per second from one address, or from one IPv6 /64, with bursts of up to three
        /// seconds' worth. Another one is answered with 429. The same addresses are exempt as for
        /// [`connections_per_address`](Self::connections_per_address).
        handshakes_per_second: usize = 1_000;
        /// The number of clients at once whose TLS handshakes are not over; one address, or one IPv6 /64, may have at
        /// most half of them. Another one is closed. The same addresses are exempt as for
        /// [`connections_per_address`](Self::connections_per_address). A handshake may take as long as
        /// [`head_timeout`](Self::head_timeout). Without the feature `tls`, nothing counts.
        tls_handshakes: usize = 1_000;
        /// How long a session may take to join its first namespace. After that it is ended, with close code 1008
        /// if it is a WebSocket, but not while a client is being authenticated, which has
        /// [a timeout of its own](crate::AppBuilder::authentication_timeout).
        connect_timeout: Duration = defaults::CONNECT_TIMEOUT, quietly;
        /// How long a client may take to send the head of a request, from its first byte on, or to send its first
        /// request. After that its connection is closed.
        head_timeout: Duration = Duration::from_secs(10), quietly;
        /// The largest request head, in bytes. A larger one is answered with 431.
        head_bytes: usize = 32 * 1024;
        /// How long a client may be silent in the middle of a request's body before it is answered with 408.
        body_timeout: Duration = Duration::from_secs(10);
        /// The least that a client must send of a request's body, in bytes per second, once `body_timeout` has
        /// passed; 0 demands nothing. A slower client is answered with 408.
        body_rate: usize = 240;
        /// How long an HTTP connection may be idle. A connection with a request in hand, such as a long poll or a
        /// download, is never idle, and neither is a WebSocket.
        keep_alive: Duration = Duration::from_secs(60), quietly;
        /// How long an [`Authenticator`](crate::Authenticator) may take before it is dropped: the client is
        /// refused, a renewal fails with `TIMEOUT` and changes nothing, and an HTTP request is answered with 503.
        authentication_timeout: Duration = defaults::AUTHENTICATION_TIMEOUT;
        /// The longest event name that clients may emit, in bytes. A message with a longer one is answered with
        /// `UNKNOWN_EVENT`, without looking at the rest. What the application emits is not limited.
        event_name_bytes: usize = 128;
        /// The longest room name, in bytes. Joining a room with a longer name is a
        /// [`JoinError`](crate::JoinError), which a client reads as `BAD_PAYLOAD`.
        room_name_bytes: usize = 255;
        /// The number of rooms that one socket may be in, besides those that every socket has. Joining another is a
        /// [`JoinError`](crate::JoinError), which a client reads as `TOO_MANY_ROOMS`. A gateway may set a limit of
        /// its own.
        rooms_per_socket: usize = 1_024;
        /// The number of events to one socket that may await their acknowledgement. Another is not sent, but fails
        /// at once with [`EmitError::TooManyAsks`](crate::EmitError::TooManyAsks). A gateway may set a limit of its
        /// own.
        outstanding_asks: usize = 1_024;
        /// The number of sockets that one user may have in a namespace. Another one is not let in. A client that has
        /// lost its connection counts until its heartbeat times out. No limit by default; a gateway may set one of
        /// its own.
        sockets_per_user: usize = usize::MAX, quietly;
        /// How long a message may take, from its first guard until its handler has returned. After that the handler
        /// is dropped, and the client is told `TIMEOUT`. Streams may go on for as long as they like. No limit by
        /// default; a gateway may set one of its own.
        handler_time: Duration = Duration::MAX;
        /// The number of streams of [feeds](crate::Feed) that may be open, of each feed. Another one is answered with 503.
        feed_streams: usize = 1_000;
        /// The number of streams of one [feed](crate::Feed) that one user may have open. Another one is answered with 429.
        feed_streams_per_user: usize = 16, quietly;
        /// How many namespaces a client may be in over one connection. It is not let into one more: the
        /// `connect_error` is "Too many namespaces".
        namespaces_per_connection: usize = 32;
        /// Bytes of the longest name of a namespace, in a packet of a client. A longer one ends its session.
        namespace_name_bytes: usize = 255;
        /// Bytes of the `auth` that a client brings along to a namespace. With a larger one it is not let
        /// in, and nothing of it is kept. All that a session says before it has joined may be as long as
        /// [`failed_connects`](Self::failed_connects) CONNECTs with so much each: a session that says more is
        /// ended, with close code 1009 if it is a WebSocket.
        auth_bytes: usize = 16 * 1024;
        /// How often in a row a client may ask in vain to be let into a namespace: then its session ends,
        /// behind the last `connect_error`. Each time it is let in the counting begins anew, so that a client
        /// which now and then comes with a token that is no longer good is not cut.
        failed_connects: usize = 5;
        /// Attachments of one message; together they have as many bytes as `max_payload` allows one message.
        /// More end the session of who sends them.
        attachments: usize = 10;
        /// How long the next attachment of a message may take to begin to come. After that the session ends,
        /// with close code 1008 if it is a WebSocket, whether its client says anything or not.
        attachments_timeout: Duration = Duration::from_secs(10);
        }
    };
}

macro_rules! define_limits {
    ($($(#[$doc:meta])* $name:ident: $ty:ty = $value:expr $(, $quietly:ident)?;)*) => {
        /// What clients may take of a server that the public can reach, for
        /// [`AppBuilder::limits`](crate::AppBuilder::limits). Every limit has a default that is safe there.
        ///
        /// Whatever a limit refuses or ends is counted in `gateway_limits_reached_total`, by the limit's name.
        ///
        /// ```
        /// use std::time::Duration;
        /// use gateway_core::prelude::*;
        ///
        /// let limits = Limits::default().connections(5_000).keep_alive(Duration::from_secs(15));
        /// let builder = App::builder().limits(limits);
        /// # drop(builder);
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[must_use = "give them to `App::builder().limits(..)`"]
        pub struct Limits {
            $(pub(crate) $name: $ty,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $value,)* }
            }
        }

        impl Limits {
            $(
                $(#[$doc])*
                pub fn $name(mut self, limit: impl Into<$ty>) -> Self {
                    self.$name = limit.into();
                    self
                }
            )*
        }

        /// One line for each limit: its name and its value.
        impl fmt::Display for Limits {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(formatter, "{:24} {}", stringify!($name), self.$name.told())?;)*
                Ok(())
            }
        }
    };
}

limits!(define_limits);

impl Limits {
    /// Fills in the limits that follow from the number of files that the process may open, which is raised as
    /// far as possible.
    pub(crate) fn with_open_files(mut self) -> Self {
        let files = connections_of(raise_open_files(), open_files());
        let all = *self.connections.get_or_insert(files);
        self.connections_per_address.get_or_insert(all.div_ceil(2));
        self.sessions.get_or_insert(files);
        self
    }
}

/// A function for each limit, to be called whenever it has refused or ended something. It counts that, and now
/// and then logs a line that stands for everything since the last one.
#[cfg_attr(not(feature = "tls"), allow(dead_code))]
pub(crate) mod reached {
    use std::fmt::Display;

    use crate::{log_limiter::LogLimiter, metrics};

    macro_rules! define_reached {
        ($($(#[$doc:meta])* $name:ident: $ty:ty = $value:expr $(, $quietly:ident)?;)*) => {
            $(
                pub(crate) fn $name(by: impl Display) {
                    static LINES: LogLimiter = LogLimiter::new();
                    let marks: &[&str] = &[$(stringify!($quietly))?];
                    tell(stringify!($name), &LINES, &by, marks == ["quietly"]);
                }
            )*
        };
    }

    limits!(define_reached);

    /// `by` says who has reached the limit; it must not be anything that a client can choose.
    fn tell(limit: &'static str, lines: &LogLimiter, by: &dyn Display, quietly: bool) {
        metrics::limit_reached(limit);
        match lines.count() {
            Some(times) if quietly => tracing::info!(limit, %by, times, "a limit was reached"),
            Some(times) => tracing::warn!(limit, %by, times, "a limit was reached"),
            None => tracing::debug!(limit, %by, "a limit was reached"),
        }
    }
}

/// How a limit's value is displayed.
trait Told {
    fn told(&self) -> String;
}

impl Told for usize {
    fn told(&self) -> String {
        if *self == Self::MAX { "no limit".to_owned() } else { self.to_string() }
    }
}

impl Told for Option<usize> {
    fn told(&self) -> String {
        self.map_or_else(|| "by the limit of open files".to_owned(), |limit| limit.to_string())
    }
}

impl Told for Duration {
    fn told(&self) -> String {
        if *self == Self::MAX { "never".to_owned() } else { format!("{self:?}") }
    }
}

/// Raises the number of files that the process may open as far as possible, and returns it.
fn raise_open_files() -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        let limit = match raised {
            Ok(()) => maximum,
            Err(error) => {
                tracing::debug!(%error, "the limit of open files was not raised");
                current
            }
        };
        // `None` stands for no limit.
        limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
    }
    #[cfg(not(unix))]
    usize::MAX
}

/// How many files are open now. Whoever started this process may have left some open to it.
fn open_files() -> usize {
    // Linux, macOS and the BSDs have it.
    std::fs::read_dir("/dev/fd").map_or(0, Iterator::count)
}

/// How many connections this limit allows while this many files are open already.
fn connections_of(limit: usize, open: usize) -> usize {
    limit.saturating_sub(open).saturating_sub(set_aside(limit)).max(1)
}

/// How many files are not for connections: those of the application, and of newcomers who are refused.
fn set_aside(limit: usize) -> usize {
    (limit / 16).max(32)
}

/// How many newcomers at once may be told why they are refused, so that doing so leaves the application half of
/// the files that are set aside.
pub(crate) fn refusals_at_once() -> usize {
    refusals_of(raise_open_files())
}

fn refusals_of(limit: usize) -> usize {
    (set_aside(limit) / 2).min(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_files_are_left_for_everything_else() {
        assert_eq!(connections_of(1024, 0), 960);
        assert_eq!(connections_of(1024, 20), 940);
        assert_eq!(connections_of(64, 0), 32);
        assert_eq!(connections_of(16, 0), 1);
    }

    #[test]
    fn as_many_are_told_why_they_are_refused_as_leave_half_of_what_is_set_aside() {
        for (files, newcomers) in [(0, 16), (512, 16), (1_024, 32), (2_048, 64), (1_000_000, 64)] {
            assert_eq!(refusals_of(files), newcomers);
            assert!(2 * newcomers <= set_aside(files));
        }
        assert!((16..=64).contains(&refusals_at_once()));
    }

    #[test]
    fn files_that_are_open_already_are_counted() {
        let files: Vec<_> = (0..64).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        assert!(open_files() >= files.len());
    }

    #[test]
    fn what_follows_from_the_open_files_is_told_in_numbers() {
        let limits = Limits::default().connections(101).with_open_files();
        assert_eq!((limits.connections, limits.connections_per_address), (Some(101), Some(51)));
        assert!(!limits.to_string().contains("open files"), "{limits}");
        let own = Limits::default().connections_per_address(7).sessions(9).with_open_files();
        assert_eq!((own.connections_per_address, own.sessions), (Some(7), Some(9)));
    }

    #[test]
    fn each_is_written_with_its_value() {
        let told = Limits::default().connections(7).keep_alive(Duration::MAX).to_string();
        assert!(told.contains("connections              7\n"), "{told}");
        assert!(told.contains("head_timeout             10s\n"), "{told}");
        assert!(told.contains("keep_alive               never\n"), "{told}");
    }
}
