//! The rules for event names, namespaces and page origins.
//!
//! `gateway-macros` applies them to literals while an application compiles; `gateway-core` applies
//! them to computed values at startup, and to events when they are emitted. A name is therefore
//! accepted or rejected for the same reason wherever it comes from.
//!
//! There are two rules for events, because the two directions differ: an event that is [received]
//! passes through a client's encoder and the server's parser, each with limits of its own; an event
//! that is [emitted] only has to differ from the protocol's own events.
//!
//! ```
//! use gateway_names::{EventError, emitted, namespace, received};
//!
//! assert_eq!(received("send-message"), Ok(()));
//! assert_eq!(received("42"), Err(EventError::Number("42".to_owned())));
//! assert_eq!(emitted("42"), Ok(()));
//! assert_eq!(emitted("connect"), Err(EventError::Reserved("connect".to_owned())));
//! assert_eq!(
//!     namespace("chat").unwrap_err().to_string(),
//!     "a namespace must start with `/`",
//! );
//! ```

// What can go wrong is part of the interface.
#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc)]

mod origin;

use std::{error::Error, fmt};

pub use origin::{Host, Origin, OriginError, origin};

/// The events that Socket.IO clients raise themselves. Their decoder treats a packet that carries one
/// of these as malformed and disconnects; their encoder refuses to emit one.
pub const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Why an event cannot have this name. Its `Display` gives the reason; [`help`](Self::help) says what
/// to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventError {
    /// The name is empty.
    Empty,
    /// The name contains this character, which clients escape in JSON: socketioxide reads the name
    /// without unescaping it, and drops the connection if it cannot.
    Character(char),
    /// The name is this pattern. Other frameworks match events by patterns; here it would be the name
    /// of a single event.
    Pattern(String),
    /// The name is this number: socketioxide closes the connection of a client that emits it.
    Number(String),
    /// The name is one of the [`RESERVED_EVENTS`], namely this one.
    Reserved(String),
}

impl EventError {
    /// What to write instead.
    ///
    /// ```
    /// let error = gateway_names::received("42").unwrap_err();
    /// assert_eq!(error.help(), "start it with a letter, as in `event-42`");
    /// ```
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Empty => {
                "write the name clients emit, as in `#[subscribe_message(\"send-message\")]`".to_owned()
            }
            Self::Character(_) => {
                "use printable ASCII without `\"` and `\\`: clients that escape the name in JSON would be disconnected".to_owned()
            }
            Self::Pattern(_) => {
                "write a handler for each event, or one for all events that have none: `#[subscribe_message(_)]`".to_owned()
            }
            Self::Number(event) => format!("start it with a letter, as in `event-{event}`"),
            Self::Reserved(event) => match event.as_str() {
                "connect" => "write `#[on_connection]` for the moment a client connects",
                "disconnect" | "disconnecting" => {
                    "write `#[on_disconnect]` for the moment a client leaves"
                }
                _ => "choose another name",
            }
            .to_owned(),
        }
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("the event name is empty"),
            Self::Character(character) => {
                write!(formatter, "an event name cannot contain {}", Described(*character))
            }
            Self::Pattern(event) => {
                write!(formatter, "`{event}` is not a pattern here, but the name of a single event")
            }
            Self::Number(_) => formatter.write_str(
                "an event name cannot be a number: a client that emits it is disconnected",
            ),
            Self::Reserved(event) => {
                write!(
                    formatter,
                    "`{event}` is reserved by the protocol, so clients cannot emit it"
                )
            }
        }
    }
}

impl Error for EventError {}

