//! Looking at tokens, where no grammar is needed. Knows nothing about gateways.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, ExprLit, GenericArgument, Lit, LitStr, PathArguments, PathSegment, Type};

/// Whether a word stands anywhere among the tokens.
pub(crate) fn mentions(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => mentions(group.stream(), word),
        _ => false,
    })
}

/// A type or a pattern as one would write it: the printer of tokens puts a space around everything.
pub(crate) fn readable(ty: &impl ToTokens) -> String {
    // The compiler's printer also breaks long lines.
    let text = ty.to_token_stream().to_string();
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (from, to) in [
        (" < ", "<"),
        (" >", ">"),
        (" :: ", "::"),
        (":: ", "::"),
        (" , ", ", "),
        (" ,", ","),
        ("& ", "&"),
        ("< ", "<"),
        (" <", "<"),
        ("( ", "("),
        (" )", ")"),
    ] {
        text = text.replace(from, to);
    }
    text
}

/// What `macro_rules!` passes on as `$value:expr` or `$value:literal`: it comes in an invisible group, which means
/// nothing around a whole value.
pub(crate) fn ungrouped(mut value: Expr) -> Expr {
    while let Expr::Group(group) = value {
        value = *group.expr;
    }
    value
}

/// The same for `$name:ty`.
pub(crate) fn ungrouped_type(mut ty: &Type) -> &Type {
    while let Type::Group(group) = ty {
        ty = &group.elem;
    }
    ty
}

/// The text of a string literal.
pub(crate) fn text(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        Expr::Group(group) => text(&group.expr),
        _ => None,
    }
}

/// A type of this name: `MessageBody` of `gateway_core::MessageBody<String>`.
pub(crate) fn named<'a>(ty: &'a Type, name: &str) -> Option<&'a PathSegment> {
    last_of(ty).filter(|last| last.ident == name)
}

/// The same, also in an `Option` or a `Result`: `Ack` of `Option<Ack>`.
pub(crate) fn taken<'a>(ty: &'a Type, name: &str) -> Option<&'a PathSegment> {
    let last = last_of(ty)?;
    match last.ident == "Option" || last.ident == "Result" {
        true => taken(parameter(last)?, name),
        false => named(ty, name),
    }
}

// The last segment of a path, also where it came out of a `macro_rules!`.
fn last_of(ty: &Type) -> Option<&PathSegment> {
    match ungrouped_type(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The first type in the angle brackets.
pub(crate) fn parameter(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// `(CONSTANT)`: the parentheses told us that it is a value, and would cause a warning where we put it.
pub(crate) fn without_parentheses(value: Expr) -> Expr {
    match value {
        Expr::Paren(inner) => *inner.expr,
        other => other,
    }
}

/// The name of a struct that is not generic. Works on tokens alone.
pub(crate) fn name_of_struct(item: TokenStream) -> Option<Ident> {
    let is_struct = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "struct");
    let mut behind = item.into_iter().skip_while(|token| !is_struct(token)).skip(1);
    let Some(TokenTree::Ident(name)) = behind.next() else {
        return None;
    };
    let is_generic =
        matches!(behind.next(), Some(TokenTree::Punct(angle)) if angle.as_char() == '<');
    (!is_generic).then_some(name)
}

/// An item without the attributes for which `is_taken` is true, given the last segment of their path: those of the
/// item, of its fields or methods, and of their parameters. Bodies of methods stay as they are. Works on tokens
/// alone, for an item that could not be parsed.
pub(crate) fn without_attributes(
    item: TokenStream,
    is_taken: &dyn Fn(&str) -> bool,
) -> TokenStream {
    strip(item, is_taken, true)
}

fn strip(item: TokenStream, is_taken: &dyn Fn(&str) -> bool, enters_braces: bool) -> TokenStream {
    let mut kept = TokenStream::new();
    let mut tokens = item.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                let is_ours = matches!(tokens.peek(), Some(TokenTree::Group(attribute))
                    if attribute.delimiter() == Delimiter::Bracket
                        && last_segment(attribute).is_some_and(|name| is_taken(&name)));
                if is_ours {
                    let _attribute = tokens.next();
                } else {
                    kept.extend([TokenTree::from(hash)]);
                }
            }
            TokenTree::Group(group)
                if group.delimiter() == Delimiter::Parenthesis
                    || (group.delimiter() == Delimiter::Brace && enters_braces) =>
            {
                let is_brace = group.delimiter() == Delimiter::Brace;
                let inner = strip(group.stream(), is_taken, enters_braces && !is_brace);
                let mut stripped = Group::new(group.delimiter(), inner);
                stripped.set_span(group.span());
                kept.extend([TokenTree::from(stripped)]);
            }
            other => kept.extend([other]),
        }
    }
    kept
}

// `subscribe_message` of `[gateway_core::subscribe_message("event")]`.
fn last_segment(attribute: &Group) -> Option<String> {
    let path = attribute.stream().into_iter().take_while(|token| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(punct) => punct.as_char() == ':',
        _ => false,
    });
    path.last().map(|segment| segment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn structs_have_names() {
        let name = |item| name_of_struct(item).map(|name| name.to_string());
        assert_eq!(
            name(quote!(
                #[a]
                pub(crate) struct A {
                    b: u8,
                }
            ))
            .as_deref(),
            Some("A")
        );
        assert_eq!(
            name(quote!(
                struct A;
            ))
            .as_deref(),
            Some("A")
        );
        assert_eq!(
            name(quote!(
                struct A<T>(T);
            )),
            None
        );
        assert_eq!(name(quote!(impl A {})), None);
    }

    #[test]
    fn attributes_are_taken_off_without_a_parser() {
        let item = quote! {
            #[ours]
            #[derive(Debug)]
            impl A {
                #[path::ours("x")]
                #[inline]
                async fn a(&self, #[ours] x: u8) { #[ours] let y = [#[ours] 1]; }
            }
        };
        let expected = quote! {
            #[derive(Debug)]
            impl A {
                #[inline]
                async fn a(&self, x: u8) { #[ours] let y = [#[ours] 1]; }
            }
        };
        let stripped = without_attributes(item, &|name| name == "ours");
        assert_eq!(stripped.to_string(), expected.to_string());
    }
}
