//! Every setting of the demo: a flag, an environment variable and a default in one place.

use std::convert::Infallible;
use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Parser;
use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use humantime::parse_duration;

/// Chat with rooms and order notifications over Socket.IO, on SQLite or PostgreSQL.
#[derive(Clone, Parser)]
#[command(version)]
pub struct Config {
    /// Address to listen on; port 0 picks a free port.
    #[arg(long, env, default_value = "127.0.0.1:3000", value_name = "ADDR", value_parser = address)]
    pub listen: String,

    /// Secret that signs access tokens (HS256). Without one, a random secret is used until the demo stops.
    #[arg(long, env, hide_env_values = true, value_name = "SECRET", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) jwt_secret: Option<String>,

    /// SQLite file, created if missing, or a PostgreSQL database (`postgres://..`).
    /// `sqlite::memory:` keeps nothing.
    #[arg(long, env, default_value = "sqlite://demo.db", value_name = "URL")]
    pub database_url: String,

    /// Redis that makes this demo one with all others on it (`redis://..`): they need the same database and the
    /// same --jwt-secret. Without one, this process is the whole application.
    #[arg(long, env, hide_env_values = true, value_name = "URL")]
    pub(crate) redis_url: Option<String>,

    /// Origin of pages that may connect, besides the demo's own page; repeatable, or separated by commas.
    #[arg(long, env, default_value = "http://localhost:4200", value_delimiter = ',')]
    pub(crate) cors_origin: Vec<String>,

    /// Address or network of proxies in front; repeatable, or separated by commas. What they say of their
    /// clients in `X-Forwarded-For`, `-Host` and `-Proto` is believed.
    #[arg(long, env, value_name = "NETWORK", value_delimiter = ',')]
    pub(crate) trusted_proxies: Vec<String>,

    /// How long a user stays online after the last device has disconnected.
    #[arg(long, env, default_value = "3s", value_name = "TIME", value_parser = parse_duration)]
    pub(crate) presence_grace: Duration,

    /// How long a shutdown may take, including answering messages in hand and disconnecting clients.
    #[arg(long, env, default_value = "10s", value_name = "TIME", value_parser = parse_duration)]
    pub drain: Duration,

    /// Sockets that one user may have in each namespace, on all devices together.
    #[arg(long, env, default_value = "100", value_name = "COUNT")]
    pub(crate) devices_per_user: NonZeroUsize,

    /// Rooms that one user may be a member of.
    #[arg(long, env, default_value = "1000", value_name = "COUNT")]
    pub(crate) rooms_per_user: NonZeroUsize,

    /// Streams of order updates (`GET /orders/events`) that may be open at once.
    #[arg(long, env, default_value = "1000", value_name = "COUNT")]
    pub(crate) streams: NonZeroUsize,

    /// Streams of order updates that one user may have open at once.
    #[arg(long, env, default_value = "16", value_name = "COUNT")]
    pub(crate) streams_per_user: NonZeroUsize,

    /// Lets anyone get a token from `POST /auth/login` [default: on without --jwt-secret, else off]
    #[arg(long, env, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    dev_login: Option<bool>,

    /// Asks the demo that listens on that address whether it responds (`GET /healthz`), and exits with 0 or 1
    #[arg(long)]
    pub health_check: bool,
}

/// An address whose host is left out is one of this machine alone.
fn address(text: &str) -> Result<String, Infallible> {
    Ok(match text.strip_prefix(':') {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    })
}

impl Config {
    /// Reads arguments and environment; on a mistake in them, and on `--help`, the process ends here.
    pub fn load() -> Self {
        Self::parse()
    }

    /// Whether `POST /auth/login` exists: a demo without a secret of its own has nothing to protect.
    pub(crate) fn dev_login(&self) -> bool {
        self.dev_login.unwrap_or(self.jwt_secret.is_none())
    }

    /// What the arguments say, and the environment where they say nothing.
    ///
    /// # Errors
    /// A mistake in them, or `--help`.
    pub fn of(arguments: &[&str]) -> Result<Self, clap::Error> {
        Self::try_parse_from([&["demo-app"], arguments].concat())
    }
}

/// Without the secret, and without the URL that may hold a password.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("dev_login", &self.dev_login())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(arguments: &[&str]) -> Result<Config, clap::Error> {
        Config::of(arguments)
    }

    #[test]
    fn login_is_open_only_while_nobody_chose_a_secret() {
        assert!(config(&[]).unwrap().dev_login());
        assert!(!config(&["--jwt-secret", "s"]).unwrap().dev_login());
        assert!(config(&["--jwt-secret", "s", "--dev-login"]).unwrap().dev_login());
        assert!(!config(&["--dev-login", "off"]).unwrap().dev_login());
    }

    #[test]
    fn an_address_may_be_a_port_alone() {
        let listen = |address| config(&["--listen", address]).unwrap().listen;
        assert_eq!(listen(":0"), "127.0.0.1:0");
        assert_eq!(listen("0.0.0.0:80"), "0.0.0.0:80");
        assert_eq!(listen("[::1]:80"), "[::1]:80");
    }

    #[test]
    fn an_empty_secret_is_refused() {
        assert!(config(&["--jwt-secret", ""]).is_err());
    }

    #[test]
    fn a_limit_of_nothing_at_all_is_refused() {
        for limit in ["--devices-per-user", "--rooms-per-user", "--streams", "--streams-per-user"] {
            assert!(config(&[limit, "1"]).is_ok(), "{limit}");
            assert!(config(&[limit, "0"]).is_err(), "{limit}");
        }
    }

    #[test]
    fn debug_output_hides_the_secret() {
        let config = config(&["--jwt-secret", "hunter2"]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