/// Checks that clients can emit an event of this name and that the server can read it.
///
/// # Errors
/// The first rule that the name breaks, in the order of [`EventError`]'s variants.
///
/// ```
/// use gateway_names::{EventError, received};
///
/// assert_eq!(received("chat message"), Ok(()));
/// assert_eq!(received("naïve"), Err(EventError::Character('ï')));
/// ```
pub fn received(event: &str) -> Result<(), EventError> {
    let is_plain = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    if event.is_empty() {
        return Err(EventError::Empty);
    }
    if let Some(character) = event.chars().find(|c| !is_plain(c)) {
        return Err(EventError::Character(character));
    }
    if event.split(['.', ':', '/']).any(|part| matches!(part, "*" | "**")) {
        return Err(EventError::Pattern(event.to_owned()));
    }
    if event.chars().all(|c| c.is_ascii_digit()) {
        return Err(EventError::Number(event.to_owned()));
    }
    emitted(event)
}

/// Checks that the server can emit an event of this name, which may be any but a reserved one: the
/// server encodes the name as JSON, and clients decode all of JSON.
///
/// # Errors
/// Only ever [`EventError::Reserved`].
///
/// ```
/// assert!(gateway_names::emitted("naïve").is_ok());
/// assert!(gateway_names::emitted("newListener").is_err());
/// ```
pub fn emitted(event: &str) -> Result<(), EventError> {
    if RESERVED_EVENTS.contains(&event) {
        return Err(EventError::Reserved(event.to_owned()));
    }
    Ok(())
}

/// Why a namespace cannot have this name. Its `Display` gives the reason; [`help`](Self::help) says
/// what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceError {
    /// The name is empty.
    Empty,
    /// The name contains this character, at which parsers end a name.
    Character(char),
    /// The name, given here, does not start with a slash.
    NoSlash(String),
    /// The name, given here, ends with a slash. To clients, the name without it is another namespace.
    EndsWithSlash(String),
}

impl NamespaceError {
    /// What to write instead, as an option of `#[web_socket_gateway(..)]`.
    ///
    /// ```
    /// let error = gateway_names::namespace("chat").unwrap_err();
    /// assert_eq!(error.help(), "write `namespace = \"/chat\"`");
    /// ```
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Empty => {
                "write `namespace = \"/chat\"`, or leave the option out for the default `/`"
                    .to_owned()
            }
            Self::Character(_) => "use letters, digits, `-`, `_` and `/`".to_owned(),
            Self::NoSlash(path) => format!("write `namespace = \"/{path}\"`"),
            Self::EndsWithSlash(path) => match path.trim_end_matches('/') {
                "" => "write `namespace = \"/\"`".to_owned(),
                path => format!("write `namespace = \"{path}\"`"),
            },
        }
    }
}

impl fmt::Display for NamespaceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("the namespace is empty"),
            Self::Character('#') => formatter.write_str(
                "a namespace cannot contain `#`: clients take only what comes before it as the name",
            ),
            Self::Character(character) => write!(
                formatter,
                "a namespace cannot contain {}: on the wire, the name would end there",
                Described(*character)
            ),
            Self::NoSlash(_) => formatter.write_str("a namespace must start with `/`"),
            Self::EndsWithSlash(path) => write!(
                formatter,
                "a namespace cannot end with `/`: a client that connects to `{}` would not reach it",
                path.strip_suffix('/').unwrap_or(path),
            ),
        }
    }
}

impl Error for NamespaceError {}

/// Checks that clients can connect to a namespace of this name.
///
/// # Errors
/// The first rule that the name breaks. A forbidden character is reported before a missing or a
/// trailing slash.
///
/// ```
/// use gateway_names::{NamespaceError, namespace};
///
/// assert_eq!(namespace("/"), Ok(()));
/// assert_eq!(namespace("/chat,room"), Err(NamespaceError::Character(',')));
/// ```
pub fn namespace(path: &str) -> Result<(), NamespaceError> {
    if path.is_empty() {
        return Err(NamespaceError::Empty);
    }
    // `,` and `?` end the name in a packet, `#` in the address that a client is given.
    if let Some(character) = path.chars().find(|c| matches!(c, ',' | '?' | '#')) {
        return Err(NamespaceError::Character(character));
    }
    if !path.starts_with('/') {
        return Err(NamespaceError::NoSlash(path.to_owned()));
    }
    if path.len() > 1 && path.ends_with('/') {
        return Err(NamespaceError::EndsWithSlash(path.to_owned()));
    }
    Ok(())
}

