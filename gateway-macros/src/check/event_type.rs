//! The rules about an event.

use syn::{Expr, ExprLit};

use crate::attr::NAME_THE_EVENT;
use crate::errors::Errors;
use crate::model::{EventShape, EventType};
use crate::tokens::text;

/// Applies all rules.
pub(crate) fn event_type(event: &EventType, errors: &Errors) {
    is_marked_once(event, errors);
    is_a_struct_or_an_enum(event, errors);
    if let Some(name) = &event.stated.name {
        name_can_be_emitted(name, errors);
    }
    args_are_several_fields(event, errors);
}

// Rule: `#[event(..)]` says what the event is, once.
fn is_marked_once(event: &EventType, errors: &Errors) {
    let mut marks = event.marks.iter();
    if marks.next().is_none() {
        errors.at(
            &event.ident,
            format!("nothing says by which name clients know `{}`", event.ident),
            format!("{NAME_THE_EVENT}, above it"),
        );
    }
    for second in marks {
        errors.at(
            &second.meta,
            "`#[event(..)]` is there already",
            "an event has one name: keep one",
        );
    }
}

fn is_a_struct_or_an_enum(event: &EventType, errors: &Errors) {
    if let EventShape::Union = event.shape {
        errors.at(&event.ident, "`Event` is derived for a struct or an enum", "write an enum");
    }
}

// Rule: the name is a text, and not one of the protocol's own. (The start report checks computed ones.)
fn name_can_be_emitted(name: &Expr, errors: &Errors) {
    if let Some(literal) = text(name) {
        if literal.value().is_empty() {
            errors.at(literal, "an event must have a name", NAME_THE_EVENT);
        } else if let Err(error) = gateway_names::emitted(&literal.value()) {
            errors.at(literal, error.to_string(), "choose another name");
        }
        return;
    }
    match name {
        Expr::Lit(ExprLit { lit, .. }) => {
            errors.at(lit, "an event's name must be a string", NAME_THE_EVENT);
        }
        Expr::Assign(assignment) => {
            errors.at(assignment, "the event's name comes first, by itself", NAME_THE_EVENT);
        }
        Expr::Path(path) if path.path.get_ident().is_some_and(known) => {
            errors.at(path, "the event's name comes first", NAME_THE_EVENT);
        }
        _ => {}
    }
}

// Whether it is an option, so that the name is missing before it.
fn known(name: &syn::Ident) -> bool {
    crate::known::OF_EVENTS.iter().any(|option| name == option)
}

// Rule: only the fields of a tuple have the order that arguments need. A newtype is one argument as it is.
fn args_are_several_fields(event: &EventType, errors: &Errors) {
    let Some(args) = &event.stated.args else {
        return;
    };
    match event.shape {
        EventShape::Tuple(2..) => {}
        EventShape::Tuple(_) | EventShape::Unit => errors.at(
            args,
            "`args` is for several arguments",
            "leave it out: a struct with one field is one argument, and one without fields none",
        ),
        EventShape::Named | EventShape::Union => errors.at(
            args,
            "arguments have an order, which only the fields of a tuple struct have",
            format!("write `struct {}(First, Second);`", event.ident),
        ),
    }
}
