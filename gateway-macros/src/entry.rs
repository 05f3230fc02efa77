//! One function for each attribute that makes something: parse, check, expand.
//!
//! Whatever is wrong, the user's item comes out again without our attributes, beside the errors:
//! one mistake is one message, and editors keep the methods.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{Item, ItemImpl, ItemStruct};

use crate::errors::Errors;
use crate::model::{GatewayOptions, InjectableOptions};
use crate::{attr, expand, mark, read};

/// `#[web_socket_gateway(..)]`, on a struct or on an impl block.
pub(crate) fn web_socket_gateway(arguments: TokenStream, item: TokenStream) -> TokenStream {
    const WRONG: &str = "`#[web_socket_gateway]` stands on a struct or on its impl block";
    const HELP: &str =
        "declare the gateway as a `struct`; its handlers are methods of an `impl` block";
    let errors = Errors::new();
    match syn::parse2(item.clone()) {
        Ok(Item::Struct(item)) => gateway(arguments, item, errors),
        Ok(Item::Impl(item)) => block(arguments, item, errors),
        Ok(mut item) => {
            let (token, named) = keyword(&mut item, &errors);
            errors.at(token, WRONG, HELP);
            let options = named.as_ref().map(|_| attr::gateway_options(arguments, &errors));
            let stub = named.map(|ident| {
                expand::gateway_stub(&ident, &options.unwrap_or_else(GatewayOptions::default))
            });
            with(item, errors, stub.as_ref())
        }
        Err(error) => {
            errors.push(error);
            with(item, errors, None)
        }
    }
}

/// `#[injectable(..)]`.
pub(crate) fn injectable(arguments: TokenStream, item: TokenStream) -> TokenStream {
    const WRONG: &str = "`#[injectable]` stands on a struct";
    const HELP: &str = "declare the service as a `struct`; its fields are injected by their types";
    let errors = Errors::new();
    match syn::parse2(item.clone()) {
        Ok(Item::Struct(item)) => service(arguments, item, errors),
        Ok(mut item) => {
            let (token, named) = keyword(&mut item, &errors);
            errors.at(token, WRONG, HELP);
            let options = named.as_ref().map(|_| attr::injectable_options(arguments, &errors));
            let stub = named.map(|ident| {
                let options = options.unwrap_or_else(InjectableOptions::default);
                expand::injectable_stub(&ident, options.core.as_ref())
            });
            with(item, errors, stub.as_ref())
        }
        Err(error) => {
            errors.push(error);
            with(item, errors, None)
        }
    }
}

fn gateway(arguments: TokenStream, item: ItemStruct, errors: Errors) -> TokenStream {
    let gateway = read::gateway(arguments, item, &errors);
    let expansion = if errors.count() == 0 {
        Some(expand::gateway(&gateway))
    } else if gateway.item.generics.params.is_empty() {
        Some(expand::gateway_stub(&gateway.item.ident, &gateway.options))
    } else {
        None
    };
    with(gateway.item, errors, expansion.as_ref())
}

fn block(arguments: TokenStream, item: ItemImpl, errors: Errors) -> TokenStream {
    let block = read::block(arguments, item, &errors);
    // With mistakes as well: what is right in the other handlers is checked in the same pass.
    let expansion = (!block.handlers.is_empty()).then(|| expand::block(&block));
    with(block.item, errors, expansion.as_ref())
}

fn service(arguments: TokenStream, item: ItemStruct, errors: Errors) -> TokenStream {
    if mark::position(&item.attrs, "web_socket_gateway").is_some() {
        crate::check::gateway_is_not_injectable_as_well(&item, &errors);
        return with(item, errors, None);
    }
    let injectable = read::injectable(arguments, item, &errors);
    let expansion = if errors.count() == 0 {
        Some(expand::injectable(&injectable))
    } else if injectable.item.generics.params.is_empty() {
        let core = injectable.options.core.as_ref();
        Some(expand::injectable_stub(&injectable.item.ident, core))
    } else {
        None
    };
    with(injectable.item, errors, expansion.as_ref())
}

fn with(item: impl ToTokens, errors: Errors, expansion: Option<&TokenStream>) -> TokenStream {
    let errors = errors.finish();
    quote!(#item #expansion #errors)
}

// The word that says what an item is, and the name of a type that is not generic: for that a stub
// can be printed. Our attributes are taken off, or they would answer for themselves as well.
fn keyword(item: &mut Item, errors: &Errors) -> (TokenStream, Option<Ident>) {
    match item {
        Item::Enum(item) => {
            let _taken = mark::take(&mut item.attrs, errors);
            let named = item.generics.params.is_empty().then(|| item.ident.clone());
            (item.enum_token.to_token_stream(), named)
        }
        Item::Union(item) => {
            let _taken = mark::take(&mut item.attrs, errors);
            let named = item.generics.params.is_empty().then(|| item.ident.clone());
            (item.union_token.to_token_stream(), named)
        }
        Item::Struct(item) => (item.struct_token.to_token_stream(), None),
        Item::Fn(item) => (item.sig.fn_token.to_token_stream(), None),
        Item::Trait(item) => (item.trait_token.to_token_stream(), None),
        Item::Impl(item) => (item.impl_token.to_token_stream(), None),
        Item::Mod(item) => (item.mod_token.to_token_stream(), None),
        other => (other.to_token_stream(), None),
    }
}
