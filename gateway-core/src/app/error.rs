//! [`AppError`]: why an application did not start, or stopped.

use std::{error::Error as StdError, fmt, process::ExitCode};

use crate::{boot::start_report::Report, exception::causes};

/// Why an application did not start, or stopped.
///
/// It is a [`std::error::Error`], so it converts with `?` into `anyhow::Error` or `Box<dyn Error>`.
/// If `main` returns it as it is, its `Debug` is the report for the person at the terminal: what is wrong, and
/// what caused it.
///
/// Errors of the standard library and of this crate convert into it with `?`, all others with
/// [`AppError::other`]. For an error type of your own, write `impl From<MyError> for AppError`.
///
/// ```
/// use gateway_core::AppError;
///
/// fn port() -> Result<u16, AppError> {
///     Ok("3000".parse()?)
/// }
/// # assert_eq!(port().unwrap(), 3000);
/// ```
pub struct AppError(ErrorKind);

enum ErrorKind {
    Wiring(Report),
    Forced,
    Other(Box<dyn StdError + Send + Sync>),
}

impl AppError {
    /// Something had to be ended by force.
    pub(crate) fn forced() -> Self {
        Self(ErrorKind::Forced)
    }

    pub(crate) fn wiring(report: Report) -> Self {
        Self(ErrorKind::Wiring(report))
    }

    /// From any other error, including an `anyhow::Error` and a text.
    ///
    /// ```
    /// use gateway_core::AppError;
    ///
    /// fn secret(set: Option<&str>) -> Result<&str, AppError> {
    ///     set.ok_or_else(|| AppError::other("JWT_SECRET is not set"))
    /// }
    /// # assert_eq!(secret(None).unwrap_err().to_string(), "JWT_SECRET is not set");
    /// ```
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(ErrorKind::Other(error.into()))
    }

    /// The mistakes in how the application is put together, one sentence each; empty if something else went
    /// wrong.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        match &self.0 {
            ErrorKind::Wiring(report) => report.sentences(),
            ErrorKind::Forced | ErrorKind::Other(_) => Vec::new(),
        }
    }

    /// Whether the application was served and has stopped, and something had to be ended by force.
    ///
    /// ```
    /// use gateway_core::AppError;
    /// assert!(!AppError::other("the port is taken").is_forced());
    /// ```
    #[must_use]
    pub fn is_forced(&self) -> bool {
        matches!(self.0, ErrorKind::Forced)
    }
}

/// The exit code of a process that had to be ended by force: `EX_SOFTWARE` of `sysexits.h`.
pub(super) const FORCED: u8 = 70;

/// What `main` returns of how serving has ended: 0, 70 if something [had to be ended by
/// force](AppError::is_forced), 1 for every other error. The error is written to stderr, as it is when
/// `main` returns it itself, but then every error is 1.
///
/// ```no_run
/// use std::{process::ExitCode, time::Duration};
/// use gateway_core::prelude::*;
///
/// #[tokio::main]
/// async fn main() -> ExitCode {
///     gateway_core::exit_code(run().await)
/// }
///
/// async fn run() -> Result<(), AppError> {
///     let stop = gateway_core::stop_signal(Duration::from_secs(10))?;
///     App::builder().build().await?.bind("127.0.0.1:3000").await?.serve_until(stop).await
/// }
/// ```
#[must_use]
pub fn exit_code(ended: Result<(), AppError>) -> ExitCode {
    let Err(error) = ended else { return ExitCode::SUCCESS };
    eprintln!("Error: {error:?}");
    if error.is_forced() { FORCED.into() } else { ExitCode::FAILURE }
}

impl StdError for AppError {
    /// What caused the error. This is not the error that it was made from, which is what it displays.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            ErrorKind::Wiring(_) | ErrorKind::Forced => None,
            ErrorKind::Other(error) => error.source(),
        }
    }
}

/// A blanket implementation would accept every error, but then `AppError` could not be one itself.
macro_rules! from {
    ($($(#[$cfg:meta])* $error:ty),* $(,)?) => {$(
        $(#[$cfg])*
        impl From<$error> for AppError {
            fn from(error: $error) -> Self {
                Self::other(error)
            }
        }
    )*};
}

from!(
    Box<dyn StdError + Send + Sync>,
    std::io::Error,
    std::env::VarError,
    std::net::AddrParseError,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::str::ParseBoolError,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    tokio::task::JoinError,
    http::Error,
    http::uri::InvalidUri,
    http::header::InvalidHeaderName,
    http::header::InvalidHeaderValue,
    crate::AckError,
    crate::EmitError,
    crate::InvalidSocketId,
    crate::JoinError,
    crate::PresenceError,
    crate::SocketsError,
    #[cfg(feature = "jwt")]
    crate::InvalidKey,
    #[cfg(feature = "jwks-url")]
    crate::JwksError,
    #[cfg(feature = "tls")]
    crate::TlsError,
);

/// One line; with `{:#}`, followed by the causes, like an `anyhow::Error`.
impl fmt::Display for AppError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ErrorKind::Wiring(report) => report.fmt(formatter),
            ErrorKind::Forced => formatter.write_str(
                "the application has stopped, but something had to be ended by force; the log says what",
            ),
            ErrorKind::Other(error) => write!(formatter, "{error}"),
        }?;
        if formatter.alternate() {
            causes(self).try_for_each(|cause| write!(formatter, ": {cause}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for AppError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")?;
        causes(self).try_for_each(|cause| write!(formatter, "\n  caused by: {cause}"))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub(super) struct BindError {
    pub(super) address: String,
    pub(super) source: std::io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind_error() -> AppError {
        let source = std::io::Error::other("it is taken");
        AppError::other(BindError { address: "\"127.0.0.1:80\"".into(), source })
    }

    #[test]
    fn each_cause_is_printed_once_whoever_prints() {
        let error = bind_error();
        assert_eq!(error.to_string(), "cannot listen on \"127.0.0.1:80\"");
        assert_eq!(format!("{error:#}"), "cannot listen on \"127.0.0.1:80\": it is taken");
        let report = "cannot listen on \"127.0.0.1:80\"\n  caused by: it is taken";
        assert_eq!(format!("{error:?}"), report);
        let boxed: Box<dyn StdError> = error.into();
        assert_eq!(format!("{boxed:?}"), report);
        let anyhow = format!("{:?}", anyhow::Error::from(bind_error()));
        assert_eq!(anyhow.matches("it is taken").count(), 1, "{anyhow}");
        assert!(anyhow.starts_with("cannot listen on"), "{anyhow}");
    }
}
