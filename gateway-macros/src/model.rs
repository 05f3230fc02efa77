//! What was understood of the user's item: facts with their spans, and no decisions.

use proc_macro2::Ident;
use syn::{
    Attribute, Expr, ExprClosure, Fields, Generics, ItemImpl, ItemStruct, Member, Path, Signature,
    Type,
};

use crate::mark::{Kind, Marks};
use crate::options::{Declaration, Group, Ty};

/// A struct marked `#[web_socket_gateway]`.
pub(crate) struct Gateway {
    /// As it is re-emitted: without our attributes.
    pub(crate) item: ItemStruct,
    pub(crate) options: GatewayOptions,
    pub(crate) marks: Marks,
    /// `#[injectable]`, which does not belong there.
    pub(crate) injectable: Option<Attribute>,
    pub(crate) enhancers: Vec<Enhancer>,
    pub(crate) fields: Vec<Field>,
}

/// What is in the parentheses of `#[web_socket_gateway(..)]`, in the order in which it was written.
#[derive(Default)]
pub(crate) struct GatewayOptions {
    pub(crate) given: Vec<Given>,
}

/// An option that was given.
pub(crate) struct Given {
    pub(crate) option: &'static Declaration,
    /// Its name, as it was written.
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// What was written after the name of an option.
pub(crate) enum Value {
    /// Nothing.
    On,
    /// Where the core is.
    Core(Path),
    Authenticator(Type),
    /// An expression evaluated at start, or a closure from something provided.
    Setting(Ty, Expr),
    Group(&'static Group, Vec<Given>),
    /// Events, by their types.
    Events(Vec<Type>),
}

impl GatewayOptions {
    pub(crate) fn core(&self) -> Option<&Path> {
        self.given.iter().find_map(|given| match &given.value {
            Value::Core(path) => Some(path),
            _ => None,
        })
    }

    pub(crate) fn authenticator(&self) -> Option<&Type> {
        self.given.iter().find_map(|given| match &given.value {
            Value::Authenticator(ty) => Some(ty),
            _ => None,
        })
    }

    pub(crate) fn emits(&self) -> &[Type] {
        let events = self.given.iter().find_map(|given| match &given.value {
            Value::Events(events) => Some(&**events),
            _ => None,
        });
        events.unwrap_or_default()
    }
}

/// One field of a gateway or an injectable.
pub(crate) struct Field {
    pub(crate) member: Member,
    pub(crate) ty: Type,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) marks: Marks,
    /// Each `#[init]` on it.
    pub(crate) inits: Vec<Attribute>,
    pub(crate) source: Source,
}

/// Where a field's value comes from.
pub(crate) enum Source {
    Injected,
    /// `#[init]`.
    Default,
    /// `#[init(expression)]`.
    Value(Expr),
    /// `#[init(|config: &Config| ..)]`.
    Computed(ExprClosure),
}

/// What is put around a handler, or all handlers of a gateway.
pub(crate) enum Enhancer {
    /// One entry of `#[use_guards(..)]` or of another list.
    Listed(Kind, Entry),
    /// `#[set_metadata(..)]`.
    Metadata(Expr),
}

/// One entry of a `#[use_..(..)]`.
pub(crate) enum Entry {
    /// A bare path: a type, built by injection.
    Injected(Type),
    /// Anything else: evaluated once, at start.
    Value(Expr),
}

/// An `impl` block marked `#[web_socket_gateway]`.
pub(crate) struct Block {
    /// As it is re-emitted: without our attributes.
    pub(crate) item: ItemImpl,
    pub(crate) options: BlockOptions,
    pub(crate) marks: Marks,
    pub(crate) methods: Vec<Method>,
    /// Our attributes on items other than methods: on constants, types, macro calls.
    pub(crate) elsewhere: Vec<Marks>,
}

/// What is in the parentheses of `#[web_socket_gateway(..)]` on an `impl` block.
#[derive(Default)]
pub(crate) struct BlockOptions {
    pub(crate) core: Option<Path>,
    /// What the block's methods emit, beside what the struct lists.
    pub(crate) emits: Vec<Type>,
}

/// A method of the block, with our attributes on it and on its parameters, the receiver included.
pub(crate) struct Method {
    /// Without our attributes.
    pub(crate) signature: Signature,
    pub(crate) marks: Marks,
    pub(crate) parameters: Vec<Marks>,
    /// `None` if our attributes do not make it a handler, or do not say for what.
    pub(crate) handler: Option<Handler>,
}

/// A method the framework calls.
pub(crate) struct Handler {
    pub(crate) occasion: Occasion,
    pub(crate) ident: Ident,
    /// Its doc comment.
    pub(crate) docs: String,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) arguments: Vec<Argument>,
    /// `None` if the user wrote no return type.
    pub(crate) returns: Option<Type>,
    pub(crate) enhancers: Vec<Enhancer>,
}

