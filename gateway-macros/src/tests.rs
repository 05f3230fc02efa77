//! The expansion as snapshots, its size, and what can be said of errors without a compiler.
//! What the compiler makes of it is tested in the workspace's `tests/ui`.

mod expansion;
mod mistakes;

use proc_macro2::TokenStream;
use quote::quote;

/// The tokens as a file one can read.
fn pretty(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).expect("the expansion is valid Rust"))
}

/// The messages of all `compile_error!`s in an expansion.
fn messages(tokens: TokenStream) -> Vec<String> {
    let file: syn::File = syn::parse2(tokens).expect("the expansion is valid Rust");
    let is_error = |mac: &syn::Macro| {
        mac.path.segments.last().is_some_and(|segment| segment.ident == "compile_error")
    };
    let macros = file.items.into_iter().filter_map(|item| match item {
        syn::Item::Macro(item) if is_error(&item.mac) => Some(item.mac),
        _ => None,
    });
    macros.map(|mac| mac.parse_body::<syn::LitStr>().expect("a message").value()).collect()
}

/// A gateway's impl block around `items`.
fn block(items: &TokenStream) -> TokenStream {
    crate::entry::web_socket_gateway(TokenStream::new(), quote!(impl ChatGateway { #items }))
}

/// A bug of ours: the expansion of an item that names this type.
pub(crate) fn panic_where_asked(item: &TokenStream) {
    assert!(!crate::tokens::mentions(item.clone(), "PanicsInTheMacro"), "a bug of ours");
}
