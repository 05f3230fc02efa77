//! The attributes of `gateway-core`: they state facts about gateways and submit them.
//!
//! Applications depend on `gateway-core`, which re-exports and documents every attribute; this
//! crate is its other half and knows nothing but the names in `gateway_core::private`.
//!
//! `entry` shows how an attribute is expanded: `read` takes the item apart into the `model` (`attr` is the grammar
//! of the arguments, `options` the table of a gateway's options), `check` applies the rules, and `expand` prints.
//! Mistakes are collected in an `errors::Errors` and come out together, beside the user's item.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod attr;
mod check;
mod core_path;
mod entry;
mod errors;
mod expand;
mod known;
mod mark;
mod misplaced;
mod model;
mod options;
mod read;
mod suggest;
#[cfg(test)]
mod tests;
mod tokens;

use proc_macro::TokenStream;

use crate::mark::{Kind, Mark};

/// Declares a gateway (on its struct) or its handlers (on its impl blocks).
///
/// Documented where applications find it: `gateway_core::web_socket_gateway`.
#[proc_macro_attribute]
pub fn web_socket_gateway(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::web_socket_gateway(arguments.into(), item.into()).into()
}

/// Makes a struct a service whose fields are injected.
///
/// Documented where applications find it: `gateway_core::injectable`.
#[proc_macro_attribute]
pub fn injectable(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::injectable(arguments.into(), item.into()).into()
}

/// Makes an error define what a client is told about it.
///
/// Documented where applications find it: `gateway_core::WsError`.
#[proc_macro_derive(WsError, attributes(ws))]
pub fn ws_error(item: TokenStream) -> TokenStream {
    entry::ws_error(item.into()).into()
}

/// Declares an event that clients are sent: its name, and what it is acknowledged with.
///
/// Documented where applications find it: `gateway_core::Event`.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(item: TokenStream) -> TokenStream {
    entry::event(item.into()).into()
}

/// Makes a method of a gateway the handler of an event.
///
/// Documented where applications find it: `gateway_core::subscribe_message`.
#[proc_macro_attribute]
pub fn subscribe_message(_: TokenStream, item: TokenStream) -> TokenStream {
    misplaced::handler(Mark::SubscribeMessage, item.into()).into()
}

/// Makes a method of a gateway run when a client has connected.
///
/// Documented where applications find it: `gateway_core::on_connection`.
#[proc_macro_attribute]
pub fn on_connection(_: TokenStream, item: TokenStream) -> TokenStream {
    misplaced::handler(Mark::OnConnection, item.into()).into()
}

/// Makes a method of a gateway run when a client has left.
///
/// Documented where applications find it: `gateway_core::on_disconnect`.
#[proc_macro_attribute]
pub fn on_disconnect(_: TokenStream, item: TokenStream) -> TokenStream {
    misplaced::handler(Mark::OnDisconnect, item.into()).into()
}

/// Makes a method of a gateway run once, before the first client.
///
/// Documented where applications find it: `gateway_core::after_init`.
#[proc_macro_attribute]
pub fn after_init(_: TokenStream, item: TokenStream) -> TokenStream {
    misplaced::handler(Mark::AfterInit, item.into()).into()
}

/// Applies guards, which decide whether a message is handled, to a gateway or to one handler.
///
/// Documented where applications find it: `gateway_core::use_guards`.
#[proc_macro_attribute]
pub fn use_guards(arguments: TokenStream, item: TokenStream) -> TokenStream {
    misplaced::enhancer(Mark::Use(Kind::Guard), &arguments.into(), item.into()).into()
}

/// Applies interceptors, which run around handlers, to a gateway or to one handler.
///
/// Documented where applications find it: `gateway_core::use_interceptors`.
#[proc_macro_attribute]
pub fn use_interceptors(arguments: TokenStream, item: TokenStream) -> TokenStream {
    misplaced::enhancer(Mark::Use(Kind::Interceptor), &arguments.into(), item.into()).into()
}

/// Applies pipes, which transform payloads, to a gateway, to one handler or to one argument.
///
/// Documented where applications find it: `gateway_core::use_pipes`.
#[proc_macro_attribute]
pub fn use_pipes(arguments: TokenStream, item: TokenStream) -> TokenStream {
    misplaced::enhancer(Mark::Use(Kind::Pipe), &arguments.into(), item.into()).into()
}

/// Applies exception filters, which answer for errors, to a gateway or to one handler.
///
/// Documented where applications find it: `gateway_core::use_filters`.
#[proc_macro_attribute]
pub fn use_filters(arguments: TokenStream, item: TokenStream) -> TokenStream {
    misplaced::enhancer(Mark::Use(Kind::Filter), &arguments.into(), item.into()).into()
}

/// Attaches a value to a gateway or a handler, for guards and other enhancers to read.
///
/// Documented where applications find it: `gateway_core::set_metadata`.
#[proc_macro_attribute]
pub fn set_metadata(arguments: TokenStream, item: TokenStream) -> TokenStream {
    misplaced::enhancer(Mark::SetMetadata, &arguments.into(), item.into()).into()
}
