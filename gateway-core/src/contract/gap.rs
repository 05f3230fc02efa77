//! [`Gap`]: a type of which a contract says nothing.

use std::fmt;

use crate::description::Place;
use crate::type_names;

/// A type, or a list of arguments, that has no schema: in TypeScript it is `unknown`, and changes of it are not seen.
///
/// ```
/// # let contract = gateway_core::Contract::default();
/// for gap in contract.gaps() {
///     println!("{gap}"); // `Secretive` (src/chat.rs:12, `send_message`) has no schema: derive `schemars::JsonSchema` for it
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    place: Place,
    within: String,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// A type of that name.
    Type(String),
    /// Arguments, and why they are not known.
    Arguments(&'static str),
}

impl Gap {
    pub(super) fn of_type(name: &str, place: Place, within: &'static str) -> Self {
        Self { place, within: type_names::short(within), what: What::Type(name.to_owned()) }
    }

    pub(super) fn unknown(why: &'static str, place: Place, within: &'static str) -> Self {
        Self { place, within: type_names::short(within), what: What::Arguments(why) }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place: Place { file, line }, within, what } = self;
        match what {
            What::Type(name) => write!(
                formatter,
                "`{name}` ({file}:{line}, `{within}`) has no schema: derive `schemars::JsonSchema` for it"
            ),
            What::Arguments(why) => {
                write!(
                    formatter,
                    "`{within}` ({file}:{line}) has arguments that are not known: {why}"
                )
            }
        }
    }
}
