//! The rules about where our attributes belong.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, FnArg, Item, ItemStruct};

use crate::errors::Errors;
use crate::mark::{Kind, Mark, Marked, Marks};
use crate::model::{Hook, Occasion};

/// Rule: a gateway is a struct, with handlers in impl blocks.
pub(crate) fn is_not_a_gateway(item: &Item, errors: &Errors) {
    errors.at(
        keyword(item),
        "`#[web_socket_gateway]` belongs on a struct or on its impl block",
        "declare the gateway as a `struct`; its handlers are methods of an `impl` block",
    );
}

/// Rule: a service is a struct.
pub(crate) fn is_not_a_service(item: &Item, errors: &Errors) {
    errors.at(
        keyword(item),
        "`#[injectable]` belongs on a struct",
        "declare the service as a `struct`; its fields are injected by their types",
    );
}

// The word that says what an item is.
fn keyword(item: &Item) -> TokenStream {
    match item {
        Item::Enum(item) => item.enum_token.to_token_stream(),
        Item::Union(item) => item.union_token.to_token_stream(),
        Item::Struct(item) => item.struct_token.to_token_stream(),
        Item::Fn(item) => item.sig.fn_token.to_token_stream(),
        Item::Trait(item) => item.trait_token.to_token_stream(),
        Item::Impl(item) => item.impl_token.to_token_stream(),
        Item::Mod(item) => item.mod_token.to_token_stream(),
        other => other.to_token_stream(),
    }
}

/// Rule: our attributes are not used inside `cfg_attr`. The compiler passes the item to an attribute macro before it
/// evaluates the `cfg_attr`s inside, so the handler would silently not exist.
pub(super) fn marks_are_not_hidden(marks: &Marks, errors: &Errors) {
    for (mark, meta) in &marks.hidden {
        errors.at(
            meta,
            format!("`#[{}]` inside `cfg_attr` cannot be seen by the gateway", mark.name()),
            "put `#[cfg(..)]` on the item itself and the attribute below it without a condition; \
             write the item twice if it is needed both ways",
        );
    }
}

/// Rule: a field has one value.
pub(super) fn one_init(inits: &[Attribute], errors: &Errors) {
    for init in inits.iter().skip(1) {
        errors.at(&init.meta, "this field has two `#[init]`", "keep one of the two");
    }
}

/// Rule: the struct only has attributes of the whole gateway; handlers are methods.
pub(super) fn marks_of_a_struct(marks: &Marks, errors: &Errors) {
    marks_are_not_hidden(marks, errors);
    for marked in marks.declaring() {
        let name = marked.mark.name();
        errors.at(
            &marked.attribute.meta,
            format!("`#[{name}]` belongs on a method, not on the struct"),
            format!("move it to a method of an `impl` marked `#[web_socket_gateway]`, above `async fn {}`", marked.mark.example()),
        );
    }
}

/// Rule: an impl block has no attribute of ours but `#[web_socket_gateway]`: what concerns the whole gateway belongs
/// on the struct, since there may be several blocks.
pub(super) fn marks_of_a_block(marks: &Marks, errors: &Errors) {
    marks_are_not_hidden(marks, errors);
    for marked in &marks.shown {
        let name = marked.mark.name();
        errors.at(
            &marked.attribute.meta,
            format!("`#[{name}]` does not belong on an impl block"),
            if marked.mark.declares_handler() {
                "move it above the method it is meant for"
            } else {
                ENHANCES
            },
        );
    }
}

/// Rule: a field is injected or has `#[init]`; no other attribute of ours means anything there.
pub(super) fn marks_of_a_field(marks: &Marks, errors: &Errors) {
    marks_are_not_hidden(marks, errors);
    for marked in &marks.shown {
        errors.at(
            &marked.attribute.meta,
            format!("`#[{}]` does not belong on a field", marked.mark.name()),
            if marked.mark.declares_handler() {
                "remove it; a field is injected by its type, or has `#[init]`"
            } else {
                ENHANCES
            },
        );
    }
}

/// Rule: only a method can be a handler; a constant, a type or a macro call in the block cannot.
pub(super) fn marks_of_no_method(marks: &Marks, errors: &Errors) {
    marks_are_not_hidden(marks, errors);
    for marked in &marks.shown {
        let name = marked.mark.name();
        errors.at(
            &marked.attribute.meta,
            format!("`#[{name}]` belongs on a method, and this is not one"),
            format!("put it above `async fn {}(&self)`", marked.mark.example()),
        );
    }
}

/// Rule: what is put around a handler needs a handler.
pub(super) fn marks_of_a_plain_method(own: &Marks, parameters: &[Marks], errors: &Errors) {
    for marked in [own].into_iter().chain(parameters).flat_map(|marks| &marks.shown) {
        let what = match marked.mark {
            Mark::Use(Kind::Guard) => "so there is nothing to guard",
            Mark::Use(Kind::Interceptor) => "so there is nothing to intercept",
            Mark::Use(Kind::Pipe) => "so no payload goes through a pipe",
            Mark::Use(Kind::Filter) => "so there is nothing to filter",
            Mark::SetMetadata => "so nothing reads its metadata",
            _ => "and an attribute on a parameter does not make it one",
        };
        errors.at(
            &marked.attribute.meta,
            format!("this method is not a handler, {what}"),
            format!("add `#[subscribe_message(\"event\")]`, or remove `#[{}]`", marked.mark.name()),
        );
    }
}

