//! Attributes that an impl block or a struct marked `#[web_socket_gateway]` would have read and
//! removed. When the compiler comes to run them, they stand in the wrong place, and say so.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Token, Visibility};

use crate::check::{example_name, not_available};
use crate::errors::Errors;
use crate::mark::{self, Mark};

/// What an attribute was found on, as far as its message depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Method,
    Function,
    Type,
    Impl,
    Other,
}

/// The item: its attributes, and the rest as the user wrote it.
struct Found {
    attributes: Vec<Attribute>,
    place: Place,
    rest: TokenStream,
}

/// `#[subscribe_message]` and the hooks, outside an impl block of a gateway.
pub(crate) fn handler(mark: Mark, item: TokenStream) -> TokenStream {
    let name = mark.name();
    answer(item, |place| {
        let method = example_name(mark);
        let help = match place {
            Place::Method => {
                "write `#[web_socket_gateway]` above the `impl` block of this method".to_owned()
            }
            Place::Function => {
                format!("make it a method `async fn {method}(&self, ..)` of such an impl")
            }
            Place::Type | Place::Impl => {
                format!("move it above a method: `async fn {method}(&self, ..)`")
            }
            Place::Other => {
                format!("move it above a method of such an impl: `async fn {method}(&self, ..)`")
            }
        };
        (format!("`#[{name}]` only works inside an impl marked `#[web_socket_gateway]`"), help)
    })
}

/// An attribute whose feature does not exist yet.
pub(crate) fn unavailable(mark: Mark, item: &TokenStream) -> TokenStream {
    let errors = Errors::new();
    let (wrong, help) = not_available(mark);
    errors.at_attribute(item, wrong, help);
    let errors = errors.finish();
    quote!(#item #errors)
}

/// `#[use_filters(..)]`: above the gateway's own attribute it moves below it, where that reads it;
/// anywhere else it is misplaced.
pub(crate) fn use_filters(arguments: &TokenStream, item: TokenStream) -> TokenStream {
    let found = match Found::parse.parse2(item.clone()) {
        Ok(found) => found,
        Err(_) => return item,
    };
    if let Some(gateway) = mark::position(&found.attributes, "web_socket_gateway") {
        return below(gateway, arguments, &found);
    }
    answer(item, |place| {
        let help = match place {
            Place::Method => "write `#[web_socket_gateway]` above the `impl` block of this method",
            Place::Function => "move it above a method with `#[subscribe_message(\"event\")]`",
            Place::Type => "write `#[web_socket_gateway]` below it, or remove it",
            Place::Impl | Place::Other => {
                "move it above the gateway's struct, or above one handler"
            }
        };
        (
            "`#[use_filters]` only works on a gateway's struct or on one of its handlers"
                .to_owned(),
            help.to_owned(),
        )
    })
}

// Filters have an order, so those that stand between the two attributes move along.
fn below(gateway: usize, arguments: &TokenStream, found: &Found) -> TokenStream {
    let name = format_ident!("{}", Mark::UseFilters.name());
    let is_filters = |attribute: &&Attribute| Mark::of(attribute.path()) == Some(Mark::UseFilters);
    let (above, after) = found.attributes.split_at(gateway.min(found.attributes.len()));
    let moved = above.iter().filter(is_filters);
    let kept = above.iter().filter(|attribute| !is_filters(attribute));
    let (own, after) = after.split_at(1.min(after.len()));
    let rest = &found.rest;
    quote!(#(#kept)* #(#own)* #[#name(#arguments)] #(#moved)* #(#after)* #rest)
}

// The error and the item. Of the other attributes of ours on the same item, none must repeat that
// it is in the wrong place.
fn answer(item: TokenStream, message: impl FnOnce(Place) -> (String, String)) -> TokenStream {
    let Ok(Found { mut attributes, place, rest }) = Found::parse.parse2(item.clone()) else {
        return item;
    };
    let errors = Errors::new();
    let (wrong, help) = message(place);
    errors.at_attribute(&item, wrong, help);
    let stays = mark::position(&attributes, "web_socket_gateway").is_some();
    attributes.retain(|attribute| match Mark::of(attribute.path()) {
        Some(mark) if mark.declares_handler() => false,
        Some(Mark::UseFilters) => stays,
        _ => true,
    });
    let errors = errors.finish();
    quote!(#(#attributes)* #rest #errors)
}

impl Found {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let rest = input.fork().parse()?;
        let place = Place::peek(input);
        let _consumed: TokenStream = input.parse()?;
        Ok(Self { attributes, place, rest })
    }
}

impl Place {
    fn peek(input: ParseStream<'_>) -> Self {
        if input.parse::<Visibility>().is_err() {
            return Self::Other;
        }
        if input.peek(Token![struct]) || input.peek(Token![enum]) || input.peek(Token![union]) {
            return Self::Type;
        }
        if input.peek(Token![impl]) || input.peek(Token![unsafe]) && input.peek2(Token![impl]) {
            return Self::Impl;
        }
        match input.parse::<syn::Signature>() {
            Ok(signature) if signature.receiver().is_some() => Self::Method,
            Ok(_) => Self::Function,
            Err(_) => Self::Other,
        }
    }
}
