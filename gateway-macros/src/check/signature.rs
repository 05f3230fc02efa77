//! The rules about a handler's signature: what the framework can call.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, GenericParam, Pat, PatType, ReceiverKind, Safety, Signature, Type};

use crate::errors::Errors;
use crate::tokens::{mentions, named, parameter, readable, taken, ungrouped_type};

/// Applies all rules; returns whether a call to the method can be generated. (Not with a `_` in a type: the compiler
/// reports it where it is written, and would again where we repeat it.)
pub(super) fn can_be_called(signature: &Signature, errors: &Errors) -> bool {
    let before = errors.count();
    has_no_qualifiers(signature, errors);
    is_async(signature, errors);
    takes_shared_self(signature, errors);
    is_not_generic(signature, errors);
    payload_is_taken_once(signature, errors);
    ack_is_taken_once(signature, errors);
    for argument in &signature.inputs {
        if let FnArg::Typed(argument) = argument {
            argument_is_unconditional(argument, errors);
            argument_is_owned(argument, errors);
        }
    }
    errors.count() == before && !has_placeholder(signature)
}

fn has_placeholder(signature: &Signature) -> bool {
    signature.inputs.iter().any(|argument| match argument {
        FnArg::Typed(argument) => mentions(argument.ty.to_token_stream(), "_"),
        FnArg::Receiver(_) => false,
    })
}

// Rule: a handler is an ordinary function: not `const`, not `unsafe`, of Rust's own ABI.
fn has_no_qualifiers(signature: &Signature, errors: &Errors) {
    let help = || format!("write `async fn {}(&self)`", signature.ident);
    if let Some(constness) = &signature.constness {
        errors.at(constness, "a handler cannot be `const`", help());
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.at(token, "a handler cannot be `unsafe`: clients decide when it is called", help());
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, "a handler cannot be `extern`", help());
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(
            variadic,
            "a handler cannot be variadic: each of its parameters is an extractor",
            help(),
        );
    }
}

// Rule: a handler is `async`, so that it can wait without holding up its connection.
fn is_async(signature: &Signature, errors: &Errors) {
    if signature.asyncness.is_none() && signature.constness.is_none() {
        errors.at(
            signature.fn_token,
            format!("the handler `{}` is not `async`", signature.ident),
            format!("write `async fn {}`", signature.ident),
        );
    }
}

// Rule: a handler takes `&self`: one gateway serves all sockets at the same time.
fn takes_shared_self(signature: &Signature, errors: &Errors) {
    let ident = &signature.ident;
    let Some(receiver) = signature.receiver() else {
        errors.at(
            ident,
            format!("the handler `{ident}` does not take `&self`"),
            format!("write `async fn {ident}(&self, ..)`"),
        );
        return;
    };
    match &receiver.kind {
        ReceiverKind::Reference(_, None, None) => {}
        // A lifetime that the handler declares is reported where it is declared.
        ReceiverKind::Reference(_, Some(_), None) if has_lifetimes(signature) => {}
        ReceiverKind::Reference(_, _, Some(_)) => errors.at(
            receiver,
            "a handler cannot take `&mut self`: one gateway serves all sockets at once",
            "write `&self`, and keep what changes in a `Mutex` or an atomic",
        ),
        ReceiverKind::Reference(_, Some(lifetime), None) => {
            errors.at(
                lifetime,
                "a handler's `&self` cannot have a named lifetime",
                "write `&self`",
            );
        }
        ReceiverKind::Value => errors.at(
            receiver,
            "a handler cannot take `self` by value: the gateway lives on",
            "write `&self`",
        ),
        _ => errors.at(
            receiver,
            "a handler takes `&self`, and no other kind of `self`",
            "write `&self`",
        ),
    }
}

fn has_lifetimes(signature: &Signature) -> bool {
    signature.generics.lifetimes().next().is_some()
}

// Rule: a handler has no generic parameters: nothing would choose them.
fn is_not_generic(signature: &Signature, errors: &Errors) {
    for parameter in &signature.generics.params {
        let (what, help) = match parameter {
            GenericParam::Lifetime(_) => (
                "a lifetime parameter",
                "take arguments by value, as in `body: MessageBody<String>`",
            ),
            GenericParam::Type(_) => (
                "a type parameter",
                "name the type the client sends, as in `MessageBody<SendMessage>`",
            ),
            GenericParam::Const(_) => ("a const parameter", "write the value inside the handler"),
        };
        errors.at(parameter, format!("the handler `{}` cannot have {what}", signature.ident), help);
    }
    for argument in &signature.inputs {
        let FnArg::Typed(argument) = argument else {
            continue;
        };
        if mentions(argument.ty.to_token_stream(), "impl") {
            errors.at(
                &argument.ty,
                format!("the handler `{}` cannot take an `impl Trait`", signature.ident),
                "name the type: it decides what is taken from the message",
            );
        }
    }
}

