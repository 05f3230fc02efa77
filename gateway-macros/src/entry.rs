//! One function for each attribute that generates something: parse, read, check, expand.
//!
//! Whatever is wrong, the user's item comes out again without our attributes, beside the errors, so that one
//! mistake is one message and editors still know the methods. That also holds for bugs of ours: see [`rescued`].

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{Item, ItemImpl, ItemStruct};

use crate::errors::Errors;
use crate::model::GatewayOptions;
use crate::{attr, check, expand, mark, read, tokens};

/// `#[web_socket_gateway(..)]`, on a struct or on an impl block.
pub(crate) fn web_socket_gateway(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let stub = |name: &Ident| expand::gateway_stub(name, &GatewayOptions::default());
    rescued("web_socket_gateway", item, Some(stub), |item| {
        let errors = Errors::new();
        match syn::parse2(item.clone()) {
            Ok(Item::Struct(item)) => gateway(arguments, item, errors),
            Ok(Item::Impl(item)) => block(arguments, item, errors),
            Ok(item) => no_gateway(arguments, item, errors),
            Err(error) => unreadable(item, error, errors),
        }
    })
}

/// `#[injectable(..)]`.
pub(crate) fn injectable(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let stub = |name: &Ident| expand::injectable_stub(name, None);
    rescued("injectable", item, Some(stub), |item| {
        let errors = Errors::new();
        match syn::parse2(item.clone()) {
            Ok(Item::Struct(item)) => service(arguments, item, errors),
            Ok(item) => no_service(arguments, item, errors),
            Err(error) => unreadable(item, error, errors),
        }
    })
}

/// `#[derive(WsError)]`. The item itself stays where it is: a derive only adds to it.
pub(crate) fn ws_error(item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let item = match syn::parse2(item) {
        Ok(item) => item,
        Err(error) => return unreadable(TokenStream::new(), error, errors),
    };
    let error = read::error_type(item, &errors);
    check::error_type(&error, &errors);
    let expansion = (errors.count() == 0).then(|| expand::error_type(&error));
    with(TokenStream::new(), errors, expansion.as_ref())
}

/// `#[derive(Event)]`.
pub(crate) fn event(item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let item = match syn::parse2(item) {
        Ok(item) => item,
        Err(error) => return unreadable(TokenStream::new(), error, errors),
    };
    let event = read::event_type(item, &errors);
    check::event_type(&event, &errors);
    // Even with mistakes, so that what sends it is not reported as well, unless there is no value that could be sent.
    let is_printed = errors.count() == 0 || event.can_be_sent();
    let expansion = is_printed.then(|| expand::event_type(&event));
    with(TokenStream::new(), errors, expansion.as_ref())
}

fn gateway(arguments: TokenStream, item: ItemStruct, errors: Errors) -> TokenStream {
    let gateway = read::gateway(arguments, item, &errors);
    check::gateway(&gateway, &errors);
    if !check::core_is_there(gateway.options.core(), &gateway.item, &errors) {
        return with(gateway.item, errors, None);
    }
    let expansion = if errors.count() == 0 {
        Some(expand::gateway(&gateway))
    } else {
        let name = not_generic(&gateway.item.ident, &gateway.item.generics);
        name.map(|name| expand::gateway_stub(name, &gateway.options))
    };
    with(gateway.item, errors, expansion.as_ref())
}

fn block(arguments: TokenStream, item: ItemImpl, errors: Errors) -> TokenStream {
    let block = read::block(arguments, item, &errors);
    // Also if there are mistakes, so that the compiler checks the other handlers in the same pass.
    let callable = check::block(&block, &errors);
    let is_there = check::core_is_there(block.options.core.as_ref(), &block.item, &errors);
    // A gateway that only pushes may have a block without handlers. If there are mistakes, the handlers may be
    // missing because of them.
    let is_printed = is_there && (!callable.is_empty() || errors.count() == 0);
    let expansion = is_printed.then(|| expand::block(&block, &callable));
    with(expand::excused(&block), errors, expansion.as_ref())
}

