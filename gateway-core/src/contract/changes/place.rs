//! [`At`]: where in a contract something has changed.

use std::fmt;

/// A place in a message.
#[derive(Debug, Clone)]
pub(super) struct At {
    /// The namespace, the event, and which of its parts.
    message: String,
    /// The way from there to a value, as in `items[].name`.
    way: String,
}

impl At {
    pub(super) fn of(path: &str, event: &str) -> Self {
        Self { message: format!("{path} {event}"), way: String::new() }
    }

    pub(super) fn part(&self, name: &str) -> Self {
        Self { message: format!("{} {name}", self.message), way: self.way.clone() }
    }

    pub(super) fn field(&self, name: &str) -> Self {
        let dot = if self.way.is_empty() { "" } else { "." };
        self.on(&format!("{dot}{name}"))
    }

    pub(super) fn items(&self) -> Self {
        self.on("[]")
    }

    pub(super) fn item(&self, index: usize) -> Self {
        self.on(&format!("[{index}]"))
    }

    pub(super) fn variant(&self, tag: &str) -> Self {
        self.on(&format!("{{ {tag} }}"))
    }

    fn on(&self, step: &str) -> Self {
        Self { message: self.message.clone(), way: format!("{}{step}", self.way) }
    }
}

impl fmt::Display for At {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.way.as_str() {
            "" => formatter.write_str(&self.message),
            way => write!(formatter, "{} {way}", self.message),
        }
    }
}