// Rule: arguments are taken from a message that may be gone before the handler ends, so they are owned.
fn argument_is_owned(argument: &PatType, errors: &Errors) {
    match ungrouped_type(&argument.ty) {
        Type::Reference(reference) => errors.at(
            reference,
            "a handler takes its arguments by value",
            match owned(&reference.elem) {
                Some(owned) => format!("write `{owned}`"),
                None => format!("write `{}`, without the `&`", readable(&reference.elem)),
            },
        ),
        ty if borrows(ty.to_token_stream()) => errors.at(
            ty,
            "a handler's arguments cannot borrow from the message",
            "name an owned type: `String` for `&str`, `Vec<T>` for `&[T]`",
        ),
        _ => {}
    }
}

// What replaces a borrowed text or slice, which is not an extractor once the `&` is gone: the whole argument, since
// somebody who borrows one wants the payload.
fn owned(borrowed: &Type) -> Option<String> {
    match ungrouped_type(borrowed) {
        Type::Path(path) if path.path.is_ident("str") => Some("MessageBody<String>".to_owned()),
        Type::Slice(slice) => Some(match readable(&slice.elem).as_str() {
            "u8" => "Bytes".to_owned(),
            element => format!("MessageBody<Vec<{element}>>"),
        }),
        _ => None,
    }
}

// Whether a reference without `'static`, or the lifetime `'_`, occurs anywhere in a type.
fn borrows(tokens: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_punct = |token: Option<&TokenTree>, expected: char| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == expected);
    let is_ident = |token: Option<&TokenTree>, expected: &str| matches!(token, Some(TokenTree::Ident(ident)) if ident == expected);
    tokens.iter().enumerate().any(|(index, token)| match token {
        TokenTree::Group(group) => borrows(group.stream()),
        TokenTree::Punct(punct) if punct.as_char() == '&' => {
            let is_lifetime = is_punct(tokens.get(index + 1), '\'');
            !(is_lifetime && is_ident(tokens.get(index + 2), "static"))
        }
        TokenTree::Punct(punct) if punct.as_char() == '\'' => is_ident(tokens.get(index + 1), "_"),
        _ => false,
    })
}

fn typed(signature: &Signature) -> impl Iterator<Item = &PatType> {
    signature.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    })
}

// Rule: the payload is taken once. Two `MessageBody`s are not the first and the second argument: each of them is the
// first. (One that may fail is allowed beside another, and so is the list of all arguments. The start report checks
// those that go by another name.)
fn payload_is_taken_once(signature: &Signature, errors: &Errors) {
    let bodies: Vec<(&PatType, &Type)> = typed(signature)
        .filter_map(|argument| Some((argument, parameter(named(&argument.ty, "MessageBody")?)?)))
        .filter(|(_, of)| named(of, "Arguments").is_none())
        .collect();
    let help = match written_as_one(&bodies) {
        Some(one) => format!("positional arguments are taken as one tuple: write `{one}`"),
        None => {
            "positional arguments are taken as one tuple: write `MessageBody((a, b)): MessageBody<(A, B)>`"
                .to_owned()
        }
    };
    for (second, _) in bodies.iter().skip(1) {
        errors.at(&second.ty, "the message's payload is already taken", &help);
    }
}

// `MessageBody((a, b)): MessageBody<(A, B)>`, with the user's names and types.
fn written_as_one(bodies: &[(&PatType, &Type)]) -> Option<String> {
    let (mut names, mut types) = (Vec::new(), Vec::new());
    for (argument, of) in bodies {
        if named(of, "Valid").is_some() {
            return None;
        }
        types.push(readable(of));
        names.push(match &*argument.pat {
            Pat::TupleStruct(pattern) => readable(pattern.elems.first()?),
            pattern => readable(pattern),
        });
    }
    Some(format!("MessageBody(({})): MessageBody<({})>", names.join(", "), types.join(", ")))
}

// Rule: a message has one acknowledgement.
fn ack_is_taken_once(signature: &Signature, errors: &Errors) {
    let acks = typed(signature).filter(|argument| taken(&argument.ty, "Ack").is_some());
    for second in acks.skip(1) {
        errors.at(
            &second.ty,
            "a message has one acknowledgement, and it is already taken",
            "take one `Ack`; it may be moved to whoever answers",
        );
    }
}

// Rule: no `#[cfg]` on a parameter: the call is generated before it would be evaluated.
fn argument_is_unconditional(argument: &PatType, errors: &Errors) {
    let is_cfg = |path: &syn::Path| path.is_ident("cfg") || path.is_ident("cfg_attr");
    for attribute in argument.attrs.iter().filter(|attribute| is_cfg(attribute.path())) {
        errors.at(
            attribute,
            "a handler's parameter cannot be conditional",
            "put `#[cfg(..)]` on the handler, and write the handler twice",
        );
    }
}
