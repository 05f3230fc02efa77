//! From the model to tokens. Nothing here can fail, and nothing here decides how anything
//! behaves: the output states facts and calls `gateway_core::private`.
//!
//! Two kinds of spans. *Facts* carry the user's own span and hygiene, because
//! `#[track_caller]` would otherwise report the line of our attribute. Everything else is
//! *located* at the user's token, so that the compiler's errors point there, but keeps our
//! hygiene, so that no constant of the user's can meet our local names.

mod block;
mod enhancer;
mod object;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Path;

pub(crate) use self::block::block;
pub(crate) use self::object::{gateway, gateway_stub, injectable, injectable_stub};

/// Our names, reported at the user's place.
fn located(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// The generated items, where no name of theirs meets one of the user's.
fn enclosed(core: Option<&Path>, items: &TokenStream) -> TokenStream {
    let private = match core {
        Some(path) => quote!(#path::private),
        None => quote!(::gateway_core::private),
    };
    quote! {
        // A deprecated handler or gateway is the user's to warn about, where it is written.
        #[allow(deprecated)]
        const _: () = {
            use #private as __gateway;
            #items
        };
    }
}
