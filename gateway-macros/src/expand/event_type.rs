//! What is printed for an event.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse_quote;

use super::{enclosed, located};
use crate::model::{EventShape, EventType};

/// `impl Event`, and what clients acknowledge it with.
pub(crate) fn event_type(event: &EventType) -> TokenStream {
    let EventType { ident, docs, stated, .. } = event;
    // If it is missing, that has been reported.
    let name = stated.name.as_ref().map_or_else(|| quote!(""), ToTokens::to_token_stream);
    // With the span of the type's name, where the compiler reports that it cannot be serialized.
    let here = located(ident.span());
    let this = Ident::new("self", Span::mixed_site());
    let (shape, sent, value) = match event.shape {
        EventShape::Unit => (quote!(Nothing), quote!(()), quote!(())),
        _ if stated.args.is_some() => (
            quote!(List),
            quote!(__gateway::InOrder<'__sent, Self>),
            quote!(__gateway::InOrder(#this)),
        ),
        _ => {
            (quote!(One), quote!(__gateway::Whole<'__sent, Self>), quote!(__gateway::Whole(#this)))
        }
    };
    let generics = serializable(event);
    let (parameters, arguments, bounds) = generics.split_for_impl();
    // The line of the user's own token, which `#[track_caller]` reports.
    let place = quote_spanned!(ident.span()=> __gateway::here());
    let acknowledged = stated.ack.as_ref().map(|ack| {
        quote_spanned! {here=>
            impl #parameters __gateway::Acknowledged for #ident #arguments #bounds {
                type Ack = #ack;
            }
        }
    });
    enclosed(
        stated.core.as_ref(),
        &quote_spanned! {here=>
            impl #parameters __gateway::Event for #ident #arguments #bounds {
                const NAME: &'static ::core::primitive::str = #name;
                const DOCS: &'static ::core::primitive::str = #docs;
                const PLACE: __gateway::Place = #place;
                const SHAPE: __gateway::Shape = __gateway::Shape::#shape;
                fn described() -> __gateway::BodyDescription {
                    __gateway::described!(Self)
                }
                type Sent<'__sent> = #sent where Self: '__sent;
                fn sent(&#this) -> Self::Sent<'_> {
                    #value
                }
            }
            #acknowledged
        },
    )
}

// An event that holds a `T` is one where the whole can be serialized.
fn serializable(event: &EventType) -> syn::Generics {
    let mut generics = event.generics.clone();
    if event.generics.type_params().next().is_some() {
        let bound = parse_quote!(Self: __gateway::Serialize);
        generics.make_where_clause().predicates.push(bound);
    }
    generics
}
