//! What users write where an option was expected, and what to tell them: misspelt names, names
//! from NestJS, options that belong elsewhere or have an attribute of their own.

use proc_macro2::{Ident, TokenTree};

use crate::errors::mistake;
use crate::options::{GATEWAY, find, names};
use crate::suggest::{list, nearest, normal};

/// NestJS accepts these on each gateway and ignores all but the first gateway's. Here they belong to the server:
/// each with the call that sets it, if there is one.
const SERVER: [(&str, Option<&str>); 20] = [
    ("port", Some("app.serve(address)")),
    ("path", Some("App::builder().path(\"/socket.io\")")),
    ("transports", Some("App::builder().transports(..)")),
    ("ping_interval", Some("App::builder().ping_interval(..)")),
    ("ping_timeout", Some("App::builder().ping_timeout(..)")),
    ("max_http_buffer_size", Some("App::builder().max_payload(..)")),
    ("max_payload", Some("App::builder().max_payload(..)")),
    ("connect_timeout", Some("App::builder().connect_timeout(..)")),
    ("adapter", None),
    ("parser", None),
    ("serve_client", None),
    ("upgrade_timeout", Some("App::builder().upgrade_timeout(..)")),
    ("allow_request", None),
    ("allow_upgrades", None),
    ("per_message_deflate", None),
    ("http_compression", None),
    ("ws_engine", None),
    ("initial_packet", None),
    ("cookie", None),
    ("allow_eio3", None),
];

/// An option of the struct's attribute that does not exist.
pub(crate) fn unknown_gateway_option(key: &Ident) -> syn::Error {
    let written = key.to_string();
    let is = |name: &&str| normal(name) == normal(&written);
    if let Some((name, call)) = SERVER.iter().find(|(name, _)| is(name)) {
        return mistake(
            key,
            format!("`{key}` belongs to the whole server, not to one gateway"),
            match call {
                Some(call) => format!("write `{call}` where the application starts"),
                None => format!("`{name}` cannot be configured; `App::builder()` has what can be"),
            },
        );
    }
    match written.as_str() {
        "guards" | "interceptors" | "pipes" | "filters" => mistake(
            key,
            format!("{key} have an attribute of their own"),
            format!("write `#[use_{key}(..)]` above the struct"),
        ),
        _ => {
            let server: Vec<&str> = SERVER.iter().map(|(name, _)| *name).collect();
            let options = names(GATEWAY);
            match (nearest(&written, &options), nearest(&written, &server)) {
                (None, Some(name)) => mistake(
                    key,
                    format!("`web_socket_gateway` has no option `{key}`"),
                    format!(
                        "did you mean `{name}`? It belongs to the whole server: `App::builder()`"
                    ),
                ),
                _ => unknown(key, "web_socket_gateway", &options),
            }
        }
    }
}

/// An option that does not exist: suggests the nearest one, or lists all.
pub(crate) fn unknown(key: &Ident, attribute: &str, known: &[&str]) -> syn::Error {
    let help = match nearest(&key.to_string(), known) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.len() == 1 => format!("the only option is {}", list(known)),
        None => format!("the options are {}", list(known)),
    };
    mistake(key, format!("`{attribute}` has no option `{key}`"), help)
}

/// The options of `#[ws(..)]`.
pub(crate) const OF_ERRORS: [&str; 5] = ["code", "message", "transparent", "with", "crate"];

/// The options of `#[event(..)]`, after the name.
pub(crate) const OF_EVENTS: [&str; 3] = ["ack", "args", "crate"];

/// Something that is not a name where one of these options is expected.
pub(crate) fn event_literal(written: &TokenTree) -> syn::Error {
    let help = format!("the options are {}", list(&OF_EVENTS));
    mistake(written, "an event has one name", help)
}

/// Something that is not a name where one of these options is expected.
pub(crate) fn error_literal(written: &TokenTree) -> syn::Error {
    let text = written.to_string();
    let help = match text.starts_with('"') {
        true => format!("write `code = {text}`"),
        false => format!("the options are {}", list(&OF_ERRORS)),
    };
    mistake(written, "an option needs a name", help)
}

/// An option on an impl block.
pub(crate) fn option_on_block(key: &Ident) -> syn::Error {
    if find(GATEWAY, key.to_string()).is_some() {
        return mistake(
            key,
            format!("`{key}` belongs on the struct, not on its impl block"),
            "move it to `#[web_socket_gateway(..)]` above the struct; an impl block has only `emits(..)`",
        );
    }
    // "Move it" would be bad advice: it does not exist on the struct either.
    unknown_gateway_option(key)
}

/// Something that is not a name where an option of the struct's attribute is expected.
pub(crate) fn gateway_literal(written: &TokenTree) -> syn::Error {
    let text = written.to_string();
    if text.starts_with('"') {
        return mistake(written, "an option needs a name", format!("write `namespace = {text}`"));
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return mistake(
            written,
            "a gateway has no port of its own",
            "write `app.serve(address)` where the application starts",
        );
    }
    mistake(
        written,
        "an option is written `name = value`",
        format!(
            "write `#[web_socket_gateway(namespace = \"/chat\")]`; the options are {}",
            list(&names(GATEWAY))
        ),
    )
}

/// The same on an impl block.
pub(crate) fn block_literal(written: &TokenTree) -> syn::Error {
    mistake(
        written,
        "the only option of an impl block is `emits(..)`",
        "write `#[web_socket_gateway]` here, and the other options above the struct",
    )
}

/// The same after the event of a subscription.
pub(crate) fn message_literal(written: &TokenTree) -> syn::Error {
    mistake(
        written,
        "one `#[subscribe_message]` takes one event",
        "write a second method for a second event; it may call this one",
    )
}

/// The same in `#[injectable(..)]`.
pub(crate) fn injectable_literal(written: &TokenTree) -> syn::Error {
    mistake(
        written,
        "this is not an option",
        "write `#[injectable]` or `#[injectable(as dyn Trait)]`",
    )
}
