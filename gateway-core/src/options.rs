//! The options of a gateway: what was written for each, its default, and its value at startup.
//!
//! Each option is declared once, in the table below. It also has a line in `gateway-macros/src/options.rs`,
//! with its name and grammar, and a row in the documentation of [`web_socket_gateway`] in
//! `declare/attributes.rs`; a test checks that the row exists and states the default.
//!
//! [`web_socket_gateway`]: macro@crate::web_socket_gateway

use std::{fmt, time::Duration};

use crate::inject::{Key, Services};

/// The table, passed to the macro `$with`: `name: Type, or CONSTANT: its type = default`, and
/// `never zero, "help"` if zero is a mistake.
macro_rules! gateway_options {
    ($with:ident) => {
        $with! {
        /// What clients connect to.
        namespace: String, or DEFAULT_NAMESPACE: &str = "/";
        /// The event by which a client renews its session.
        reauthenticate: String, or DEFAULT_REAUTHENTICATE: &str = "reauthenticate";
        /// The other origins whose pages may connect, as browsers write them: `https://example.com`.
        cors_origins: Vec<String>, or DEFAULT_CORS_ORIGINS: [&str; 0] = [];
        /// Whether browsers may send cookies.
        cors_credentials: bool, or DEFAULT_CORS_CREDENTIALS: bool = false;
        /// How long a user without devices counts as online.
        presence_grace: Duration, or DEFAULT_PRESENCE_GRACE: Duration = Duration::from_secs(5);
        /// Whether messages of a socket run one at a time.
        serial: bool, or DEFAULT_SERIAL: bool = false;
        /// How many handlers of one socket may run at once.
        concurrency: usize, or DEFAULT_CONCURRENCY: usize = 64,
            never zero, "no handler could ever run; strictly one at a time is `serial`";
        /// How many messages of one socket may wait.
        inbox_messages: usize, or DEFAULT_INBOX_MESSAGES: usize = 8_192;
        /// How many bytes of one socket's messages may wait.
        inbox_bytes: usize, or DEFAULT_INBOX_BYTES: usize = 4 * 1024 * 1024;
        /// How many packets to one socket may wait to be sent.
        outbox_packets: usize, or DEFAULT_OUTBOX_PACKETS: usize = 8_192,
            never zero, "nothing could ever be sent; leave it out for the default";
        /// How many bytes to one socket may wait to be sent. A larger packet is sent once nothing else waits.
        outbox_bytes: usize, or DEFAULT_OUTBOX_BYTES: usize = 4 * 1024 * 1024,
            never zero, "nothing could ever wait its turn; leave it out for the default";
        /// What a room emit does about a socket whose queue is full.
        overflow: Overflow, or DEFAULT_OVERFLOW: Overflow = Overflow::Disconnect;
        /// How many sessions a user may have at a time.
        sessions: Sessions, or DEFAULT_SESSIONS: Sessions = Sessions::All;
        /// How long a handler may run on after its client has left.
        handler_grace: Duration, or DEFAULT_HANDLER_GRACE: Duration = Duration::from_secs(30),
            never zero, "no handler could finish what it began; leave it out for the default";
        /// How many rooms one socket may be in, if that differs from the application's limit.
        rooms_per_socket: Option<usize>, or DEFAULT_ROOMS_PER_SOCKET: Option<usize> = None,
            never zero, "no client could join a room; leave it out for the application's limit";
        /// How many events to one socket may wait for their acknowledgement, likewise.
        outstanding_asks: Option<usize>, or DEFAULT_OUTSTANDING_ASKS: Option<usize> = None,
            never zero, "no client could be asked anything; leave it out for the application's limit";
        /// How many sockets one user may have, likewise.
        sockets_per_user: Option<usize>, or DEFAULT_SOCKETS_PER_USER: Option<usize> = None,
            never zero, "no user could connect; leave it out for the application's limit";
        /// How long a message may take, likewise.
        handler_time: Option<Duration>, or DEFAULT_HANDLER_TIME: Option<Duration> = None,
            never zero, "no handler could do anything; leave it out for the application's limit";
        }
    };
}
pub(crate) use gateway_options;

