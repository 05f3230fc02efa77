//! The rules about where our attributes stand.

use syn::{Attribute, FnArg, ItemStruct};

use crate::errors::Errors;
use crate::mark::{self, Kind, Mark, Marked};
use crate::model::{Hook, Occasion};

/// Rule: on the struct stand the attributes of the whole gateway only; handlers are methods.
pub(crate) fn marks_of_a_struct(marks: &[Marked], errors: &Errors) {
    for marked in marks.iter().filter(|marked| marked.mark.declares_handler()) {
        let name = marked.mark.name();
        errors.at(
            &marked.attribute.meta,
            format!("`#[{name}]` stands on a method, not on the struct"),
            format!("move it to a method of an `impl` marked `#[web_socket_gateway]`, above `async fn {}`", example_name(marked.mark)),
        );
    }
}

/// Rule: on the impl block stands nothing but `#[web_socket_gateway]`: what concerns the whole
/// gateway has one place, the struct, and there may be several blocks.
pub(crate) fn marks_of_a_block(marks: &[Marked], errors: &Errors) {
    for marked in marks {
        let name = marked.mark.name();
        errors.at(
            &marked.attribute.meta,
            format!("`#[{name}]` does not stand on an impl block"),
            if marked.mark.declares_handler() {
                "move it above the method it is about"
            } else {
                ENHANCES
            },
        );
    }
}

/// Rule: a field is injected or has `#[init]`; no other attribute of ours means anything there.
pub(crate) fn marks_of_a_field(marks: &[Marked], errors: &Errors) {
    for marked in marks {
        errors.at(
            &marked.attribute.meta,
            format!("`#[{}]` does not stand on a field", marked.mark.name()),
            if marked.mark.declares_handler() {
                "remove it; a field is injected by its type, or has `#[init]`"
            } else {
                ENHANCES
            },
        );
    }
}

/// Rule: only a method can be a handler; a constant, a type or a macro call in the block cannot.
pub(crate) fn marks_of_no_method(marks: &[Marked], errors: &Errors) {
    for marked in marks {
        let name = marked.mark.name();
        errors.at(
            &marked.attribute.meta,
            format!("`#[{name}]` stands on a method, and this is none"),
            format!("put it above `async fn {}(&self)`", example_name(marked.mark)),
        );
    }
}

/// Rule: what is put around a handler needs a handler.
pub(crate) fn marks_of_a_plain_method<'a>(
    marks: impl Iterator<Item = &'a Marked>,
    errors: &Errors,
) {
    for marked in marks {
        let what = match marked.mark {
            Mark::Use(Kind::Guard) => "so there is nothing to guard",
            Mark::Use(Kind::Interceptor) => "so there is nothing to intercept",
            Mark::Use(Kind::Pipe) => "so no payload goes through a pipe",
            Mark::Use(Kind::Filter) => "so there is nothing to filter",
            Mark::SetMetadata => "so nobody reads metadata about it",
            _ => "and an attribute on a parameter does not make it one",
        };
        errors.at(
            &marked.attribute.meta,
            format!("this method is no handler, {what}"),
            format!("add `#[subscribe_message(\"event\")]`, or remove `#[{}]`", marked.mark.name()),
        );
    }
}

/// Rule: of what can be put around a handler, a hook takes what has something to do there.
pub(crate) fn enhancers_suit(occasion: &Occasion, marks: &[Marked], errors: &Errors) {
    let Occasion::Hook(hook) = *occasion else {
        return;
    };
    for marked in marks {
        if let Mark::Use(kind) = marked.mark
            && let Some((wrong, help)) = does_not_suit(kind, hook)
        {
            errors.at(&marked.attribute.meta, wrong, help);
        }
    }
}

// Why there is nothing to do for them on this occasion, and what to write instead.
fn does_not_suit(kind: Kind, hook: Hook) -> Option<(String, &'static str)> {
    let on = hook.attribute();
    Some(match (kind, hook) {
        (Kind::Filter, Hook::Connection | Hook::Disconnect) | (Kind::Guard, Hook::Connection) => {
            return None;
        }
        (Kind::Filter, Hook::Init) => (
            format!("no client is there to be told what `#[{on}]` fails with"),
            "remove `#[use_filters]`; an error here stops the start, and is in its report",
        ),
        (Kind::Guard, Hook::Disconnect) => (
            "a guard cannot keep a client from leaving".to_owned(),
            "remove `#[use_guards]`; decide inside the hook what is to be done",
        ),
        (Kind::Guard, Hook::Init) => (
            format!("no client is there for a guard to decide about in `#[{on}]`"),
            "move `#[use_guards]` above `#[on_connection]`, or above the struct for all messages",
        ),
        (Kind::Interceptor, _) => (
            format!("interceptors run around messages, and `#[{on}]` is none: it has no reply"),
            "remove `#[use_interceptors]`, and write what it does into the hook",
        ),
        (Kind::Pipe, Hook::Init) => (
            format!("pipes change what a message carries, and `#[{on}]` is no message"),
            "remove `#[use_pipes]`, or move it above the struct for all messages",
        ),
        (Kind::Pipe, _) => (
            format!("pipes change what a message carries, and `#[{on}]` is no message"),
            "remove `#[use_pipes]`; what a client brings along when it connects is in `Handshake`",
        ),
    })
}

/// Rule: on a parameter stand pipes, for the part of the message that it takes.
pub(crate) fn marks_of_a_parameter(
    parameter: &FnArg,
    marks: &[Marked],
    occasion: Option<&Occasion>,
    errors: &Errors,
) {
    for marked in marks {
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
                "`self` is not taken from the message, so there is nothing for a pipe",
                "move it before the `MessageBody`, or above the method for all that it takes",
            ),
            _ => errors.at(
                meta,
                format!("`#[{name}]` does not stand on a parameter"),
                "move it above the method; only `#[use_pipes]` is about one argument",
            ),
        }
    }
}

/// Rule: one method, one occasion, so that a handler's name in logs and tables means one thing.
pub(crate) fn one_occasion(declaring: &[&Marked], errors: &Errors) {
    let Some((first, others)) = declaring.split_first() else {
        return;
    };
    for other in others {
        let wrong = if first.mark == other.mark {
            format!("`#[{}]` stands on this method twice", other.mark.name())
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

/// Rule: a gateway is injectable already, and would be built twice. Asked by the gateway's
/// attribute, with the other one below it.
pub(crate) fn is_not_injectable_as_well(attributes: &mut Vec<Attribute>, errors: &Errors) {
    if let Some(position) = mark::position(attributes, "injectable") {
        let attribute = attributes.remove(position);
        errors.at(&attribute.meta, INJECTABLE_ALREADY, INJECTABLE_ALREADY_HELP);
    }
}

/// The same rule, asked by `#[injectable]` with the gateway's attribute below it.
pub(crate) fn gateway_is_not_injectable_as_well(item: &ItemStruct, errors: &Errors) {
    errors.at_attribute(item, INJECTABLE_ALREADY, INJECTABLE_ALREADY_HELP);
}

const INJECTABLE_ALREADY: &str = "a gateway is injectable already";
const INJECTABLE_ALREADY_HELP: &str =
    "remove `#[injectable]`; other services take the gateway as `Arc<TheGateway>`";

const ENHANCES: &str = "move it above the struct (all handlers), or above one method";

/// A method's name that suits the attribute, for the examples in messages.
pub(crate) fn example_name(mark: Mark) -> &'static str {
    match mark {
        Mark::OnConnection => "connected",
        Mark::OnDisconnect => "disconnected",
        Mark::AfterInit => "ready",
        _ => "send_message",
    }
}
