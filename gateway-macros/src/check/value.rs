//! The rules about the values of options, and about the names of events.

use syn::ext::IdentExt;
use syn::{Expr, ExprClosure, LitStr, Pat, Type};

use crate::errors::Errors;
use crate::model::{GatewayOptions, Given, Value};
use crate::options::Rule;
use crate::tokens::{text, ungrouped_type};

/// Applies the rules of each option; to computed values, those that can be applied now.
pub(super) fn options(options: &GatewayOptions, errors: &Errors) {
    each(&options.given, errors);
}

fn each(given: &[Given], errors: &Errors) {
    for given in given {
        match &given.value {
            Value::Setting(_, value) => setting(given.option.rule, value, errors),
            Value::Group(_, given) => each(given, errors),
            Value::On | Value::Core(_) | Value::Authenticator(_) | Value::Events(_) => {}
        }
    }
}

fn setting(rule: Rule, value: &Expr, errors: &Errors) {
    closure_takes_one_typed_parameter(value, errors);
    if let (Rule::Namespace, Expr::Array(list)) = (rule, value) {
        errors.at(
            list,
            "a gateway has one namespace, which its `Server` stands for",
            "write one gateway per namespace; what they share can be a service, or a `macro_rules!` that writes both",
        );
    }
    match (rule, text(value)) {
        (Rule::Namespace, Some(namespace)) => namespace_can_be_connected_to(namespace, errors),
        (Rule::Event, Some(event)) => event_can_be_received(event, errors),
        (Rule::Origins, _) => origins_are_a_list(value, errors),
        _ => {}
    }
}

// Rule: clients can connect to the namespace. (The start report checks computed ones.)
fn namespace_can_be_connected_to(namespace: &LitStr, errors: &Errors) {
    if let Err(error) = gateway_names::namespace(&namespace.value()) {
        errors.at(namespace, error.to_string(), error.help());
    }
}

/// Rule: the event of a subscription is a string literal, or a constant that holds one, or `_`. Returns whether it can be
/// printed as one of them.
pub(super) fn event(event: &Expr, errors: &Errors) -> bool {
    if let Some(event) = text(event) {
        event_can_be_received(event, errors);
        return true;
    }
    let literal = |name: &str| {
        format!("write `#[subscribe_message(\"{name}\")]`, with the name clients emit")
    };
    let (wrong, help) = match event {
        Expr::Path(path) => match path.path.get_ident().map(|name| name.unraw().to_string()) {
            Some(name) if name == "serial" => {
                ("`#[subscribe_message]` does not say which event", literal("send-message"))
            }
            // Constants are not written like this: the quotes are missing.
            Some(name) if name.starts_with(char::is_lowercase) => {
                ("the event must be a string, or a constant that holds one", literal(&name))
            }
            _ => return true,
        },
        Expr::Lit(_) => {
            ("the event must be a string, or a constant that holds one", literal("send-message"))
        }
        Expr::Array(_) | Expr::Tuple(_) => (
            "one `#[subscribe_message]` takes one event",
            "write a second method for a second event; it may call this one".to_owned(),
        ),
        Expr::Closure(_) => (
            "an event must be known at compile time",
            "write a string literal, or name a constant that holds one".to_owned(),
        ),
        _ => return true,
    };
    errors.at(event, wrong, help);
    false
}

// Rule: clients can send the event. (The start report checks computed ones.)
fn event_can_be_received(event: &LitStr, errors: &Errors) {
    if let Err(error) = gateway_names::received(&event.value()) {
        errors.at(event, error.to_string(), error.help());
    }
}

// Rule: `origins` lists at least one origin, as browsers write it. (The start report checks computed ones.)
fn origins_are_a_list(origins: &Expr, errors: &Errors) {
    if let Some(origin) = text(origins) {
        errors.at(
            origin,
            "`origins` is a list, even of a single origin",
            format!("write `origins = [\"{}\"]`", origin.value()),
        );
    }
    let Expr::Array(list) = origins else {
        return;
    };
    if list.elems.is_empty() {
        errors.at(
            list,
            "`origins` is empty",
            "leave `cors` out: pages from the server's own origin can always connect",
        );
    }
    for element in &list.elems {
        if let Some(origin) = text(element) {
            origin_is_one(origin, errors);
        }
    }
}

fn origin_is_one(origin: &LitStr, errors: &Errors) {
    if let Err(error) = gateway_names::origin(&origin.value()) {
        errors.at(origin, error.to_string(), error.help());
    }
}

// Rule: a value computed from the configuration is a closure whose parameter says what it takes.
fn closure_takes_one_typed_parameter(value: &Expr, errors: &Errors) {
    const HELP: &str = "write `|config: &Config| config.value`, with the type that you provide";
    let Expr::Closure(closure) = value else {
        return;
    };
    let ExprClosure { inputs, asyncness, .. } = closure;
    if let Some(asyncness) = asyncness {
        errors.at(asyncness, "an option's closure cannot be `async`", HELP);
    }
    match inputs.first() {
        Some(parameter) if inputs.len() == 1 => {
            borrows_what_its_type_says(parameter, "provided value", HELP, errors);
        }
        _ => errors.at(closure, "an option's closure takes exactly one parameter", HELP),
    }
}

/// Rule: the closure that computes a field takes services, which the types of its parameters name.
pub(super) fn initializer(closure: &ExprClosure, errors: &Errors) {
    const HELP: &str =
        "write `#[init(|config: &Config| ..)]`, with a reference for each service that it takes";
    if let Some(asyncness) = &closure.asyncness {
        errors.at(asyncness, "the closure of `#[init(..)]` cannot be `async`", HELP);
    }
    for parameter in &closure.inputs {
        borrows_what_its_type_says(parameter, "service", HELP, errors);
    }
}

fn borrows_what_its_type_says(parameter: &Pat, what: &str, help: &str, errors: &Errors) {
    match parameter {
        Pat::Type(parameter) => {
            let is_shared =
                |ty: &Type| matches!(ty, Type::Reference(to) if to.mutability.is_none());
            if !is_shared(ungrouped_type(&parameter.ty)) {
                errors.at(&parameter.ty, format!("a {what} can only be borrowed here"), help);
            }
        }
        parameter => errors.at(
            parameter,
            format!("the parameter needs a type, which says which {what} it takes"),
            help,
        ),
    }
}
