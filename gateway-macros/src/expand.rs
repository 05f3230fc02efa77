//! From the model to tokens. Nothing here can fail, and nothing here decides how anything
//! behaves: the output states facts and calls `gateway_core::private`.
//!
//! Two kinds of spans. *Facts* carry the user's own span and hygiene, because
//! `#[track_caller]` would otherwise report the line of our attribute. Everything else is
//! *located* at the user's token, so that the compiler's errors point there, but keeps our
//! hygiene, so that no variable of the user's can meet one of ours.
//!
//! That is not enough for the names in patterns: no hygiene there is on stable Rust keeps a name from
//! meeting a constant, a static or a unit struct in scope, and `let output = ..` would then compare
//! with it. So every name we bind begins with `__`.

mod block;
mod description;
mod enhancer;
mod error_type;
mod event_type;
mod handler;
mod object;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;

use crate::core_path;

pub(crate) use self::block::{block, excused};
pub(crate) use self::error_type::error_type;
pub(crate) use self::event_type::event_type;
pub(crate) use self::object::{gateway, gateway_stub, injectable, injectable_stub};

/// Our names, reported at the user's place.
fn located(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// The traits that tell by its type what something is, without their names: those are the user's to give.
fn ladders() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> use __gateway::ladders::*;)
}

/// The generated items, where no name of theirs meets one of the user's.
fn enclosed(core: Option<&Path>, items: &TokenStream) -> TokenStream {
    let core = core_path::path(core);
    quote! {
        // A deprecated handler or gateway is the user's to warn about, where it is written.
        #[allow(deprecated)]
        const _: () = {
            use #core::private as __gateway;
            #items
        };
    }
}
