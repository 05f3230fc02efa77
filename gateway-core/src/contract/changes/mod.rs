//! [`Change`]: what has changed between two contracts, and whom that breaks.
//!
//! What clients send must be taken as before; what they are sent must be known to them. Acknowledgements go the other
//! way round. So a schema that admits more values than before is compatible in what clients send, and breaking in
//! what they are sent; with fewer values it is the reverse.

mod forms;
mod limits;
mod objects;
mod place;
mod values;

use std::{collections::BTreeMap, fmt};

use self::{place::At, values::Comparison};
use super::{
    collect::failure,
    lock::Lock,
    model::{Arguments, Message, Namespace},
    schema::GAP,
};

/// Whether existing clients go on working.
///
/// ```
/// use gateway_core::{Contract, Lock, Verdict};
///
/// let old: Lock = r#"{ "contract": 1, "namespaces": { "/chat": {} } }"#.parse()?;
/// let changes = Contract::default().changes_since(&old);
/// assert_eq!(changes[0].verdict(), Verdict::Breaking);
/// # Ok::<(), gateway_core::InvalidLock>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Some client that has done nothing wrong stops working.
    Breaking,
    /// Clients need not notice.
    Compatible,
}

/// A difference between two contracts.
///
/// ```
/// use gateway_core::{Contract, Lock};
///
/// let old: Lock = r#"{ "contract": 1, "namespaces": { "/chat": {} } }"#.parse()?;
/// let changes = Contract::default().changes_since(&old);
/// assert_eq!(changes[0].to_string(), "breaking    /chat: the namespace is gone");
/// # Ok::<(), gateway_core::InvalidLock>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    verdict: Verdict,
    place: String,
    what: String,
}

impl Change {
    /// What it means to clients.
    ///
    /// ```
    /// # use gateway_core::{Contract, Lock, Verdict};
    /// # let old: Lock = r#"{ "contract": 1, "namespaces": { "/chat": {} } }"#.parse()?;
    /// let changes = Contract::default().changes_since(&old);
    /// assert!(changes.iter().all(|change| change.verdict() == Verdict::Breaking));
    /// # Ok::<(), gateway_core::InvalidLock>(())
    /// ```
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Where: the namespace, the event, and the way to the value, as in `/chat send-message content`.
    ///
    /// ```
    /// # use gateway_core::{Contract, Lock};
    /// # let old: Lock = r#"{ "contract": 1, "namespaces": { "/chat": {} } }"#.parse()?;
    /// let changes = Contract::default().changes_since(&old);
    /// assert_eq!(changes[0].place(), "/chat");
    /// # Ok::<(), gateway_core::InvalidLock>(())
    /// ```
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is different, in words.
    ///
    /// ```
    /// # use gateway_core::{Contract, Lock};
    /// # let old: Lock = r#"{ "contract": 1, "namespaces": { "/chat": {} } }"#.parse()?;
    /// let changes = Contract::default().changes_since(&old);
    /// assert_eq!(changes[0].what(), "the namespace is gone");
    /// # Ok::<(), gateway_core::InvalidLock>(())
    /// ```
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Breaking => "breaking",
            Verdict::Compatible => "compatible",
        };
        write!(formatter, "{verdict:<10}  {}: {}", self.place, self.what)
    }
}

/// Who makes the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// Clients, as they were.
    Taken,
    /// The server, as it is now.
    Sent,
}

/// What became of the values that are possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    More,
    Fewer,
    Others,
}

impl Direction {
    fn verdict(self, effect: Effect) -> Verdict {
        match (self, effect) {
            (Self::Taken, Effect::More) | (Self::Sent, Effect::Fewer) => Verdict::Compatible,
            _ => Verdict::Breaking,
        }
    }
}

/// The changes so far.
#[derive(Debug, Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, verdict: Verdict, place: impl Into<String>, what: impl Into<String>) {
        self.0.push(Change { verdict, place: place.into(), what: what.into() });
    }
}

/// What has changed from `old` to `new`: breaking changes first.
pub(super) fn between(old: &Lock, new: &Lock) -> Vec<Change> {
    let mut changes = Changes::default();
    for (path, was) in &old.namespaces {
        match new.namespaces.get(path) {
            Some(is) => namespaces(path, was, is, &mut changes),
            None => changes.add(Verdict::Breaking, path, "the namespace is gone"),
        }
    }
    for path in new.namespaces.keys().filter(|path| !old.namespaces.contains_key(*path)) {
        changes.add(Verdict::Compatible, path, "the namespace is new");
    }
    let mut changes = changes.0;
    changes.sort();
    changes.dedup();
    changes
}

