//! The error bag: every mistake goes in, and all come out together as `compile_error!`s.
//!
//! It knows nothing about gateways. A bag that is dropped without [`Errors::finish`] would swallow the user's
//! mistakes, so in this crate's own tests that panics.

use std::cell::RefCell;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The mistakes found so far. Shared by reference, so that rules need no `&mut`.
pub(crate) struct Errors {
    found: RefCell<Option<Vec<syn::Error>>>,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self { found: RefCell::new(Some(Vec::new())) }
    }

    /// Underlines all of `tokens`, says what is wrong and, on a line of its own, what to write.
    pub(crate) fn at(&self, tokens: impl ToTokens, wrong: impl AsRef<str>, help: impl AsRef<str>) {
        self.push(syn::Error::new_spanned(tokens, message(wrong.as_ref(), help.as_ref())));
    }

    /// Like [`Errors::at`], but underlines the attribute that is being expanded. The span has the hygiene of the
    /// user's `item`, so that the compiler adds no note about macros.
    pub(crate) fn at_attribute(
        &self,
        item: &impl ToTokens,
        wrong: impl AsRef<str>,
        help: impl AsRef<str>,
    ) {
        // The last token, because the first may be an attribute of ours.
        let last = item.to_token_stream().into_iter().last();
        let user = last.map_or_else(Span::call_site, |token| token.span());
        let span = Span::call_site().resolved_at(user);
        self.push(syn::Error::new(span, message(wrong.as_ref(), help.as_ref())));
    }

    /// A mistake that already has its message.
    pub(crate) fn push(&self, error: syn::Error) {
        if let Some(found) = self.found.borrow_mut().as_mut() {
            found.push(error);
        }
    }

    /// How many there are: if the number has grown, a rule was broken.
    pub(crate) fn count(&self) -> usize {
        self.found.borrow().as_ref().map_or(0, Vec::len)
    }

    /// All mistakes as tokens; empty when there were none.
    pub(crate) fn finish(self) -> TokenStream {
        let found = self.found.borrow_mut().take().unwrap_or_default();
        found.iter().map(syn::Error::to_compile_error).collect()
    }
}

/// One mistake as a [`syn::Error`], for parsers that stop at the first.
pub(crate) fn mistake(
    tokens: impl ToTokens,
    wrong: impl AsRef<str>,
    help: impl AsRef<str>,
) -> syn::Error {
    syn::Error::new_spanned(tokens, message(wrong.as_ref(), help.as_ref()))
}

/// A parser's mistake, with what to write instead.
pub(crate) fn with_help(error: &syn::Error, help: impl AsRef<str>) -> syn::Error {
    syn::Error::new(error.span(), message(&error.to_string(), help.as_ref()))
}

// `compile_error!` keeps line breaks, so the help has a line of its own, as in rustc's messages.
fn message(wrong: &str, help: &str) -> String {
    format!("{wrong}\nhelp: {help}")
}

#[cfg(test)]
impl Drop for Errors {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(
                self.found.borrow().is_none(),
                "the mistakes were never reported: call `finish`"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn every_mistake_comes_out() {
        let errors = Errors::new();
        errors.at(quote!(a), "first", "one");
        errors.at(quote!(b), "second", "two");
        assert_eq!(errors.count(), 2);
        let tokens = errors.finish().to_string();
        assert!(tokens.contains("first\\nhelp: one"), "{tokens}");
        assert!(tokens.contains("second\\nhelp: two"), "{tokens}");
    }

    #[test]
    #[should_panic(expected = "never reported")]
    fn a_bag_that_is_not_finished_panics() {
        drop(Errors::new());
    }
}
