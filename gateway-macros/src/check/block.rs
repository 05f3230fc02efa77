//! The rules about an impl block, and about how its handlers fit together.

use std::collections::HashMap;

use syn::{Expr, ItemImpl, Type};

use crate::errors::Errors;
use crate::model::{Handler, Hook, Occasion};
use crate::tokens::{text, ungrouped_type};

/// Rule: handlers are written in an inherent impl: a trait's methods are called by the trait's users, and follow the
/// trait's rules. Returns whether they are.
pub(super) fn is_inherent(item: &ItemImpl, errors: &Errors) -> bool {
    let Some((path, _)) = &item.trait_ else {
        return true;
    };
    errors.at(
        path,
        "handlers cannot be declared in a trait's impl",
        "move them to `#[web_socket_gateway] impl TheGateway { .. }`",
    );
    false
}

/// Rule: like the struct, the impl block names one type. Returns whether it does.
pub(super) fn is_of_one_type(item: &ItemImpl, errors: &Errors) -> bool {
    const HELP: &str =
        "write `impl ChatGateway { .. }`, with the name of the gateway's struct alone";
    if !item.generics.params.is_empty() {
        errors.at(&item.generics, "a gateway's impl block cannot be generic", HELP);
        return false;
    }
    let is_plain = match ungrouped_type(&item.self_ty) {
        Type::Path(path) => path.path.segments.iter().all(|segment| segment.arguments.is_none()),
        _ => false,
    };
    if !is_plain {
        errors.at(&item.self_ty, "a gateway is a struct without type parameters", HELP);
    }
    is_plain
}

/// Rule: in one block, an event has one handler, and so have all events that have none of their own. (Across blocks, and
/// for constants, the start report checks it.)
pub(super) fn no_event_twice(handlers: &[&Handler], errors: &Errors) {
    let events = handlers.iter().filter_map(|handler| Some((*handler, event(handler)?)));
    let events: Vec<_> = events.map(|(handler, (at, name))| (handler, at, name)).collect();
    let mut same: HashMap<&Handled, Vec<&Handler>> = HashMap::new();
    for (handler, _, name) in &events {
        same.entry(name).or_default().push(handler);
    }
    for (handler, event, name) in &events {
        let others = same.get(name).into_iter().flatten();
        let mut others =
            others.filter(|other| other.ident != handler.ident && can_both_exist(handler, other));
        if let Some(other) = others.next() {
            let (what, help) = match name {
                Handled::Event(_) => {
                    ("the same event", "keep one of them, or rename one of the events")
                }
                Handled::Others => (
                    "all events that have no handler of their own",
                    "keep one of them, and call the other from it",
                ),
            };
            errors.at(
                event,
                format!("`{}` and `{}` handle {what}", handler.ident, other.ident),
                help,
            );
        }
    }
}

// What a handler of messages is for, as far as that is written there.
#[derive(PartialEq, Eq, Hash)]
enum Handled {
    Event(String),
    // `_`
    Others,
}

fn event(handler: &Handler) -> Option<(&Expr, Handled)> {
    let Occasion::Message(subscription) = &handler.occasion else {
        return None;
    };
    let handled = match &subscription.event {
        Expr::Infer(_) => Handled::Others,
        event => Handled::Event(text(event)?.value()),
    };
    Some((&subscription.event, handled))
}

/// Rule: in one block, a hook is declared once.
pub(super) fn no_hook_twice(handlers: &[&Handler], errors: &Errors) {
    for handler in handlers {
        let Occasion::Hook(hook) = handler.occasion else {
            continue;
        };
        let same = handlers.iter().find(|other| {
            let is_same = matches!(other.occasion, Occasion::Hook(other) if other == hook);
            is_same && other.ident != handler.ident && can_both_exist(handler, other)
        });
        if let Some(other) = same {
            let attribute = Hook::attribute(hook);
            errors.at(
                &handler.ident,
                format!("`{}` and `{}` are both `#[{attribute}]`", handler.ident, other.ident),
                "keep one of them, and call the other from it",
            );
        }
    }
}

// Under `#[cfg]` the two may be alternatives; which of them exist is only known after us.
fn can_both_exist(one: &Handler, other: &Handler) -> bool {
    one.cfgs.is_empty() || other.cfgs.is_empty()
}
