//! The rule about what the lists `#[use_..(..)]` name.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Type, TypePath};

use crate::errors::Errors;
use crate::mark::Kind;
use crate::model::{Argument, Enhancer, Entry};
use crate::tokens::{readable, ungrouped_type};

/// Of a gateway or of a handler.
pub(super) fn entries(enhancers: &[Enhancer], errors: &Errors) {
    for enhancer in enhancers {
        if let Enhancer::Listed(kind, entry) = enhancer {
            is_named_like_a_type(entry, *kind, errors);
        }
    }
}

/// Of single parameters.
pub(super) fn pipes(arguments: &[Argument], errors: &Errors) {
    for pipe in arguments.iter().flat_map(|argument| &argument.pipes) {
        is_named_like_a_type(pipe, Kind::Pipe, errors);
    }
}

// Rule: in a list, a bare path is a type. `Roles::any` is a function somebody forgot to call, and the
// compiler would only say that it knows no such type.
fn is_named_like_a_type(entry: &Entry, kind: Kind, errors: &Errors) {
    let Entry::Injected(ty) = entry else {
        return;
    };
    let Type::Path(TypePath { qself: None, path, .. }) = ungrouped_type(ty) else {
        return;
    };
    let is_lowercase = |name: &Ident| name.unraw().to_string().starts_with(char::is_lowercase);
    let last = path.segments.last();
    if !last.is_some_and(|last| last.arguments.is_none() && is_lowercase(&last.ident)) {
        return;
    }
    let written = readable(ty);
    errors.at(
        ty,
        format!("`{written}` is not the name of a type"),
        format!(
            "call it, as in `{written}(..)`; a value that is a {} already goes in parentheses: `({written})`",
            kind.word()
        ),
    );
}
