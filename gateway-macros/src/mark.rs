//! Which attributes are ours, and how they are taken off an item.
//!
//! Attributes are the one thing a macro can only know by name: the last segment of the path
//! decides, so `#[gateway_core::subscribe_message("x")]` is found too.

use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token};

use crate::errors::Errors;

/// An attribute of this crate that stands beside or inside an item of `#[web_socket_gateway]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    SubscribeMessage,
    OnConnection,
    OnDisconnect,
    AfterInit,
    UseFilters,
    UseGuards,
    UseInterceptors,
    UsePipes,
    SetMetadata,
}

impl Mark {
    const ALL: [Self; 9] = [
        Self::SubscribeMessage,
        Self::OnConnection,
        Self::OnDisconnect,
        Self::AfterInit,
        Self::UseFilters,
        Self::UseGuards,
        Self::UseInterceptors,
        Self::UsePipes,
        Self::SetMetadata,
    ];

    /// As the user writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SubscribeMessage => "subscribe_message",
            Self::OnConnection => "on_connection",
            Self::OnDisconnect => "on_disconnect",
            Self::AfterInit => "after_init",
            Self::UseFilters => "use_filters",
            Self::UseGuards => "use_guards",
            Self::UseInterceptors => "use_interceptors",
            Self::UsePipes => "use_pipes",
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

    /// Whether the framework offers it already. One that it does not must never be accepted in
    /// silence: a guard that does not run is a hole.
    pub(crate) fn is_available(self) -> bool {
        self.declares_handler() || self == Self::UseFilters
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
