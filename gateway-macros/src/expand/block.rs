//! What is printed for an impl block: its handlers, and the registration.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ImplItem, ItemImpl, Type, parse_quote};

use super::handler::{declared, function};
use super::{description, enclosed, located};
use crate::model::{Block, Handler, Occasion};
use crate::tokens::mentions;

/// Two functions for each handler of the block, `impl HandlerBlock`, and the registration.
///
/// Nothing is said of several handlers in one function: an edit of one would make the compiler look at all of them again.
/// The functions belong to a trait because the handlers' types may mention `Self`.
pub(crate) fn block(block: &Block, handlers: &[&Handler]) -> TokenStream {
    let ty = &block.item.self_ty;
    let ladders = super::ladders();
    let cfgs: Vec<_> = handlers.iter().map(|one| &one.cfgs).collect();
    let indices = 0..handlers.len();
    let names: Vec<_> = indices.clone().map(|index| format_ident!("__declare_{index}")).collect();
    let functions: Vec<_> = indices.map(|index| format_ident!("__handler_{index}")).collect();
    let facts = handlers.iter().zip(&functions).map(|(handler, name)| declared(handler, name));
    let (signatures, bodies): (Vec<_>, Vec<_>) =
        handlers.iter().zip(&functions).map(|(handler, name)| function(handler, name)).unzip();
    let emits = &block.options.emits;
    let descriptions = handlers.iter().filter_map(|one| match &one.occasion {
        Occasion::Message(subscription) => Some(description::handler(one, subscription)),
        Occasion::Hook(_) => None,
    });
    let descriptions = emits.iter().map(description::event).chain(descriptions).collect();
    let declarations: Vec<TokenStream> = names
        .iter()
        .zip(&cfgs)
        .map(|(name, cfgs)| {
            quote_spanned!(Span::mixed_site()=> #(#cfgs)* <Self as __Handlers>::#name(__routes);)
        })
        .collect();
    let declarations = declaration_block(&quote!(#ty), emits, &declarations, descriptions);
    let methods = (!handlers.is_empty()).then(|| {
        quote_spanned! {Span::mixed_site()=>
            #ladders
            trait __Handlers: ::core::marker::Sized {
                #(#(#cfgs)* fn #names(__routes: &mut __gateway::Routes<Self>);)*
                #(#(#cfgs)* #signatures;)*
            }
            impl __Handlers for #ty {
                #(#(#cfgs)* fn #names(__routes: &mut __gateway::Routes<Self>) { #facts })*
                #(#(#cfgs)* #signatures #bodies)*
            }
        }
    });
    enclosed(
        block.options.core.as_ref(),
        &quote_spanned! {Span::mixed_site()=>
            #methods
            #declarations
        },
    )
}

/// `impl HandlerBlock` and its registration: what the gateway emits, the `calls` that declare its handlers, and how the
/// contract describes all of it.
pub(super) fn declaration_block(
    gateway: &TokenStream,
    emits: &[Type],
    calls: &[TokenStream],
    descriptions: Vec<TokenStream>,
) -> TokenStream {
    let parameter = |name: &str, of: &[TokenStream]| match of {
        [] => quote_spanned!(Span::mixed_site()=> _),
        _ => Ident::new(name, Span::mixed_site()).into_token_stream(),
    };
    let may_emit = emits.iter().map(|event| emitted_by(event, gateway));
    let listed: Vec<TokenStream> = emits.iter().map(listed).chain(calls.iter().cloned()).collect();
    let routes = parameter("__routes", &listed);
    let describe = (!descriptions.is_empty()).then(|| {
        quote_spanned! {Span::mixed_site()=>
            fn describe(__description: &mut __gateway::BlockDescription) {
                #(#descriptions)*
            }
        }
    });
    let registration = quote_spanned! {gateway.span()=>
        __gateway::BlockRegistration::of::<#gateway, __Block>()
    };
    quote_spanned! {Span::mixed_site()=>
        #(#may_emit)*
        struct __Block;
        impl __gateway::HandlerBlock<__Block> for #gateway {
            fn declare(#routes: &mut __gateway::Routes<Self>) {
                #(#listed)*
            }
            #describe
        }
        __gateway::inventory::submit! { #registration }
    }
}

/// That the gateway emits the event.
pub(super) fn emitted_by(event: &Type, gateway: &TokenStream) -> TokenStream {
    quote_spanned!(event.span()=> impl __gateway::EmittedBy<#gateway> for #event {})
}

// With the span of the type, where the compiler reports that it is not an event.
fn listed(event: &Type) -> TokenStream {
    let routes = Ident::new("__routes", located(event.span()));
    quote_spanned!(event.span()=> #routes.emits::<#event>();)
}

/// The block as the user wrote it. A handler that awaits nothing must still be `async`, so the lint about that is
/// silenced.
pub(crate) fn excused(block: &Block) -> ItemImpl {
    let mut item = block.item.clone();
    let mut methods = block.methods.iter();
    for entry in &mut item.items {
        if let ImplItem::Fn(entry) = entry
            && methods.next().is_some_and(|method| method.handler.is_some())
            && !mentions(entry.block.to_token_stream(), "await")
        {
            entry.attrs.insert(0, parse_quote!(#[allow(clippy::unused_async)]));
        }
    }
    item
}