impl Handler {
    pub(crate) fn is_serial(&self) -> bool {
        matches!(self.occasion, Occasion::Message(Subscription { serial: true, .. }))
    }
}

/// One parameter of a handler.
pub(crate) struct Argument {
    pub(crate) ty: Type,
    /// `#[use_pipes(..)]` on the parameter itself.
    pub(crate) pipes: Vec<Entry>,
}

/// When a handler is called.
pub(crate) enum Occasion {
    Message(Subscription),
    Hook(Hook),
}

/// What is in the parentheses of `#[subscribe_message(..)]`.
pub(crate) struct Subscription {
    /// A string literal, or a constant; `_` for every event that has no handler of its own.
    pub(crate) event: Expr,
    pub(crate) serial: bool,
}

/// The moments of a connection's life, and of the gateway's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    Connection,
    Disconnect,
    Init,
}

impl Hook {
    /// The attribute that declares it.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Connection => "on_connection",
            Self::Disconnect => "on_disconnect",
            Self::Init => "after_init",
        }
    }
}

/// A struct marked `#[injectable]`.
pub(crate) struct Injectable {
    /// As it is re-emitted: without `#[init]` on its fields.
    pub(crate) item: ItemStruct,
    pub(crate) options: InjectableOptions,
    pub(crate) fields: Vec<Field>,
}

/// What is in the parentheses of `#[injectable(..)]`.
#[derive(Default)]
pub(crate) struct InjectableOptions {
    pub(crate) core: Option<Path>,
    /// `as dyn Trait`.
    pub(crate) provides: Option<Type>,
}

/// A type marked `#[derive(Event)]`.
pub(crate) struct EventType {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) docs: String,
    /// Each `#[event(..)]` on it.
    pub(crate) marks: Vec<Attribute>,
    pub(crate) stated: StatedEvent,
    pub(crate) shape: EventShape,
}

impl EventType {
    /// Whether there may be values of it, which are sent.
    pub(crate) fn can_be_sent(&self) -> bool {
        !matches!(self.shape, EventShape::Union)
    }
}

pub(crate) enum EventShape {
    /// A struct without fields.
    Unit,
    /// A tuple struct, with so many fields.
    Tuple(usize),
    /// Any other struct, or an enum.
    Named,
    Union,
}

/// What is in `#[event(..)]`.
#[derive(Default)]
pub(crate) struct StatedEvent {
    pub(crate) name: Option<Expr>,
    pub(crate) ack: Option<Type>,
    /// Each field is an argument.
    pub(crate) args: Option<Ident>,
    pub(crate) core: Option<Path>,
}

/// A type marked `#[derive(WsError)]`.
pub(crate) struct ErrorType {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) told: Told,
    pub(crate) shape: ErrorShape,
    /// `#[ws(..)]` on fields, where it says nothing.
    pub(crate) misplaced: Vec<Attribute>,
}

pub(crate) enum ErrorShape {
    Struct(Fields),
    Enum(Vec<ErrorVariant>),
    Union,
}

pub(crate) struct ErrorVariant {
    pub(crate) ident: Ident,
    pub(crate) fields: Fields,
    pub(crate) told: Told,
}

/// What is in `#[ws(..)]`.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) code: Option<Expr>,
    pub(crate) message: Option<Expr>,
    /// The client is told what the single field says.
    pub(crate) transparent: Option<Ident>,
    /// The method that makes the exception.
    pub(crate) with: Option<(Ident, Expr)>,
    pub(crate) core: Option<(Ident, Path)>,
}