fn namespaces(path: &str, old: &Namespace, new: &Namespace, changes: &mut Changes) {
    match (old.takes_other_events, new.takes_other_events) {
        (true, false) => {
            changes.add(
                Verdict::Breaking,
                path,
                "events without a handler of their own are not taken any more",
            );
        }
        (false, true) => {
            changes.add(
                Verdict::Compatible,
                path,
                "events without a handler of their own are taken as well",
            );
        }
        _ => {}
    }
    let taken = (&old.client_to_server, &new.client_to_server, Direction::Taken);
    let sent = (&old.server_to_client, &new.server_to_client, Direction::Sent);
    for (was, is, direction) in [taken, sent] {
        events(path, was, is, direction, (old, new), changes);
    }
}

type Events = BTreeMap<String, Message>;

fn events(
    path: &str,
    old: &Events,
    new: &Events,
    direction: Direction,
    (was, is): (&Namespace, &Namespace),
    changes: &mut Changes,
) {
    for (event, message) in old {
        let at = At::of(path, event);
        let Some(now) = new.get(event) else {
            let what = match direction {
                Direction::Taken => "the event is not taken any more",
                Direction::Sent => "the event is not sent any more",
            };
            changes.add(Verdict::Breaking, at.to_string(), what);
            continue;
        };
        let mut comparison = Comparison::new(&was.definitions, &is.definitions, direction, changes);
        arguments(&message.payload, &now.payload, &at, &mut comparison);
        let ack = at.part("ack");
        let back = match direction {
            Direction::Taken => Direction::Sent,
            Direction::Sent => Direction::Taken,
        };
        let mut comparison = Comparison::new(&was.definitions, &is.definitions, back, changes);
        match (&message.ack, &now.ack) {
            (Some(was), Some(is)) => arguments(was, is, &ack, &mut comparison),
            (None, Some(_)) => {
                changes.add(Verdict::Breaking, ack.to_string(), "clients have to acknowledge the event from now on");
            }
            (Some(_), None) => changes.add(
                Verdict::Breaking,
                ack.to_string(),
                "no acknowledgement is asked for any more: clients call a function that is not there",
            ),
            (None, None) => {}
        }
        if direction == Direction::Taken {
            let mut comparison =
                Comparison::new(&was.definitions, &is.definitions, Direction::Sent, changes);
            comparison.skip_standard_error();
            comparison.schemas(&failure(&message.errors), &failure(&now.errors), &at.part("error"));
        }
    }
    for event in new.keys().filter(|event| !old.contains_key(*event)) {
        changes.add(Verdict::Compatible, format!("{path} {event}"), "the event is new");
    }
}

fn arguments(old: &Arguments, new: &Arguments, at: &At, comparison: &mut Comparison<'_>) {
    if old.more.is_some() || new.more.is_some() {
        return any_number(old, new, at, comparison);
    }
    let (was, is) = (old.list.len(), new.list.len());
    let says = |all: usize, required: usize| match all - required {
        0 => format!("{all}"),
        _ => format!("{required} to {all}"),
    };
    let (was_said, is_said) = (says(was, old.required()), says(is, new.required()));
    if was != is || old.required() != new.required() {
        let (verdict, has) = match comparison.direction() {
            Direction::Taken if new.required() > old.required() => (Verdict::Breaking, "must be"),
            Direction::Taken => (Verdict::Compatible, "may be"),
            Direction::Sent if new.required() < old.list.len().min(old.required()) => {
                (Verdict::Breaking, "is")
            }
            Direction::Sent if is < was => (Verdict::Breaking, "is"),
            Direction::Sent => (Verdict::Compatible, "is"),
        };
        comparison.add(
            verdict,
            at,
            format!("the number of arguments {has} {is_said}, and was {was_said}"),
        );
    }
    let is_one = was.max(is) == 1;
    for (index, (one, other)) in old.list.iter().zip(&new.list).enumerate() {
        match is_one {
            true => comparison.schemas(one, other, at),
            false => comparison.schemas(one, other, &at.part(&format!("argument {}", index + 1))),
        }
    }
}

/// Where the number of arguments is not fixed, or not known.
fn any_number(old: &Arguments, new: &Arguments, at: &At, comparison: &mut Comparison<'_>) {
    match (&old.more, &new.more) {
        (Some(one), Some(other)) => comparison.schemas(one, other, &at.part("arguments")),
        (Some(one), None) if one.get(GAP).is_some() => {
            comparison.add(Verdict::Compatible, at, "the arguments are known from now on");
        }
        (None, Some(other)) if other.get(GAP).is_some() => {
            comparison.add(Verdict::Breaking, at, "the arguments are not known any more");
        }
        (Some(_), None) => {
            let verdict = comparison.direction().verdict(Effect::Fewer);
            comparison.add(
                verdict,
                at,
                format!("has {} arguments, and had any number", new.list.len()),
            );
        }
        (None, _) => {
            let verdict = comparison.direction().verdict(Effect::More);
            comparison.add(
                verdict,
                at,
                format!("has any number of arguments, and had {}", old.list.len()),
            );
        }
    }
}

#[cfg(test)]
mod tests;