macro_rules! define_options {
    ($(
        $(#[$doc:meta])*
        $name:ident: $ty:ty, or $default:ident: $default_ty:ty = $value:expr
            $(, never zero, $help:literal)?;
    )*) => {
        $(
            #[doc = concat!("The default of `", stringify!($name), "`.")]
            pub(crate) const $default: $default_ty = $value;
        )*

        /// The options of one gateway.
        #[derive(Debug, Clone)]
        pub(crate) struct Options {
            $($(#[$doc])* pub(crate) $name: $ty,)*
        }

        /// The options as the gateway's attribute states them.
        #[derive(Debug, Default)]
        pub(crate) struct StatedOptions {
            $($name: Option<Setting<$ty>>,)*
        }

        impl StatedOptions {
            /// Whether it says which pages may connect.
            pub(crate) fn has_cors(&self) -> bool {
                self.cors_origins.is_some()
            }

            /// The values, computed from `services` where an option asks for it. If nothing provides the service,
            /// `missing` is told, and the default is used.
            pub(crate) fn resolve(self, services: &Services, mut missing: impl FnMut(Key)) -> Options {
                Options {
                    $($name: or(self.$name, $default, services, &mut missing),)*
                }
            }
        }

        #[cfg(test)]
        impl Default for Options {
            fn default() -> Self {
                StatedOptions::default().resolve(&Services::default(), |_| unreachable!())
            }
        }

        impl Options {
            /// The options that are zero but must not be, each with what to write instead.
            pub(crate) fn zeros(&self) -> Vec<(&'static str, &'static str)> {
                let zeros = [$($((stringify!($name), $help, self.$name.is_zero()),)?)*];
                let zeros = zeros.into_iter().filter(|(_, _, is_zero)| *is_zero);
                zeros.map(|(name, help, _)| (name, help)).collect()
            }
        }

        impl StatedOptions {
            $(
                pub(crate) fn $name(&mut self, value: Setting<$ty>) {
                    self.$name = Some(value);
                }
            )*
        }

        #[cfg(test)]
        const DEFAULTS: &[(&str, &dyn tests::Told)] = &[$((stringify!($name), &$default),)*];
    };
}

gateway_options!(define_options);

/// What an emit to a room does about a member whose queue is full. The emit itself never waits for a member.
///
/// ```
/// # mod app {
/// use gateway_core::prelude::*;
///
/// /// Stale positions are of no use to anybody.
/// #[web_socket_gateway(namespace = "/cursors", overflow = Overflow::DropNewest)]
/// pub struct CursorGateway {
///     server: Server,
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// The member is disconnected, and counted. It can reconnect and load what it has missed.
    #[default]
    Disconnect,
    /// The member misses this packet, which is logged.
    DropNewest,
}

/// Which sessions of a user go on when it connects again. A session is a socket in the gateway's namespace, in any process
/// of the application; a client that belongs to no user has none to replace.
///
/// ```
/// # mod app {
/// use gateway_core::prelude::*;
/// # #[derive(Clone, serde::Deserialize, serde::Serialize)]
/// # pub struct Player { id: u64 }
///
/// /// Whoever opens a second window goes on there.
/// #[web_socket_gateway(namespace = "/game", authenticate = JwtAuthenticator<Player>, sessions = Newest)]
/// pub struct GameGateway {
///     server: Server,
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Sessions {
    /// All of them.
    #[default]
    All,
    /// The newest. The one before is told [`REPLACED`](crate::code::REPLACED), and disconnected.
    Newest,
}

/// The value of an option: fixed, or computed from what the application provides.
#[doc(hidden)]
pub struct Setting<T>(Resolve<T>);

type Resolve<T> = Box<dyn FnOnce(&Services) -> Result<T, Key>>;

/// A value that an option takes. There is one implementation for each type, and no `Into`, so that an integer
/// literal is inferred to be a `usize`.
#[diagnostic::on_unimplemented(
    message = "this option takes a `{T}`, not a `{Self}`",
    label = "expected `{T}`"
)]
#[doc(hidden)]
pub trait OptionValue<T> {
    fn value(self) -> T;
}

