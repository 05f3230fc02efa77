//! The rules about where our attributes stand.

use syn::{Attribute, ItemStruct};

use crate::errors::Errors;
use crate::mark::{self, Mark, Marked};
use crate::model::{Hook, Occasion};

/// Rule: an attribute whose feature does not exist yet is an error. Nobody may believe that a guard runs.
pub(crate) fn are_available(marks: &[Marked], errors: &Errors) {
    for marked in marks.iter().filter(|marked| !marked.mark.is_available()) {
        let (wrong, help) = not_available(marked.mark);
        errors.at(&marked.attribute.meta, wrong, help);
    }
}

/// What to say of an attribute that is not available yet.
pub(crate) fn not_available(mark: Mark) -> (String, &'static str) {
    let help = match mark {
        Mark::UseGuards => {
            "remove it; check inside the handler and return `Err(WsException::new(..))`"
        }
        Mark::UsePipes => "remove it; change or check the payload inside the handler",
        Mark::SetMetadata => "remove it; nothing would read the metadata",
        _ => "remove it; it would not run",
    };
    (format!("`#[{}]` is not available yet", mark.name()), help)
}

/// Rule: on the struct stand the attributes of the whole gateway only; handlers are methods.
pub(crate) fn marks_of_a_struct(marks: &[Marked], errors: &Errors) {
    are_available(marks, errors);
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
    are_available(marks, errors);
    for marked in marks.iter().filter(|marked| marked.mark.is_available()) {
        let name = marked.mark.name();
        errors.at(
            &marked.attribute.meta,
            format!("`#[{name}]` does not stand on an impl block"),
            match marked.mark {
                Mark::UseFilters => "move it above the struct (all handlers), or above one method",
                _ => "move it above the method it is about",
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
            match marked.mark {
                Mark::UseFilters => "move it above the struct (all handlers), or above one method",
                _ => "remove it; a field is injected by its type, or has `#[init]`",
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

/// Rule: `#[use_filters]` on a method needs a handler that could fail.
pub(crate) fn marks_of_a_plain_method(marks: &[Marked], errors: &Errors) {
    are_available(marks, errors);
    for marked in marks.iter().filter(|marked| marked.mark == Mark::UseFilters) {
        errors.at(
            &marked.attribute.meta,
            "this method is no handler, so there is nothing to filter",
            "add `#[subscribe_message(\"event\")]`, or remove `#[use_filters]`",
        );
    }
}

/// Rule: filters tell a client what went wrong, and before the first client there is none.
pub(crate) fn filters_have_a_client(occasion: &Occasion, marks: &[Marked], errors: &Errors) {
    if !matches!(occasion, Occasion::Hook(Hook::Init)) {
        return;
    }
    for marked in marks.iter().filter(|marked| marked.mark == Mark::UseFilters) {
        errors.at(
            &marked.attribute.meta,
            "no client is there to be told what `#[after_init]` fails with",
            "remove `#[use_filters]`; an error here stops the start, and is in its report",
        );
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

/// A method's name that suits the attribute, for the examples in messages.
pub(crate) fn example_name(mark: Mark) -> &'static str {
    match mark {
        Mark::OnConnection => "connected",
        Mark::OnDisconnect => "disconnected",
        Mark::AfterInit => "ready",
        _ => "send_message",
    }
}
