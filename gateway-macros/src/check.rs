//! The rules, one function each, with the rule above it: here what attributes say and how the
//! handlers of a block fit together; in [`place`] where attributes stand; in [`signature`] what
//! a handler looks like.

mod place;
pub(crate) mod signature;

use syn::{Expr, ExprClosure, ExprLit, ItemImpl, ItemStruct, Lit, LitStr, Pat, Type};

pub(crate) use self::place::*;
pub(crate) use self::signature::method_can_be_called;
use crate::errors::Errors;
use crate::model::{GatewayOptions, Handler, Hook, Occasion, Setting, Subscription};

const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Rules about the values of the struct's options.
pub(crate) fn options(options: &GatewayOptions, errors: &Errors) {
    let settings = [
        &options.namespace,
        &options.concurrency,
        &options.inbox_messages,
        &options.inbox_bytes,
        &options.overflow,
        &options.reauthenticate,
    ];
    let cors = options.cors.iter().flat_map(|cors| [&cors.origins, &cors.credentials]);
    let presence = options.presence.iter().map(|presence| &presence.grace);
    for setting in settings.into_iter().chain(cors).chain(presence).flatten() {
        closure_takes_one_typed_parameter(setting, errors);
    }
    if let Some(namespace) = options.namespace.as_ref().and_then(text) {
        namespace_can_be_connected_to(namespace, errors);
    }
    if let Some(renewal) = options.reauthenticate.as_ref().and_then(text) {
        event(renewal, errors);
    }
    if let Some(origins) = options.cors.as_ref().and_then(|cors| cors.origins.as_ref()) {
        origins_are_a_list(origins, errors);
    }
}

fn text(setting: &Setting) -> Option<&LitStr> {
    match &setting.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        _ => None,
    }
}

// Rule: `origins` lists at least one origin, as browsers write it: `scheme://host:port`. (Of those
// that are computed the start report says so.)
fn origins_are_a_list(origins: &Setting, errors: &Errors) {
    if let Some(origin) = text(origins) {
        errors.at(
            origin,
            "`origins` is a list, even of one",
            format!("write `origins = [\"{}\"]`", origin.value()),
        );
    }
    let Expr::Array(list) = &origins.value else {
        return;
    };
    if list.elems.is_empty() {
        errors.at(
            list,
            "`origins` lists no origin",
            "leave `cors` out: pages of the server's own origin can connect anyway",
        );
    }
    for element in &list.elems {
        if let Expr::Lit(ExprLit { lit: Lit::Str(origin), .. }) = element {
            origin_is_one(origin, errors);
        }
    }
}

fn origin_is_one(literal: &LitStr, errors: &Errors) {
    let origin = literal.value();
    let Some((scheme, rest)) = origin.split_once("://") else {
        if origin != "*" {
            errors.at(
                literal,
                "an origin begins with its scheme",
                format!("write `\"https://{origin}\"`, as in the browser's address bar"),
            );
        }
        return;
    };
    if let Some((host, _)) = rest.split_once('/') {
        errors.at(
            literal,
            "an origin ends with its host and port",
            format!("write `\"{scheme}://{host}\"`: browsers send no path along"),
        );
    }
}

// Rule: a value computed from the configuration is a closure whose parameter says what it takes.
fn closure_takes_one_typed_parameter(setting: &Setting, errors: &Errors) {
    const HELP: &str = "write `|config: &Config| config.value`, with the type that was provided";
    let Expr::Closure(closure) = &setting.value else {
        return;
    };
    let ExprClosure { inputs, asyncness, .. } = closure;
    if let Some(asyncness) = asyncness {
        errors.at(asyncness, "an option's closure cannot be `async`", HELP);
    }
    match inputs.first() {
        Some(Pat::Type(parameter)) if inputs.len() == 1 => {
            if !matches!(*parameter.ty, Type::Reference(_)) {
                errors.at(&parameter.ty, "what was provided can only be borrowed here", HELP);
            }
        }
        Some(parameter) if inputs.len() == 1 => {
            errors.at(parameter, "the parameter's type says what is taken from the provider", HELP);
        }
        _ => errors.at(closure, "an option's closure has one parameter", HELP),
    }
}

// Rule: a namespace begins with a slash; `,` and `?` end its name on the wire.
fn namespace_can_be_connected_to(namespace: &LitStr, errors: &Errors) {
    let value = namespace.value();
    if value.is_empty() {
        errors.at(
            namespace,
            "the namespace is empty",
            "write `namespace = \"/chat\"`, or leave the option out for the default `/`",
        );
    } else if let Some(character) = value.chars().find(|c| matches!(c, ',' | '?')) {
        errors.at(
            namespace,
            format!(
                "a namespace cannot contain `{character}`: its name would end there on the wire"
            ),
            "use letters, digits, `-`, `_` and `/`",
        );
    } else if !value.starts_with('/') {
        errors.at(
            namespace,
            "a namespace begins with `/`",
            format!("write `namespace = \"/{value}\"`"),
        );
    }
}