/// A character as a sentence names it: described in words if it would be hard to see.
struct Described(char);

impl fmt::Display for Described {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            '"' => formatter.write_str("a double quote"),
            '\\' => formatter.write_str("a backslash"),
            c if c.is_control() => formatter.write_str("a control character"),
            c => write!(formatter, "`{c}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_clients_can_send() {
        for event in
            ["a", "send-message", "42nd", "a b", "~", "Connect", "__proto__", "2*3", "*new*"]
        {
            assert_eq!(received(event), Ok(()), "{event}");
        }
    }

    #[test]
    fn events_that_they_cannot() {
        let cases = [
            ("", EventError::Empty),
            ("a\"b", EventError::Character('"')),
            ("a\\b", EventError::Character('\\')),
            ("a\nb", EventError::Character('\n')),
            ("über", EventError::Character('ü')),
            ("007", EventError::Number("007".to_owned())),
            ("*", EventError::Pattern("*".to_owned())),
            ("**", EventError::Pattern("**".to_owned())),
            ("chat.*", EventError::Pattern("chat.*".to_owned())),
            ("*:moved", EventError::Pattern("*:moved".to_owned())),
        ];
        for (event, expected) in cases {
            assert_eq!(received(event), Err(expected), "{event:?}");
            assert_eq!(emitted(event), Ok(()), "{event:?} can be emitted");
        }
    }

    #[test]
    fn reserved_events_go_neither_way() {
        for event in RESERVED_EVENTS {
            let reserved = Err(EventError::Reserved(event.to_owned()));
            assert_eq!(received(event), reserved);
            assert_eq!(emitted(event), reserved);
        }
    }

    #[test]
    fn namespaces() {
        for path in ["/", "/chat", "/chat/rooms", "/a-b_c", "/über"] {
            assert_eq!(namespace(path), Ok(()), "{path}");
        }
        assert_eq!(namespace(""), Err(NamespaceError::Empty));
        assert_eq!(namespace("chat"), Err(NamespaceError::NoSlash("chat".to_owned())));
        assert_eq!(namespace("/a?b"), Err(NamespaceError::Character('?')));
        assert_eq!(namespace("/a#b"), Err(NamespaceError::Character('#')));
        for (path, help) in [
            ("/chat/", "write `namespace = \"/chat\"`"),
            ("/a/b//", "write `namespace = \"/a/b\"`"),
            ("//", "write `namespace = \"/\"`"),
        ] {
            let error = namespace(path).unwrap_err();
            assert_eq!(error, NamespaceError::EndsWithSlash(path.to_owned()));
            assert_eq!(error.help(), help);
        }
        // The character is the worse mistake: adding a slash would not make it right.
        assert_eq!(namespace("a,b"), Err(NamespaceError::Character(',')));
    }

    #[test]
    fn reasons_are_sentences() {
        let reasons = [
            received("a\nb").unwrap_err().to_string(),
            received("a\"b").unwrap_err().to_string(),
            received("é").unwrap_err().to_string(),
            namespace("/a,b").unwrap_err().to_string(),
            namespace("/a#b").unwrap_err().to_string(),
            namespace("/a/").unwrap_err().to_string(),
        ];
        assert_eq!(
            reasons,
            [
                "an event name cannot contain a control character",
                "an event name cannot contain a double quote",
                "an event name cannot contain `é`",
                "a namespace cannot contain `,`: on the wire, the name would end there",
                "a namespace cannot contain `#`: clients take only what comes before it as the name",
                "a namespace cannot end with `/`: a client that connects to `/a` would not reach it",
            ]
        );
        for event in RESERVED_EVENTS {
            assert!(!EventError::Reserved(event.to_owned()).help().is_empty());
        }
    }
}
