//! Lists of options and of other entries, between commas: whatever the entries are.
//!
//! A mistake in one entry is recorded, and the next entry is read.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::Token;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};

use crate::errors::{Errors, mistake};

/// Reads `key ..., key ..., ...`, and calls `read` after each key. Rule: no option twice. `literal` makes the
/// mistake for something that is not a key.
pub(crate) fn each_option(
    arguments: TokenStream,
    errors: &Errors,
    literal: fn(&TokenTree) -> syn::Error,
    mut read: impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
) {
    let mut seen: Vec<Ident> = Vec::new();
    each_entry(arguments, errors, |input| {
        if !input.peek(syn::Ident::peek_any) {
            return Err(literal(&input.parse()?));
        }
        let key = Ident::parse_any(input)?;
        if let Some(first) = seen.iter().find(|first| **first == key) {
            let wrong = format!("the option `{key}` is given twice");
            errors.at(first, &wrong, "keep one of the two");
            return Err(mistake(&key, &wrong, "keep one of the two"));
        }
        seen.push(key.clone());
        read(&key, input)
    });
}

/// Reads entries between commas. After a mistake, goes on after the next comma.
pub(crate) fn each_entry(
    arguments: TokenStream,
    errors: &Errors,
    mut read: impl FnMut(ParseStream<'_>) -> syn::Result<()>,
) {
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = read(input) {
                errors.push(error);
                skip_entry(input)?;
            } else if !input.is_empty() && !input.peek(Token![,]) {
                let next: TokenTree = input.parse()?;
                errors.at(next, "this does not belong here", "separate entries with a comma");
                skip_entry(input)?;
            }
            let _comma: Option<Token![,]> = input.parse()?;
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(arguments) {
        errors.push(error);
    }
}

fn skip_entry(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _skipped: TokenTree = input.parse()?;
    }
    Ok(())
}

/// Rule: an option that has a value is written `key = value`.
pub(crate) fn assign(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<()> {
    let help = format!("write `{example}`");
    if input.peek(Token![=]) {
        let equals: Token![=] = input.parse()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(mistake(equals, format!("the value of `{key}` is missing"), help));
        }
        return Ok(());
    }
    if input.is_empty() || input.peek(Token![,]) {
        return Err(mistake(key, format!("`{key}` needs a value"), help));
    }
    Err(mistake(key, format!("the value of `{key}` comes after `=`"), help))
}

/// Rule: a flag is switched on by its name alone.
pub(crate) fn flag(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    Err(mistake(
        key,
        format!("`{key}` takes no value"),
        format!("write `{key}` to switch it on, or leave it out"),
    ))
}
