//! The rules, one function each, with the rule above it; applied from here, and from nowhere else: [`value`] is about
//! the values of options and events, [`list`] about what lists name, [`block`](mod@block) about how a block's handlers
//! fit together, [`place`] about where attributes belong, [`mod@error_type`] and [`mod@event_type`] about what errors and
//! events say about themselves, and [`signature`] about what a handler looks like.

mod block;
mod error_type;
mod event_type;
mod list;
mod place;
mod signature;
mod value;

use quote::ToTokens;
use syn::{ItemStruct, Path};

pub(crate) use self::error_type::error_type;
pub(crate) use self::event_type::event_type;
pub(crate) use self::place::{
    gateway_is_not_injectable_as_well, is_not_a_gateway, is_not_a_service,
};
use crate::core_path;
use crate::errors::Errors;
use crate::model::{Block, Field, Gateway, Handler, Injectable, Method, Occasion, Source};

/// The rules about a gateway's struct.
pub(crate) fn gateway(gateway: &Gateway, errors: &Errors) {
    place::marks_of_a_struct(&gateway.marks, errors);
    place::is_not_injectable_as_well(gateway.injectable.as_ref(), errors);
    list::entries(&gateway.enhancers, errors);
    value::options(&gateway.options, errors);
    struct_is_not_generic(&gateway.item, errors);
    fields(&gateway.fields, errors);
}

/// The rules about a gateway's impl block. Returns the handlers that can be called.
///
/// The others are not printed, nor is anything if there is no type to print it for: the compiler's errors about that
/// would hide the real one.
pub(crate) fn block<'a>(block: &'a Block, errors: &Errors) -> Vec<&'a Handler> {
    place::marks_of_a_block(&block.marks, errors);
    let fits = block::is_of_one_type(&block.item, errors);
    if !block::is_inherent(&block.item, errors) {
        return Vec::new();
    }
    for marks in &block.elsewhere {
        place::marks_of_no_method(marks, errors);
    }
    let mut callable = Vec::new();
    for method in &block.methods {
        let can_be_called = handler(method, errors);
        callable.extend(method.handler.as_ref().filter(|_| fits && can_be_called));
    }
    let handlers: Vec<&Handler> =
        block.methods.iter().filter_map(|method| method.handler.as_ref()).collect();
    block::no_event_twice(&handlers, errors);
    block::no_hook_twice(&handlers, errors);
    callable
}

/// Rule: the core is among the application's dependencies, or `crate = ..` says where it is. Returns whether anything
/// that names it can be printed.
pub(crate) fn core_is_there(written: Option<&Path>, item: &impl ToTokens, errors: &Errors) -> bool {
    let is_there = written.is_some() || !core_path::is_missing();
    if !is_there {
        errors.at_attribute(
            item,
            "Cargo.toml does not name `gateway-core`",
            "add it to the dependencies, or give its path here and on each struct and impl block: \
             `crate = my_library::gateway_core`",
        );
    }
    is_there
}

/// The rules about a service's struct.
pub(crate) fn injectable(injectable: &Injectable, errors: &Errors) {
    struct_is_not_generic(&injectable.item, errors);
    fields(&injectable.fields, errors);
}

// Whether a call to the method can be printed, where it is a handler.
fn handler(method: &Method, errors: &Errors) -> bool {
    let Method { signature, marks, parameters, handler } = method;
    place::marks_are_not_hidden(marks, errors);
    for marks in parameters {
        place::marks_are_not_hidden(marks, errors);
    }
    let declaring = marks.declaring();
    if declaring.is_empty() {
        place::marks_of_a_plain_method(marks, parameters, errors);
        return false;
    }
    place::one_occasion(&declaring, errors);
    let occasion = handler.as_ref().map(|handler| &handler.occasion);
    let event_fits = match occasion {
        Some(Occasion::Message(subscription)) => value::event(&subscription.event, errors),
        _ => true,
    };
    if let Some(occasion) = occasion {
        place::enhancers_suit(occasion, marks, errors);
    }
    for (parameter, marks) in signature.inputs.iter().zip(parameters) {
        place::marks_of_a_parameter(parameter, marks, occasion, errors);
    }
    let before = errors.count();
    if let Some(handler) = handler {
        list::entries(&handler.enhancers, errors);
        list::pipes(&handler.arguments, errors);
    }
    let lists_fit = errors.count() == before;
    signature::can_be_called(signature, errors) && lists_fit && event_fits
}

fn fields(fields: &[Field], errors: &Errors) {
    for field in fields {
        place::marks_of_a_field(&field.marks, errors);
        place::one_init(&field.inits, errors);
        if let Source::Computed(closure) = &field.source {
            value::initializer(closure, errors);
        }
    }
}

// Rule: a gateway or service is one value, built once, so its type has no parameters.
fn struct_is_not_generic(item: &ItemStruct, errors: &Errors) {
    if item.generics.params.is_empty() {
        return;
    }
    errors.at(
        &item.generics,
        format!("`{}` is built once at start, so it cannot be generic", item.ident),
        "use concrete types; with a field of type `Arc<dyn Trait>`, what is provided decides",
    );
}
