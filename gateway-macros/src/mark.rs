//! Which attributes are ours, and how they are taken off an item.
//!
//! Attributes are the one thing that a macro can only recognise by name: the last segment of the path decides, so
//! `#[gateway_core::subscribe_message("x")]` is found, too.

use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, FnArg, Meta, Path, Signature, Token};

/// An attribute of this crate that stands beside or inside an item of `#[web_socket_gateway]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    SubscribeMessage,
    OnConnection,
    OnDisconnect,
    AfterInit,
    /// `#[use_guards]` and the other lists.
    Use(Kind),
    SetMetadata,
}

/// What the lists `#[use_..(..)]` name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Guard,
    Interceptor,
    Pipe,
    Filter,
}

impl Kind {
    /// The attribute that lists them.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Guard => "use_guards",
            Self::Interceptor => "use_interceptors",
            Self::Pipe => "use_pipes",
            Self::Filter => "use_filters",
        }
    }

    /// One of them, in a sentence, and as the method that states it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Interceptor => "interceptor",
            Self::Pipe => "pipe",
            Self::Filter => "filter",
        }
    }

    /// The trait that makes a type one.
    pub(crate) fn trait_name(self) -> &'static str {
        match self {
            Self::Guard => "Guard",
            Self::Interceptor => "Interceptor",
            Self::Pipe => "Pipe",
            Self::Filter => "ExceptionFilter",
        }
    }
}

impl Mark {
    const ALL: [Self; 9] = [
        Self::SubscribeMessage,
        Self::OnConnection,
        Self::OnDisconnect,
        Self::AfterInit,
        Self::Use(Kind::Guard),
        Self::Use(Kind::Interceptor),
        Self::Use(Kind::Pipe),
        Self::Use(Kind::Filter),
        Self::SetMetadata,
    ];

    /// As the user writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SubscribeMessage => "subscribe_message",
            Self::OnConnection => "on_connection",
            Self::OnDisconnect => "on_disconnect",
            Self::AfterInit => "after_init",
            Self::Use(kind) => kind.attribute(),
            Self::SetMetadata => "set_metadata",
        }
    }

    /// Whether it makes a method a handler.
    pub(crate) fn declares_handler(self) -> bool {
        matches!(
            self,
            Self::SubscribeMessage | Self::OnConnection | Self::OnDisconnect | Self::AfterInit
        )
    }

    /// A suitable name for a method, for the examples in messages.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::OnConnection => "connected",
            Self::OnDisconnect => "disconnected",
            Self::AfterInit => "ready",
            _ => "send_message",
        }
    }

    pub(crate) fn of(path: &Path) -> Option<Self> {
        let last = path.segments.last()?;
        Self::ALL.into_iter().find(|mark| last.ident == mark.name())
    }
}

/// One of our attributes, taken off its item.
pub(crate) struct Marked {
    pub(crate) mark: Mark,
    pub(crate) attribute: Attribute,
}

/// Our attributes, taken off one item.
#[derive(Default)]
pub(crate) struct Marks {
    pub(crate) shown: Vec<Marked>,
    /// Those inside a `cfg_attr`.
    pub(crate) hidden: Vec<(Mark, Meta)>,
}

impl Marks {
    /// Those that make a method a handler.
    pub(crate) fn declaring(&self) -> Vec<&Marked> {
        self.shown.iter().filter(|marked| marked.mark.declares_handler()).collect()
    }
}

/// Takes our attributes off, so that what is re-emitted carries only what is not ours.
pub(crate) fn take(attributes: &mut Vec<Attribute>) -> Marks {
    let mut marks = Marks::default();
    attributes.retain(|attribute| {
        if let Some(mark) = Mark::of(attribute.path()) {
            marks.shown.push(Marked { mark, attribute: attribute.clone() });
            return false;
        }
        let hidden = hidden(attribute);
        let stays = hidden.is_none();
        marks.hidden.extend(hidden);
        stays
    });
    marks
}

/// The same for the parameters of a method, `self` included: one list for each of them.
pub(crate) fn take_from_parameters(signature: &mut Signature) -> Vec<Marks> {
    let attributes = signature.inputs.iter_mut().map(|parameter| match parameter {
        FnArg::Receiver(receiver) => &mut receiver.attrs,
        FnArg::Typed(parameter) => &mut parameter.attrs,
    });
    attributes.map(take).collect()
}

/// Whether an attribute with that last segment is among them (`web_socket_gateway`, `injectable`).
pub(crate) fn position(attributes: &[Attribute], name: &str) -> Option<usize> {
    attributes
        .iter()
        .position(|attribute| attribute.path().segments.last().is_some_and(|s| s.ident == name))
}

/// Whether an attribute of this name inside an item is one that the item's macro takes off.
pub(crate) fn is_taken(name: &str) -> bool {
    name == "init" || Mark::ALL.iter().any(|mark| mark.name() == name)
}

// One of ours inside a `cfg_attr`.
fn hidden(attribute: &Attribute) -> Option<(Mark, Meta)> {
    if !attribute.path().is_ident("cfg_attr") {
        return None;
    }
    let Meta::List(list) = &attribute.meta else {
        return None;
    };
    let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
    let metas = parser.parse2(list.tokens.clone()).ok()?;
    metas.into_iter().skip(1).find_map(|meta| Mark::of(meta.path()).map(|mark| (mark, meta)))
}
