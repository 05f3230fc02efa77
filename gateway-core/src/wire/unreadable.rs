//! [`Unreadable`]: why arguments could not be read, in words fit for the client that sent them.

use std::fmt;

use serde::de::{Expected, Unexpected};

use crate::{exception::FieldError, excerpt};

/// Bytes of a client's value that an error repeats.
const LONGEST_VALUE: usize = 64;

/// Bytes of what a type of the application says about a value, which may quote it.
const LONGEST_SAYING: usize = 192;

/// Bytes of the place of an error, which an object's keys are a part of.
const LONGEST_PATH: usize = 128;

/// Bytes of the names that would have been right. They are the application's own.
const LONGEST_CHOICE: usize = 512;

/// Why arguments could not be read.
///
/// It is built from parts and never parsed again, because what a client sends may contain any words. There are two
/// versions, because an application may not want anything repeated of what was sent; both are short, however long that
/// was.
#[derive(Debug)]
pub(crate) struct Unreadable(Box<Reason>);

#[derive(Debug)]
struct Reason {
    /// The innermost first.
    path: Vec<Step>,
    /// With the value that was wrong.
    quoting: String,
    /// Without anything that came from the client.
    own: String,
}

/// A step from a value into one of its parts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Index(usize),
    /// A name that the type knows.
    Field(String),
    /// A name of the client's own.
    Key(String),
}

impl Unreadable {
    fn new(quoting: String, own: String) -> Self {
        Self(Box::new(Reason { path: Vec::new(), quoting, own }))
    }

    /// An error in our own words, and without any of the client's.
    pub(super) fn of_ours(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(text.clone(), text)
    }

    pub(super) fn out_of_range() -> Self {
        Self::of_ours("number out of range")
    }

    /// The same, seen from outside.
    pub(super) fn inside(mut self, step: Step) -> Self {
        self.0.path.push(step);
        self
    }

    /// The field and what is wrong with it; with what came from the client, or with nothing of it.
    pub(crate) fn field(self, quoting: bool) -> FieldError {
        let path = self.path(quoting);
        FieldError::new(path, if quoting { self.0.quoting } else { self.0.own })
    }

    fn path(&self, quoting: bool) -> String {
        let mut path = String::new();
        for step in self.0.path.iter().rev() {
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Field(name) => push_name(&mut path, name),
                Step::Key(name) => push_name(&mut path, if quoting { name } else { "*" }),
            }
        }
        excerpt::cut(&path, LONGEST_PATH).into_owned()
    }
}

fn push_name(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(&excerpt::cut(name, LONGEST_PATH));
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path(true).as_str() {
            "" => {}
            path => write!(formatter, "`{path}`: ")?,
        }
        formatter.write_str(&self.0.quoting)
    }
}

impl std::error::Error for Unreadable {}

impl serde::de::Error for Unreadable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        const UNTAGGED: &str = "data did not match any variant";
        let message = excerpt::display(message, LONGEST_SAYING);
        // serde adds the name of the Rust type.
        if message.starts_with(UNTAGGED) {
            return Self::of_ours(UNTAGGED);
        }
        Self::new(message, "invalid value".to_owned())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        mismatch("invalid type", found, expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        mismatch("invalid value", found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let expected = wish(expected);
        let own = format!("invalid length, expected {expected}");
        Self::new(format!("invalid length {length}, expected {expected}"), own)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        unknown("variant", "variants", variant, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        unknown("field", "fields", field, expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of_ours(format!("missing field `{field}`"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::of_ours(format!("duplicate field `{field}`"))
    }
}

/// Only for syntax errors: what a type refuses comes as our own error, not as serde_json's.
impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        // The position refers to the packet's text, which is not the text that the client wrote.
        let place = format!(" at line {} column {}", error.line(), error.column());
        Self::of_ours(text.strip_suffix(&place).unwrap_or(&text))
    }
}

fn mismatch(problem: &str, found: Unexpected<'_>, expected: &dyn Expected) -> Unreadable {
    let expected = wish(expected);
    let own = format!("{problem}: {}, expected {expected}", kind(&found));
    Unreadable::new(format!("{problem}: {}, expected {expected}", Found(found)), own)
}

fn unknown(kind: &str, kinds: &str, name: &str, expected: &[&str]) -> Unreadable {
    let names: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
    let expected = match names.as_slice() {
        [] => format!("there are no {kinds}"),
        [one] => format!("expected {one}"),
        [one, other] => format!("expected {one} or {other}"),
        names => format!("expected one of {}", names.join(", ")),
    };
    let expected = excerpt::cut(&expected, LONGEST_CHOICE);
    let name = excerpt::cut(name, LONGEST_VALUE);
    let own = format!("unknown {kind}, {expected}");
    Unreadable::new(format!("unknown {kind} `{name}`, {expected}"), own)
}

/// A value in the words of JSON.
struct Found<'a>(Unexpected<'a>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = kind(&self.0);
        match self.0 {
            Unexpected::Bool(value) => write!(formatter, "{kind} `{value}`"),
            Unexpected::Unsigned(value) => write!(formatter, "{kind} `{value}`"),
            Unexpected::Signed(value) => write!(formatter, "{kind} `{value}`"),
            // serde writes 1e300 with all its zeros.
            Unexpected::Float(value) => write!(formatter, "{kind} `{value:?}`"),
            Unexpected::Char(value) => write!(formatter, "{kind} `{value}`"),
            Unexpected::Str(value) => {
                write!(formatter, "{kind} {:?}", excerpt::cut(value, LONGEST_VALUE))
            }
            Unexpected::Other(words) => write!(formatter, "{}", excerpt::cut(words, LONGEST_VALUE)),
            _ => formatter.write_str(&kind),
        }
    }
}

/// What a value is, without the value.
fn kind(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(_) => "boolean".to_owned(),
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "integer".to_owned(),
        Unexpected::Float(_) => "floating point".to_owned(),
        Unexpected::Char(_) => "character".to_owned(),
        Unexpected::Str(_) => "string".to_owned(),
        Unexpected::Unit => "null".to_owned(),
        // Somebody's own words, which may be the value.
        Unexpected::Other(_) => "something else".to_owned(),
        // The rest have no value in their words.
        other => other.to_string(),
    }
}

/// What a type expects, without the names of Rust types.
fn wish(expected: &dyn Expected) -> String {
    const OBJECTS: [&str; 5] =
        ["struct ", "tuple struct ", "unit struct ", "tuple variant ", "struct variant "];
    const FORMS: [&str; 5] =
        ["enum ", "variant of ", "newtype ", "unit variant ", "variant identifier"];

    let expected = excerpt::display(expected, LONGEST_SAYING);
    let begins = |kinds: &[&str]| kinds.iter().any(|kind| expected.starts_with(kind));
    match expected.as_str() {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number that fits, not negative",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number that fits",
        "f32" | "f64" => "a number",
        _ if begins(&OBJECTS) => "an object",
        _ if begins(&FORMS) => "another form",
        _ => return expected,
    }
    .to_owned()
}
