//! The attributes as functions of tokens, for the fuzz targets, which cannot call a procedural macro:
//! a second root of this crate's modules. `tests/fuzz-attributes` compiles it; the crate itself does not.

// Only `lib.rs` uses all of them.
#![allow(dead_code)]

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
mod tokens;

use proc_macro2::TokenStream;

use crate::mark::{Kind, Mark};

/// How many attributes there are for [`expansion`].
pub const ATTRIBUTES: usize = 12;

/// What the attribute of that number makes of its arguments and its item.
///
/// # Panics
/// Where there is no attribute of that number. A panic of an attribute is caught by its own boundary, and
/// comes out as an error: whoever looks for one sets a hook.
#[must_use]
pub fn expansion(number: usize, arguments: TokenStream, item: TokenStream) -> TokenStream {
    match number {
        0 => entry::web_socket_gateway(arguments, item),
        1 => entry::injectable(arguments, item),
        2 => entry::ws_error(item),
        3 => misplaced::handler(Mark::SubscribeMessage, item),
        4 => misplaced::handler(Mark::OnConnection, item),
        5 => misplaced::handler(Mark::OnDisconnect, item),
        6 => misplaced::handler(Mark::AfterInit, item),
        7 => misplaced::enhancer(Mark::Use(Kind::Guard), &arguments, item),
        8 => misplaced::enhancer(Mark::Use(Kind::Interceptor), &arguments, item),
        9 => misplaced::enhancer(Mark::Use(Kind::Pipe), &arguments, item),
        10 => misplaced::enhancer(Mark::Use(Kind::Filter), &arguments, item),
        11 => misplaced::enhancer(Mark::SetMetadata, &arguments, item),
        _ => panic!("there is no attribute {number}"),
    }
}

/// What the modules ask for in tests, of which this crate has none.
#[cfg(test)]
mod tests {
    pub(crate) fn panic_where_asked(_: &proc_macro2::TokenStream) {}
}