/// Rule: a hook only takes those enhancers that have something to do there.
pub(super) fn enhancers_suit(occasion: &Occasion, marks: &Marks, errors: &Errors) {
    let Occasion::Hook(hook) = *occasion else {
        return;
    };
    for marked in &marks.shown {
        if let Mark::Use(kind) = marked.mark
            && let Some((wrong, help)) = does_not_suit(kind, hook)
        {
            errors.at(&marked.attribute.meta, wrong, help);
        }
    }
}

// Why they have nothing to do on this occasion, and what to write instead.
fn does_not_suit(kind: Kind, hook: Hook) -> Option<(String, &'static str)> {
    let on = hook.attribute();
    Some(match (kind, hook) {
        (Kind::Filter, Hook::Connection | Hook::Disconnect) | (Kind::Guard, Hook::Connection) => {
            return None;
        }
        (Kind::Filter, Hook::Init) => (
            format!("in `#[{on}]` there is no client to report an error to"),
            "remove `#[use_filters]`; an error here stops the application from starting, and is in the start report",
        ),
        (Kind::Guard, Hook::Disconnect) => (
            "a guard cannot keep a client from leaving".to_owned(),
            "remove `#[use_guards]`; decide inside the hook what to do",
        ),
        (Kind::Guard, Hook::Init) => (
            format!("in `#[{on}]` there is no client for a guard to decide about"),
            "move `#[use_guards]` above `#[on_connection]`, or above the struct for all messages",
        ),
        (Kind::Interceptor, _) => (
            format!("interceptors run around messages, and `#[{on}]` is not one: it has no reply"),
            "remove `#[use_interceptors]`, and do its work inside the hook",
        ),
        (Kind::Pipe, Hook::Init) => (
            format!("pipes transform what a message carries, and `#[{on}]` has no message"),
            "remove `#[use_pipes]`, or move it above the struct for all messages",
        ),
        (Kind::Pipe, _) => (
            format!("pipes transform what a message carries, and `#[{on}]` has no message"),
            "remove `#[use_pipes]`; what a client sends when it connects is in `Handshake`",
        ),
    })
}

/// Rule: a parameter only takes pipes, for the part of the message that it receives.
pub(super) fn marks_of_a_parameter(
    parameter: &FnArg,
    marks: &Marks,
    occasion: Option<&Occasion>,
    errors: &Errors,
) {
    for marked in &marks.shown {
        let name = marked.mark.name();
        let meta = &marked.attribute.meta;
        match (marked.mark, parameter, occasion) {
            (Mark::Use(Kind::Pipe), FnArg::Typed(_), Some(Occasion::Hook(hook))) => {
                if let Some((wrong, help)) = does_not_suit(Kind::Pipe, *hook) {
                    errors.at(meta, wrong, help);
                }
            }
            (Mark::Use(Kind::Pipe), FnArg::Typed(_), _) => {}
            (Mark::Use(Kind::Pipe), FnArg::Receiver(_), _) => errors.at(
                meta,
                "`self` is not taken from the message, so a pipe has nothing to transform",
                "put it in front of the `MessageBody`, or above the method to cover all its arguments",
            ),
            _ => errors.at(
                meta,
                format!("`#[{name}]` does not belong on a parameter"),
                "move it above the method; only `#[use_pipes]` can apply to a single argument",
            ),
        }
    }
}

/// Rule: one method, one occasion, so that a handler's name in logs and tables means one thing.
pub(super) fn one_occasion(declaring: &[&Marked], errors: &Errors) {
    let Some((first, others)) = declaring.split_first() else {
        return;
    };
    for other in others {
        let wrong = if first.mark == other.mark {
            format!("`#[{}]` appears twice on this method", other.mark.name())
        } else {
            let names = (first.mark.name(), other.mark.name());
            format!("one method cannot be both `#[{}]` and `#[{}]`", names.0, names.1)
        };
        errors.at(
            &other.attribute.meta,
            wrong,
            "write a second method for it; both may call a third without attributes",
        );
    }
}

/// Rule: a gateway is already injectable, and would be built twice. Asked by the gateway's
/// attribute, with the other one below it.
pub(super) fn is_not_injectable_as_well(injectable: Option<&Attribute>, errors: &Errors) {
    if let Some(attribute) = injectable {
        errors.at(&attribute.meta, INJECTABLE_ALREADY, INJECTABLE_ALREADY_HELP);
    }
}

/// The same rule, asked by `#[injectable]` with the gateway's attribute below it.
pub(crate) fn gateway_is_not_injectable_as_well(item: &ItemStruct, errors: &Errors) {
    errors.at_attribute(item, INJECTABLE_ALREADY, INJECTABLE_ALREADY_HELP);
}

const INJECTABLE_ALREADY: &str = "a gateway is already injectable";
const INJECTABLE_ALREADY_HELP: &str =
    "remove `#[injectable]`; other services take the gateway as `Arc<TheGateway>`";

const ENHANCES: &str = "move it above the struct (all handlers), or above one method";