impl OptionValue<usize> for usize {
    fn value(self) -> usize {
        self
    }
}

impl OptionValue<Overflow> for Overflow {
    fn value(self) -> Overflow {
        self
    }
}

impl OptionValue<Sessions> for Sessions {
    fn value(self) -> Sessions {
        self
    }
}

impl OptionValue<Duration> for Duration {
    fn value(self) -> Duration {
        self
    }
}

// Options that replace one of the application's limits.
#[diagnostic::do_not_recommend]
impl OptionValue<Option<usize>> for usize {
    fn value(self) -> Option<usize> {
        Some(self)
    }
}

#[diagnostic::do_not_recommend]
impl OptionValue<Option<usize>> for Option<usize> {
    fn value(self) -> Option<usize> {
        self
    }
}

#[diagnostic::do_not_recommend]
impl OptionValue<Option<Duration>> for Duration {
    fn value(self) -> Option<Duration> {
        Some(self)
    }
}

#[diagnostic::do_not_recommend]
impl OptionValue<Option<Duration>> for Option<Duration> {
    fn value(self) -> Option<Duration> {
        self
    }
}

impl OptionValue<String> for String {
    fn value(self) -> String {
        self
    }
}

impl OptionValue<String> for &str {
    fn value(self) -> String {
        self.to_owned()
    }
}

impl OptionValue<bool> for bool {
    fn value(self) -> bool {
        self
    }
}

impl<T: Into<String>, const N: usize> OptionValue<Vec<String>> for [T; N] {
    fn value(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<String>> OptionValue<Vec<String>> for Vec<T> {
    fn value(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: 'static> Setting<T> {
    /// This value.
    pub fn fixed(value: impl OptionValue<T>) -> Self {
        let value = value.value();
        Self(Box::new(move |_| Ok(value)))
    }

    /// The value that `compute` makes from the provided `C`.
    pub fn from_provider<C: Send + Sync + 'static, V: OptionValue<T>>(
        compute: impl FnOnce(&C) -> V + 'static,
    ) -> Self {
        Self(Box::new(move |services| match services.get::<C>() {
            Some(config) => Ok(compute(&config).value()),
            None => Err(Key::of::<C>()),
        }))
    }

    /// The value, or the service that is missing.
    pub(crate) fn resolve(self, services: &Services) -> Result<T, Key> {
        (self.0)(services)
    }
}

impl<T> fmt::Debug for Setting<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Setting")
    }
}

/// Types whose values can be zero.
trait MaybeZero {
    fn is_zero(&self) -> bool;
}

impl MaybeZero for usize {
    fn is_zero(&self) -> bool {
        *self == 0
    }
}

impl MaybeZero for Option<usize> {
    fn is_zero(&self) -> bool {
        *self == Some(0)
    }
}

impl MaybeZero for Option<Duration> {
    fn is_zero(&self) -> bool {
        *self == Some(Duration::ZERO)
    }
}

// `Duration::is_zero` is its own.