fn service(arguments: TokenStream, item: ItemStruct, errors: Errors) -> TokenStream {
    // The gateway's attribute is expanded next, and needs what would be taken off here.
    if mark::position(&item.attrs, "web_socket_gateway").is_some() {
        check::gateway_is_not_injectable_as_well(&item, &errors);
        return with(item, errors, None);
    }
    let injectable = read::injectable(arguments, item, &errors);
    check::injectable(&injectable, &errors);
    if !check::core_is_there(injectable.options.core.as_ref(), &injectable.item, &errors) {
        return with(injectable.item, errors, None);
    }
    let expansion = if errors.count() == 0 {
        Some(expand::injectable(&injectable))
    } else {
        let name = not_generic(&injectable.item.ident, &injectable.item.generics);
        name.map(|name| expand::injectable_stub(name, injectable.options.core.as_ref()))
    };
    with(injectable.item, errors, expansion.as_ref())
}

fn no_gateway(arguments: TokenStream, mut item: Item, errors: Errors) -> TokenStream {
    check::is_not_a_gateway(&item, &errors);
    let name = type_name(&mut item);
    let stub = name.map(|name| {
        let options = attr::gateway_options(arguments, &errors);
        expand::gateway_stub(&name, &options)
    });
    with(item, errors, stub.as_ref())
}

fn no_service(arguments: TokenStream, mut item: Item, errors: Errors) -> TokenStream {
    check::is_not_a_service(&item, &errors);
    let name = type_name(&mut item);
    let stub = name.map(|name| {
        let options = attr::injectable_options(arguments, &errors);
        expand::injectable_stub(&name, options.core.as_ref())
    });
    with(item, errors, stub.as_ref())
}

fn unreadable(item: TokenStream, error: syn::Error, errors: Errors) -> TokenStream {
    errors.push(error);
    with(item, errors, None)
}

fn with(item: impl ToTokens, errors: Errors, expansion: Option<&TokenStream>) -> TokenStream {
    let errors = errors.finish();
    quote!(#item #expansion #errors)
}

fn not_generic<'a>(ident: &'a Ident, generics: &syn::Generics) -> Option<&'a Ident> {
    generics.params.is_empty().then_some(ident)
}

// The name of an enum or union that is not generic, for which a stub can be printed. Our attributes are taken off,
// because they would report themselves as well.
fn type_name(item: &mut Item) -> Option<Ident> {
    let (attributes, ident, generics) = match item {
        Item::Enum(item) => (&mut item.attrs, &item.ident, &item.generics),
        Item::Union(item) => (&mut item.attrs, &item.ident, &item.generics),
        _ => return None,
    };
    let _taken = mark::take(attributes);
    not_generic(ident, generics).cloned()
}

/// Runs `expand`, the expansion of the attribute `name`. If it panics, the bug is ours, or a library's: the item
/// comes out without our attributes, and a single error says so. Otherwise the compiler would drop the item, and
/// report everywhere that it is missing. For the same reason, `stub` prints as much for a struct as other items
/// need from it.
pub(crate) fn rescued(
    name: &str,
    item: TokenStream,
    stub: Option<fn(&Ident) -> TokenStream>,
    expand: impl FnOnce(TokenStream) -> TokenStream,
) -> TokenStream {
    let kept = item.clone();
    let attempt = AssertUnwindSafe(|| {
        #[cfg(test)]
        crate::tests::panic_where_asked(&item);
        expand(item)
    });
    catch_unwind(attempt).unwrap_or_else(|panic| {
        let errors = Errors::new();
        errors.at_attribute(
            &kept,
            format!("`#[{name}]` panicked: {}", words(&*panic)),
            "this is a bug in gateway-macros, not in your code: please report it, with this item",
        );
        let stub = stub.zip(tokens::name_of_struct(kept.clone()));
        let stub = stub.map(|(stub, name)| stub(&name));
        with(tokens::without_attributes(kept, &mark::is_taken), errors, stub.as_ref())
    })
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it gave no message".to_owned())
}
