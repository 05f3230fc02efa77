//! What is chained to the facts of a gateway or a handler for its enhancers and its metadata.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::located;
use crate::mark::Kind;
use crate::model::{Enhancer, Entry};

/// `.guard(..)`, `.filter(..)`, `.metadata(..)`.
pub(super) fn enhancer(enhancer: &Enhancer) -> TokenStream {
    match enhancer {
        Enhancer::Listed(kind, entry) => {
            let here = located(span(entry));
            let method = Ident::new(kind.word(), here);
            let facts = facts(*kind, entry);
            quote_spanned!(here=> .#method(#facts))
        }
        Enhancer::Metadata(value) => {
            let make = quote_spanned!(located(value.span())=> || #value);
            quote_spanned!(value.span()=> .metadata(#make))
        }
    }
}

/// `.argument_pipe(..)`, for a pipe of the parameter at `index`.
pub(super) fn argument_pipe(index: usize, entry: &Entry) -> TokenStream {
    let facts = facts(Kind::Pipe, entry);
    let index = position(index);
    quote_spanned!(located(span(entry))=> .argument_pipe(#index, #facts))
}

/// A parameter's position, as one would write it.
pub(super) fn position(index: usize) -> Literal {
    Literal::usize_unsuffixed(index)
}

// How an enhancer is made. If it has the wrong type, it is underlined where the user wrote it.
fn facts(kind: Kind, entry: &Entry) -> TokenStream {
    let here = located(span(entry));
    let facts = match kind {
        Kind::Guard => "GuardFacts",
        Kind::Interceptor => "InterceptorFacts",
        Kind::Pipe => "PipeFacts",
        Kind::Filter => "FilterFacts",
    };
    match entry {
        Entry::Injected(ty) => {
            let facts = Ident::new(facts, here);
            quote_spanned!(here=> __gateway::#facts::injected::<#ty>())
        }
        Entry::Value(value) => {
            // The closure is ours, so no lint may say that it is redundant.
            let facts = Ident::new(facts, value.span());
            let make = quote_spanned!(here=> || #value);
            quote_spanned!(value.span()=> __gateway::#facts::value(#make))
        }
    }
}

fn span(entry: &Entry) -> Span {
    match entry {
        Entry::Injected(ty) => ty.span(),
        Entry::Value(value) => value.span(),
    }
}