fn or<T: 'static>(
    stated: Option<Setting<T>>,
    default: impl OptionValue<T>,
    services: &Services,
    missing: &mut impl FnMut(Key),
) -> T {
    let resolved = stated.map(|setting| setting.resolve(services));
    match resolved {
        Some(Ok(value)) => return value,
        Some(Err(key)) => missing(key),
        None => {}
    }
    default.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How the documentation tells a default. `None` of what it tells in words of its own.
    pub(super) trait Told {
        fn told(&self, name: &str) -> Option<String>;
    }

    impl Told for usize {
        fn told(&self, name: &str) -> Option<String> {
            if name.ends_with("_bytes") {
                assert_eq!(self % (1024 * 1024), 0, "{name} is told in MiB");
                return Some(format!("{} MiB", self / (1024 * 1024)));
            }
            Some(match self {
                0..1000 => self.to_string(),
                _ => format!("{},{:03}", self / 1000, self % 1000),
            })
        }
    }

    impl Told for Duration {
        fn told(&self, _: &str) -> Option<String> {
            Some(format!("{} s", self.as_secs()))
        }
    }

    /// The application's own limit.
    impl<T> Told for Option<T> {
        fn told(&self, _: &str) -> Option<String> {
            Some("the application's".to_owned())
        }
    }

    impl Told for &str {
        fn told(&self, _: &str) -> Option<String> {
            Some(format!("`\"{self}\"`"))
        }
    }

    impl Told for Overflow {
        fn told(&self, _: &str) -> Option<String> {
            Some(format!("`Overflow::{self:?}`"))
        }
    }

    impl Told for Sessions {
        fn told(&self, _: &str) -> Option<String> {
            Some(format!("`Sessions::{self:?}`"))
        }
    }

    impl Told for bool {
        fn told(&self, _: &str) -> Option<String> {
            None
        }
    }

    impl Told for [&str; 0] {
        fn told(&self, _: &str) -> Option<String> {
            None
        }
    }

    #[test]
    fn the_documentation_tells_each_option_and_its_default() {
        let rows: Vec<&str> = include_str!("declare/attributes.rs")
            .lines()
            .filter(|line| line.starts_with("/// | `"))
            .collect();
        for (name, default) in DEFAULTS {
            // `inbox(messages = ..)` of `inbox_messages`.
            let group = name.split_once('_').map(|(group, _)| format!("`{group}("));
            let ways = [format!("`{name}`"), format!("`{name} = ")].into_iter().chain(group);
            let ways: Vec<String> = ways.collect();
            let row = rows.iter().find(|row| ways.iter().any(|way| row.contains(way)));
            let row = row.unwrap_or_else(|| panic!("`{name}` has no row in attributes.rs"));
            if let Some(told) = default.told(name) {
                let default = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or(row);
                assert!(default.contains(&told), "the row of `{name}` does not say {told}: {row}");
            }
        }
    }

    #[test]
    fn what_is_not_stated_has_its_default() {
        let options = StatedOptions::default().resolve(&Services::default(), |_| unreachable!());
        assert_eq!(options.namespace, DEFAULT_NAMESPACE);
        assert_eq!(options.outbox_packets, DEFAULT_OUTBOX_PACKETS);
        assert_eq!(options.handler_grace, DEFAULT_HANDLER_GRACE);
        assert_eq!(options.overflow, DEFAULT_OVERFLOW);
        assert_eq!(options.zeros(), []);
    }

    #[test]
    fn what_must_not_be_zero_is_found() {
        let stated = StatedOptions {
            concurrency: Some(Setting::fixed(0)),
            inbox_bytes: Some(Setting::fixed(0)),
            outbox_packets: Some(Setting::fixed(0)),
            outbox_bytes: Some(Setting::fixed(0)),
            handler_grace: Some(Setting::fixed(Duration::ZERO)),
            rooms_per_socket: Some(Setting::fixed(0)),
            outstanding_asks: Some(Setting::fixed(0)),
            sockets_per_user: Some(Setting::fixed(0)),
            handler_time: Some(Setting::fixed(Duration::ZERO)),
            ..StatedOptions::default()
        };
        let zeros = stated.resolve(&Services::default(), |_| unreachable!()).zeros();
        let names: Vec<&str> = zeros.into_iter().map(|(name, _)| name).collect();
        let expected = [
            "concurrency",
            "outbox_packets",
            "outbox_bytes",
            "handler_grace",
            "rooms_per_socket",
            "outstanding_asks",
            "sockets_per_user",
            "handler_time",
        ];
        assert_eq!(names, expected);
    }
}
