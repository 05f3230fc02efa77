//! Attributes that an impl block or a struct marked `#[web_socket_gateway]` would have read and removed. If the
//! compiler gets to expand them, they are in the wrong place, and say so.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, ImplItemFn, Token, Visibility};

use crate::entry::rescued;
use crate::errors::Errors;
use crate::mark::{self, Mark};

/// What an attribute was found on, as far as its message depends on that.
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
    rescued(mark.name(), item, None, |item| outside_a_gateway(mark, item))
}

fn outside_a_gateway(mark: Mark, item: TokenStream) -> TokenStream {
    let name = mark.name();
    answer(mark, item, |place| {
        let method = mark.example();
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

/// `#[use_guards(..)]` and the like: above the gateway's own attribute, they are moved below it, where it reads
/// them; anywhere else they are misplaced.
pub(crate) fn enhancer(mark: Mark, arguments: &TokenStream, item: TokenStream) -> TokenStream {
    rescued(mark.name(), item, None, |item| beside_the_gateway(mark, arguments, item))
}

fn beside_the_gateway(mark: Mark, arguments: &TokenStream, item: TokenStream) -> TokenStream {
    let found = match Found::parse.parse2(item.clone()) {
        Ok(found) => found,
        Err(_) => return item,
    };
    if let Some(gateway) = mark::position(&found.attributes, "web_socket_gateway") {
        return below(mark, gateway, arguments, &found);
    }
    let name = mark.name();
    answer(mark, item, |place| {
        let help = match place {
            Place::Method => "write `#[web_socket_gateway]` above the `impl` block of this method",
            Place::Function => "move it above a method with `#[subscribe_message(\"event\")]`",
            Place::Type => "write `#[web_socket_gateway]` below it, or remove it",
            Place::Impl | Place::Other => {
                "move it above the gateway's struct, or above one handler"
            }
        };
        (
            format!("`#[{name}]` only works on a gateway's struct or on one of its handlers"),
            help.to_owned(),
        )
    })
}

// Their order matters, so those between the two attributes are moved along.
fn below(mark: Mark, gateway: usize, arguments: &TokenStream, found: &Found) -> TokenStream {
    // With the hygiene of the item, so that a mistake in it has no note about macros.
    let item = found.rest.clone().into_iter().next();
    let user = item.map_or_else(Span::call_site, |token| token.span());
    let here = Span::call_site().resolved_at(user);
    let name = Ident::new(mark.name(), here);
    let own_again = quote_spanned!(here=> #[#name(#arguments)]);
    let is_enhancer = |attribute: &&Attribute| {
        Mark::of(attribute.path()).is_some_and(|mark| !mark.declares_handler())
    };
    let (above, after) = found.attributes.split_at(gateway.min(found.attributes.len()));
    let moved = above.iter().filter(is_enhancer);
    let kept = above.iter().filter(|attribute| !is_enhancer(attribute));
    let (own, after) = after.split_at(1.min(after.len()));
    let rest = &found.rest;
    quote!(#(#kept)* #(#own)* #own_again #(#moved)* #(#after)* #rest)
}

// The error, and the item. Our other attributes on the same item must not repeat that they are misplaced.
fn answer(
    mark: Mark,
    item: TokenStream,
    message: impl FnOnce(Place) -> (String, String),
) -> TokenStream {
    let Ok(Found { mut attributes, place, rest }) = Found::parse.parse2(item.clone()) else {
        return item;
    };
    let errors = Errors::new();
    let (wrong, help) = match other_name(mark) {
        Some(written) => renamed(mark, &written),
        None => message(place),
    };
    errors.at_attribute(&item, wrong, help);
    let stays = mark::position(&attributes, "web_socket_gateway").is_some();
    attributes.retain(|attribute| match Mark::of(attribute.path()) {
        Some(mark) if mark.declares_handler() => false,
        Some(_) => stays,
        None => true,
    });
    let rest = without_marks_on_parameters(rest);
    let errors = errors.finish();
    quote!(#(#attributes)* #rest #errors)
}

// Attributes are recognised by their own names. One that was imported under another name is unknown to the gateway
// around it, which leaves it to the compiler, so it ends up here.
fn renamed(mark: Mark, written: &str) -> (String, String) {
    let name = mark.name();
    (
        format!(
            "`#[{written}]` is `#[{name}]` under another name, which a gateway does not recognise"
        ),
        format!("write `#[{name}]`: import attributes without `as`"),
    )
}

// The user's name for the attribute that is being expanded, if it is not its own name.
fn other_name(mark: Mark) -> Option<String> {
    name_in(&Span::call_site().source_text()?).filter(|written| written != mark.name())
}

// `on` in `#[my::on("event")]`. `None` if the text is not that of an attribute, as inside a `cfg_attr`.
fn name_in(attribute: &str) -> Option<String> {
    let path = attribute.strip_prefix("#[")?.split(['(', ']', '=', '{', '[']).next()?;
    let name = path.rsplit("::").next()?.trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_name && name != "cfg_attr").then(|| name.to_owned())
}

// `#[use_pipes]` on a parameter: the compiler allows no attributes of ours there, and would report that in addition
// to what is wrong with the method.
fn without_marks_on_parameters(rest: TokenStream) -> TokenStream {
    syn::parse2::<ImplItemFn>(rest.clone()).map_or(rest, |mut method| {
        let _taken = mark::take_from_parameters(&mut method.sig);
        method.into_token_stream()
    })
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

#[cfg(test)]
mod tests {
    use super::name_in;

    #[test]
    fn the_name_an_attribute_is_written_by() {
        assert_eq!(name_in("#[on(\"say\")]").as_deref(), Some("on"));
        assert_eq!(name_in("#[gateway_core :: after_init]").as_deref(), Some("after_init"));
        assert_eq!(name_in("#[cfg_attr(x, on(\"say\"))]"), None);
        assert_eq!(name_in("on(\"say\")"), None);
    }
}
