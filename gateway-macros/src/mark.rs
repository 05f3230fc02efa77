//! Which attributes are ours, and how they are taken off an item.
//!
//! Attributes are the one thing a macro can only know by name: the last segment of the path
//! decides, so `#[gateway_core::subscribe_message("x")]` is found too.

use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, FnArg, Meta, Path, Signature, Token};

use crate::errors::Errors;

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

/// Takes our attributes off, so that what is re-emitted carries only what is not ours.
pub(crate) fn take(attributes: &mut Vec<Attribute>, errors: &Errors) -> Vec<Marked> {
    let mut taken = Vec::new();
    attributes.retain(|attribute| {
        if let Some(mark) = Mark::of(attribute.path()) {
            taken.push(Marked { mark, attribute: attribute.clone() });
            return false;
        }
        !hides_a_mark(attribute, errors)
    });
    taken
}

/// The same for the parameters of a method, `self` included: one list for each of them.
pub(crate) fn take_from_parameters(signature: &mut Signature, errors: &Errors) -> Vec<Vec<Marked>> {
    let attributes = signature.inputs.iter_mut().map(|parameter| match parameter {
        FnArg::Receiver(receiver) => &mut receiver.attrs,
        FnArg::Typed(parameter) => &mut parameter.attrs,
    });
    attributes.map(|attributes| take(attributes, errors)).collect()
}

/// Whether an attribute with that last segment is among them (`web_socket_gateway`, `injectable`).
pub(crate) fn position(attributes: &[Attribute], name: &str) -> Option<usize> {
    attributes
        .iter()
        .position(|attribute| attribute.path().segments.last().is_some_and(|s| s.ident == name))
}

// Rule: our attributes do not stand in `cfg_attr`. The compiler hands an attribute macro its item
// before it evaluates the `cfg_attr`s inside, so the handler would silently not exist.
fn hides_a_mark(attribute: &Attribute, errors: &Errors) -> bool {
    if !attribute.path().is_ident("cfg_attr") {
        return false;
    }
    let Meta::List(list) = &attribute.meta else {
        return false;
    };
    let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
    let Ok(metas) = parser.parse2(list.tokens.to_token_stream()) else {
        return false;
    };
    let hidden =
        metas.iter().skip(1).find_map(|meta| Mark::of(meta.path()).map(|mark| (meta, mark)));
    let Some((meta, mark)) = hidden else {
        return false;
    };
    errors.at(
        meta,
        format!("`#[{}]` inside `cfg_attr` cannot be seen by the gateway", mark.name()),
        "put `#[cfg(..)]` on the item itself and the attribute below it without a condition; \
         write the item twice if it is needed both ways",
    );
    true
}
