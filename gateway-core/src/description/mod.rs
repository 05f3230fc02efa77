//! What gateways say about their messages, as generated code describes it: what contracts are made of.

mod macros;

use schemars::{Schema, SchemaGenerator};

/// A type of Rust, and how its schema is made.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct TypeDescription {
    /// Its path, for people.
    pub(crate) name: &'static str,
    /// `None` where nobody derived `JsonSchema` for it. Whether it is the schema of what is sent or of what is taken,
    /// which may differ, is up to the generator.
    pub(crate) schema: Option<fn(&mut SchemaGenerator) -> Schema>,
}

/// A line of the application's source.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: &'static str,
    pub(crate) line: u32,
}

/// The arguments of an event or of an acknowledgement.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum ArgumentsDescription {
    /// There are none.
    None,
    /// One value.
    One(TypeDescription),
    /// One value, or none (`Option<MessageBody<T>>`).
    Optional(TypeDescription),
    /// Each element of the type, a tuple or a sequence, is an argument.
    List(TypeDescription),
    /// Not stated anywhere: why, as in "`Audit` is an extractor of the application's own".
    Unknown(&'static str),
}

/// What a handler answers with.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum ReplyDescription {
    /// An acknowledgement with these arguments; without any, it is empty.
    Ack(ArgumentsDescription),
    /// Events back to the sender, and an empty acknowledgement. `None`: their names are not declared.
    Events(Option<EventDescription>),
}

/// An event that clients are sent.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct EventDescription {
    pub(crate) name: &'static str,
    /// Its doc comment, lines separated by `\n`, and each trimmed.
    pub(crate) docs: &'static str,
    pub(crate) place: Place,
    pub(crate) payload: ArgumentsDescription,
    /// What clients acknowledge it with; `None` if they are not asked to.
    pub(crate) ack: Option<ArgumentsDescription>,
}

/// An exception filter: what it tells clients.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct FilterDescription {
    /// The path of the filter's type.
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    /// The event that it sends, if its body is a declared event.
    pub(crate) event: Option<EventDescription>,
    /// The body of its event and of its acknowledgement.
    pub(crate) body: TypeDescription,
}

/// A handler of messages.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct HandlerDescription {
    /// `None` for all events that have no handler of their own.
    pub(crate) event: Option<&'static str>,
    /// The name of the method.
    pub(crate) name: &'static str,
    /// Its doc comment, lines separated by `\n`, and each trimmed.
    pub(crate) docs: &'static str,
    pub(crate) place: Place,
    pub(crate) payload: ArgumentsDescription,
    pub(crate) reply: ReplyDescription,
    /// Those of this handler alone. Where it is declared says nothing of them: they are among the facts about it.
    pub(crate) filters: Vec<FilterDescription>,
}

/// A gateway, with all its blocks.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub(crate) struct GatewayDescription {
    /// The name of its type.
    pub(crate) name: &'static str,
    pub(crate) namespace: String,
    pub(crate) place: Place,
    pub(crate) handlers: Vec<HandlerDescription>,
    /// What it emits, as `emits(..)` lists it.
    pub(crate) events: Vec<EventDescription>,
    /// Those of all its handlers.
    pub(crate) filters: Vec<FilterDescription>,
    /// The event that renews a session, if the gateway authenticates its clients.
    pub(crate) renewal: Option<String>,
}

/// The description of a block: of an impl block, or of what the struct's attribute lists.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct BlockDescription {
    /// Of messages.
    pub handlers: Vec<HandlerDescription>,
    /// What it lists in `emits(..)`.
    pub events: Vec<EventDescription>,
}

/// What a filter tells clients.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct BodyDescription {
    pub(crate) body: TypeDescription,
    /// If it is a declared event.
    pub(crate) event: Option<EventDescription>,
}

impl BodyDescription {
    /// Of a type that has nothing to say about itself.
    pub(crate) fn unknown<T: ?Sized>() -> Self {
        let body = TypeDescription { name: std::any::type_name::<T>(), schema: None };
        Self { body, event: None }
    }
}
