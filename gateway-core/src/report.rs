//! The start report: every mistake in how the application is put together, at once.

use std::{fmt, panic::Location};

/// One mistake: what, where, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    what: String,
    help: String,
}

impl Problem {
    pub(crate) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Report {
    problems: Vec<Problem>,
}

impl Report {
    pub(crate) fn add(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Sorted, since the order in which gateways are found means nothing.
    pub(crate) fn sorted(mut self) -> Self {
        self.problems.sort();
        self
    }

    pub(crate) fn sentences(&self) -> Vec<String> {
        self.problems.iter().map(|problem| problem.what.clone()).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(formatter, "the application cannot start: {count} {noun}")?;
        for (number, problem) in self.problems.iter().enumerate() {
            write!(formatter, "\n\n{:>3}. {}", number + 1, problem.what)?;
            write!(formatter, "\n     help: {}", problem.help)?;
        }
        Ok(())
    }
}

/// `src/chat/gateway.rs:18`.
pub(crate) fn place(location: &Location<'_>) -> String {
    format!("{}:{}", location.file(), location.line())
}

/// A type's name as one would write it: without the paths of its modules.
pub(crate) fn short(name: &str) -> String {
    let mut short = String::with_capacity(name.len());
    let mut word = String::new();
    for character in name.chars() {
        match character {
            ':' => word.clear(),
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            c => {
                short.push_str(&word);
                word.clear();
                short.push(c);
            }
        }
    }
    short + &word
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn names_lose_their_paths() {
        assert_eq!(short("alloc::string::String"), "String");
        assert_eq!(
            short("core::result::Result<(app::A, u8), gateway_core::WsException>"),
            "Result<(A, u8), WsException>"
        );
        assert_eq!(short("dyn app::Clock"), "dyn Clock");
        assert_eq!(short("&str"), "&str");
    }
}