/// Rule: a gateway or service is one value, built once, so its type has no parameters.
pub(crate) fn struct_is_not_generic(item: &ItemStruct, errors: &Errors) {
    if item.generics.params.is_empty() {
        return;
    }
    errors.at(
        &item.generics,
        format!("`{}` is built once at start, so it cannot be generic", item.ident),
        "name the types; a field of type `Arc<dyn Trait>` leaves the choice to what is provided",
    );
}

/// Rule: handlers are written in an inherent impl: those of a trait are called by whom they are for.
pub(crate) fn is_no_trait_impl(item: &ItemImpl, errors: &Errors) {
    if let Some((path, _)) = &item.trait_ {
        errors.at(
            path,
            "handlers cannot stand in the impl of a trait",
            "move them to `#[web_socket_gateway] impl TheGateway { .. }`",
        );
    }
}

/// Rule: as the struct, the impl block names one type.
pub(crate) fn block_is_not_generic(item: &ItemImpl, errors: &Errors) {
    const HELP: &str =
        "write `impl ChatGateway { .. }`, with the name of the gateway's struct alone";
    if !item.generics.params.is_empty() {
        errors.at(&item.generics, "a gateway's impl block cannot be generic", HELP);
        return;
    }
    let is_plain = match &*item.self_ty {
        Type::Path(path) => path.path.segments.iter().all(|segment| segment.arguments.is_none()),
        _ => false,
    };
    if !is_plain {
        errors.at(&item.self_ty, "a gateway is a struct without type parameters", HELP);
    }
}

/// Rule: an impl block marked as a gateway's declares something.
pub(crate) fn has_a_handler(item: &ItemImpl, errors: &Errors) {
    errors.at_attribute(
        item,
        "this impl block declares no handler",
        "put `#[subscribe_message(\"event\")]` above a method, or remove `#[web_socket_gateway]` here",
    );
}

/// Rules about the event of a message.
pub(crate) fn occasion(occasion: &Occasion, errors: &Errors) {
    if let Occasion::Message(subscription) = occasion {
        event(&subscription.event, errors);
    }
}

// Rules about an event's name: what a client cannot send, or what would close its connection.
fn event(literal: &LitStr, errors: &Errors) {
    let event = literal.value();
    let printable = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    if event.is_empty() {
        errors.at(
            literal,
            "the event's name is empty",
            "write the name clients emit, as in `#[subscribe_message(\"send-message\")]`",
        );
    } else if let Some(character) = event.chars().find(|c| !printable(*c)) {
        // The base reads the name without unescaping it, and drops the connection when it cannot.
        errors.at(
            literal,
            format!("an event's name cannot contain {}", describe(character)),
            "use printable ASCII without `\"` and `\\`: clients that escape the name in JSON would be disconnected",
        );
    } else if event.chars().all(|c| c.is_ascii_digit()) {
        errors.at(
            literal,
            "an event's name cannot be a number: the connection of a client that emits it is closed",
            format!("begin it with a letter, as in `event-{event}`"),
        );
    } else if RESERVED_EVENTS.contains(&event.as_str()) {
        errors.at(
            literal,
            format!("`{event}` is reserved by the protocol, clients cannot emit it"),
            match event.as_str() {
                "connect" => "write `#[on_connection]` for the moment a client connects",
                "disconnect" | "disconnecting" => {
                    "write `#[on_disconnect]` for the moment a client leaves"
                }
                _ => "choose another name",
            },
        );
    }
}

/// Rule: in one block, an event has one handler. (Across blocks the start report says so.)
pub(crate) fn no_event_twice(handlers: &[Handler], errors: &Errors) {
    for handler in handlers {
        let Occasion::Message(Subscription { event, .. }) = &handler.occasion else {
            continue;
        };
        let same = handlers.iter().find(|other| {
            let is_same =
                matches!(&other.occasion, Occasion::Message(s) if s.event.value() == event.value());
            is_same && other.ident != handler.ident && can_both_exist(handler, other)
        });
        if let Some(other) = same {
            errors.at(
                event,
                format!("`{}` and `{}` handle the same event", handler.ident, other.ident),
                "keep one of them, or rename one of the events",
            );
        }
    }
}

/// Rule: in one block, a hook is declared once.
pub(crate) fn no_hook_twice(handlers: &[Handler], errors: &Errors) {
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

fn describe(character: char) -> String {
    match character {
        '"' => "a double quote".to_owned(),
        '\\' => "a backslash".to_owned(),
        c if c.is_control() => "a control character".to_owned(),
        c => format!("`{c}`"),
    }
}
