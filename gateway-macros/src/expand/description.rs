//! What is printed for the contract: what clients send, are sent and are answered.
//!
//! Core's macros make something of it only where its feature `contract` is on; otherwise nothing of this is compiled.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Type};

use super::located;
use super::object::name_of;
use crate::model::{Handler, Subscription};
use crate::tokens::mentions;

/// An event of `emits(..)`.
pub(super) fn event(ty: &Type) -> TokenStream {
    quote_spanned!(located(ty.span())=> __gateway::describe_event!(__description, #ty);)
}

/// A handler of messages.
pub(super) fn handler(handler: &Handler, subscription: &Subscription) -> TokenStream {
    let Handler { ident, docs, cfgs, arguments, returns, .. } = handler;
    let (event, name) = (&subscription.event, name_of(ident));
    let event = match event {
        Expr::Infer(_) => quote!(::core::option::Option::None),
        event => quote!(::core::option::Option::Some(#event)),
    };
    let arguments = arguments.iter().map(|argument| &argument.ty);
    let returns = match returns {
        None => quote!([()]),
        // Such a type has no name. What the method returns has it all the same; it is not called.
        Some(ty) if mentions(quote!(#ty), "impl") => {
            let nothing = handler.arguments.iter().map(|_| quote!(__gateway::nothing()));
            quote!(async { Self::#ident(__gateway::nothing(), #(#nothing),*).await })
        }
        Some(ty) => quote!([#ty]),
    };
    let place = quote_spanned!(ident.span()=> __gateway::here());
    quote_spanned! {Span::mixed_site()=>
        #(#cfgs)*
        __gateway::describe_handler!(
            __description, #place, #event, #name, #docs, [#(#arguments),*] -> #returns
        );
    }
}
