//! What was understood of the user's item: facts with their spans, and no decisions.

use proc_macro2::Ident;
use syn::{Attribute, Expr, ItemImpl, ItemStruct, LitStr, Member, Path, Type};

use crate::mark::Kind;

/// A struct marked `#[web_socket_gateway]`.
pub(crate) struct Gateway {
    /// As it is re-emitted: without our attributes.
    pub(crate) item: ItemStruct,
    pub(crate) options: GatewayOptions,
    pub(crate) enhancers: Vec<Enhancer>,
    pub(crate) fields: Vec<Field>,
}

/// What stands in the parentheses of `#[web_socket_gateway(..)]`.
#[derive(Default)]
pub(crate) struct GatewayOptions {
    pub(crate) core: Option<Path>,
    pub(crate) namespace: Option<Setting>,
    pub(crate) authenticate: Option<Type>,
    pub(crate) serial: bool,
    pub(crate) concurrency: Option<Setting>,
    pub(crate) inbox_messages: Option<Setting>,
    pub(crate) inbox_bytes: Option<Setting>,
    pub(crate) overflow: Option<Setting>,
    pub(crate) reauthenticate: Option<Setting>,
    pub(crate) cors: Option<Cors>,
    pub(crate) presence: Option<Presence>,
}

/// What stands in the parentheses of `cors(..)`.
#[derive(Default)]
pub(crate) struct Cors {
    pub(crate) origins: Option<Setting>,
    pub(crate) credentials: Option<Setting>,
}

/// `presence`, and what stands in its parentheses.
pub(crate) struct Presence {
    /// The option's name, where a missing `impl` is reported.
    pub(crate) key: Ident,
    pub(crate) grace: Option<Setting>,
}

/// An option's value: an expression evaluated at start, or a closure from something provided.
pub(crate) struct Setting {
    pub(crate) value: Expr,
}

/// One field of a gateway or an injectable.
pub(crate) struct Field {
    pub(crate) member: Member,
    pub(crate) ty: Type,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) source: Source,
}

/// Where a field's value comes from.
pub(crate) enum Source {
    Injected,
    /// `#[init]`.
    Default,
    /// `#[init(expression)]`.
    Value(Expr),
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
    pub(crate) core: Option<Path>,
    pub(crate) handlers: Vec<Handler>,
}

/// A method the framework calls.
pub(crate) struct Handler {
    pub(crate) occasion: Occasion,
    pub(crate) ident: Ident,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) arguments: Vec<Argument>,
    /// `None` where the user wrote no return type.
    pub(crate) returns: Option<Type>,
    pub(crate) enhancers: Vec<Enhancer>,
    /// Whether its signature lets a call be printed.
    pub(crate) is_callable: bool,
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

/// What stands in the parentheses of `#[subscribe_message(..)]`.
pub(crate) struct Subscription {
    pub(crate) event: LitStr,
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
    /// As it is re-emitted: without our attributes.
    pub(crate) item: ItemStruct,
    pub(crate) options: InjectableOptions,
    pub(crate) fields: Vec<Field>,
}

/// What stands in the parentheses of `#[injectable(..)]`.
#[derive(Default)]
pub(crate) struct InjectableOptions {
    pub(crate) core: Option<Path>,
    /// `as dyn Trait`.
    pub(crate) provides: Option<Type>,
}
