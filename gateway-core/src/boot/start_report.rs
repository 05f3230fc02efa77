//! The start report: every mistake in how the application is put together, at once.

use std::{fmt, panic::Location};

/// One mistake: what is wrong, where, and what to write instead.
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

    /// Sorted, because the order in which gateways are found means nothing.
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
