//! The grammar of the attributes' arguments: tokens in, facts with spans out.
//!
//! A mistake in one option is noted and the next option is read: all come out in one pass. Whether
//! the facts make sense is for [`crate::check`] to say.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{
    Attribute, Expr, ExprLit, Lit, LitStr, Meta, Path, PathArguments, Token, Type, TypePath,
    parenthesized,
};

use crate::check::signature::readable;
use crate::errors::{Errors, mistake, with_help};
use crate::known;
use crate::mark::Kind;
use crate::model::{
    Cors, Entry, GatewayOptions, InjectableOptions, Presence, Setting, Source, Subscription,
};

/// `#[web_socket_gateway(..)]` on a struct.
pub(crate) fn gateway_options(arguments: TokenStream, errors: &Errors) -> GatewayOptions {
    let mut options = GatewayOptions::default();
    each_option(arguments, errors, known::gateway_literal, |key, input| {
        match key.to_string().as_str() {
            "crate" => options.core = Some(value(key, input, "crate = my_reexport::gateway_core")?),
            "namespace" => options.namespace = Some(setting(key, input, "namespace = \"/chat\"")?),
            "authenticate" => options.authenticate = Some(authenticator(key, input)?),
            "serial" => {
                flag(key, input)?;
                options.serial = true;
            }
            "concurrency" => options.concurrency = Some(setting(key, input, "concurrency = 64")?),
            "overflow" => {
                let example = "overflow = Overflow::DropNewest";
                options.overflow = Some(setting(key, input, example)?);
            }
            "inbox" => inbox(key, input, errors, &mut options)?,
            "reauthenticate" => {
                let example = "reauthenticate = \"reauthenticate\"";
                options.reauthenticate = Some(setting(key, input, example)?);
            }
            "cors" => options.cors = Some(cors(key, input, errors)?),
            "presence" => options.presence = Some(presence(key, input, errors)?),
            _ => return Err(known::unknown_gateway_option(key)),
        }
        Ok(())
    });
    options
}

/// `#[web_socket_gateway(..)]` on an impl block, which only needs to know where the core is.
pub(crate) fn block_options(arguments: TokenStream, errors: &Errors) -> Option<Path> {
    let mut core = None;
    each_option(arguments, errors, known::block_literal, |key, input| {
        if key != "crate" {
            return Err(known::option_on_block(key));
        }
        core = Some(value(key, input, "crate = my_reexport::gateway_core")?);
        Ok(())
    });
    core
}

/// `#[injectable(..)]`.
pub(crate) fn injectable_options(arguments: TokenStream, errors: &Errors) -> InjectableOptions {
    let mut options = InjectableOptions::default();
    each_option(arguments, errors, known::injectable_literal, |key, input| {
        match key.to_string().as_str() {
            "crate" => {
                options.core = Some(value(key, input, "crate = my_reexport::gateway_core")?);
            }
            "as" => {
                let ty: Type = input.parse()?;
                if !matches!(ty, Type::TraitObject(_)) {
                    return Err(mistake(
                        &ty,
                        "`as` names the trait other services ask for",
                        "write `#[injectable(as dyn Trait)]`, with the word `dyn`",
                    ));
                }
                options.provides = Some(ty);
            }
            _ => return Err(known::unknown(key, "injectable", &["as", "crate"])),
        }
        Ok(())
    });
    options
}

/// `#[subscribe_message("event", serial)]`. `None` when there is no event to go on with.
pub(crate) fn subscription(attribute: &Attribute, errors: &Errors) -> Option<Subscription> {
    const HELP: &str = "write `#[subscribe_message(\"send-message\")]`, with the name clients emit";
    let arguments = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        Meta::Path(_) => TokenStream::new(),
        Meta::NameValue(pair) => {
            errors.at(pair, "the event stands in parentheses", HELP);
            return None;
        }
    };
    if arguments.is_empty() {
        errors.at(&attribute.meta, "`#[subscribe_message]` does not say which event", HELP);
        return None;
    }
    let mut event = None;
    let mut rest = TokenStream::new();
    let parser = |input: ParseStream<'_>| {
        if !input.peek(LitStr) {
            let written: Expr = input.parse()?;
            return Err(mistake(written, "the event must be a string literal", HELP));
        }
        event = Some(input.parse::<LitStr>()?);
        if !input.is_empty() && !input.peek(Token![,]) {
            let next: TokenTree = input.parse()?;
            return Err(mistake(next, "there must be a comma after the event", HELP));
        }
        let _comma: Option<Token![,]> = input.parse()?;
        rest = input.parse()?;
        Ok(())
    };
    if let Err(error) = parser.parse2(arguments) {
        errors.push(error);
    }
    let mut serial = false;
    each_option(rest, errors, known::message_literal, |key, input| {
        if key != "serial" {
            return Err(known::unknown(key, "subscribe_message", &["serial"]));
        }
        serial = true;
        flag(key, input)
    });
    event.map(|event| Subscription { event, serial })
}

/// `#[use_guards(Type, Expression::new(), (CONSTANT))]`, and the other lists.
pub(crate) fn list(kind: Kind, attribute: &Attribute, errors: &Errors) -> Vec<Entry> {
    let mut entries = Vec::new();
    let arguments = in_parentheses(attribute);
    if arguments.is_empty() {
        let (name, word, implements) = (kind.attribute(), kind.word(), kind.trait_name());
        errors.at(
            &attribute.meta,
            format!("`#[{name}]` names no {word}"),
            format!(
                "write `#[{name}(My{})]`, with a type that implements `{implements}`",
                capital(word)
            ),
        );
        return entries;
    }
    each_entry(arguments, errors, |input| {
        entries.push(match bare_type(input) {
            Some(ty) => {
                is_named_like_a_type(&ty, kind)?;
                Entry::Injected(ty)
            }
            None => Entry::Value(without_parentheses(expression(input, || {
                format!("name a type that implements `{}`, or give a value", kind.trait_name())
            })?)),
        });
        Ok(())
    });
    entries
}

/// `#[set_metadata(expression)]`. `None` when there is no value to go on with.
pub(crate) fn metadata(attribute: &Attribute, errors: &Errors) -> Option<Expr> {
    const HELP: &str =
        "write `#[set_metadata(Needs(\"member\"))]`; guards read it with `metadata::<Needs>()`";
    let arguments = in_parentheses(attribute);
    if arguments.is_empty() {
        errors.at(&attribute.meta, "`#[set_metadata]` holds no value", HELP);
        return None;
    }
    let mut values: Vec<Expr> = Vec::new();
    each_entry(arguments, errors, |input| {
        values.push(expression(input, || HELP.to_owned())?);
        Ok(())
    });
    let mut values = values.into_iter();
    let value = values.next()?;
    if let Expr::Assign(assignment) = &value {
        errors.at(&assignment.left, "metadata has no key: it is found by its type", HELP);
        return None;
    }
    if let Some(second) = values.next() {
        match &value {
            Expr::Lit(ExprLit { lit: Lit::Str(key), .. }) => {
                errors.at(key, "metadata has no key: it is found by its type", HELP);
            }
            _ => errors.at(
                second,
                "`#[set_metadata]` holds one value",
                "write a second `#[set_metadata(..)]` for it; each type of value is kept once",
            ),
        }
    }
    Some(without_parentheses(value))
}

// Rule: in a list, a bare path is a type. `Roles::any` is a function somebody forgot to call, and the
// compiler would only say that it knows no such type.
fn is_named_like_a_type(ty: &Type, kind: Kind) -> syn::Result<()> {
    let Type::Path(TypePath { qself: None, path, .. }) = ty else {
        return Ok(());
    };
    let Some(last) = path.segments.last().filter(|last| last.arguments.is_none()) else {
        return Ok(());
    };
    if !last.ident.unraw().to_string().starts_with(char::is_lowercase) {
        return Ok(());
    }
    let written = readable(ty);
    Err(mistake(
        ty,
        format!("`{written}` is not the name of a type"),
        format!(
            "call it, as in `{written}(..)`; a value that is a {} already stands in parentheses: `({written})`",
            kind.word()
        ),
    ))
}

// An expression; the parser's word on what is none, with ours on what to write.
fn expression(input: ParseStream<'_>, help: impl FnOnce() -> String) -> syn::Result<Expr> {
    input.parse().map_err(|error: syn::Error| with_help(&error, help()))
}

fn in_parentheses(attribute: &Attribute) -> TokenStream {
    match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        Meta::Path(_) | Meta::NameValue(_) => TokenStream::new(),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// `#[init]` or `#[init(expression)]` on a field.
pub(crate) fn init(attribute: &Attribute) -> syn::Result<Source> {
    const HELP: &str = "write `#[init]` for `Default::default()`, or `#[init(expression)]` for a value of your own";
    match &attribute.meta {
        Meta::Path(_) => Ok(Source::Default),
        Meta::List(list) if !list.tokens.is_empty() => {
            let parsed = list.parse_args::<Expr>();
            let value = parsed
                .map_err(|_| mistake(&list.tokens, "`#[init(..)]` takes one expression", HELP))?;
            Ok(Source::Value(value))
        }
        other => Err(mistake(other, "`#[init]` is not written like this", HELP)),
    }
}

/// Notes a mistake when an attribute that takes no arguments was given some.
pub(crate) fn no_arguments(attribute: &Attribute, errors: &Errors) {
    if let Err(error) = attribute.meta.require_path_only() {
        let name = attribute.path().segments.last().map(|s| s.ident.to_string());
        let name = name.unwrap_or_default();
        drop(error);
        errors.at(
            &attribute.meta,
            format!("`#[{name}]` takes no arguments"),
            format!("write `#[{name}]`; what the hook receives is chosen by its parameters"),
        );
    }
}

fn inbox(
    key: &Ident,
    input: ParseStream<'_>,
    errors: &Errors,
    options: &mut GatewayOptions,
) -> syn::Result<()> {
    const EXAMPLE: &str =
        "write `inbox(messages = 8192, bytes = 4 * 1024 * 1024)`, or one of the two";
    if !input.peek(syn::token::Paren) {
        return Err(mistake(key, "`inbox` has its limits in parentheses", EXAMPLE));
    }
    let content;
    parenthesized!(content in input);
    let limits: TokenStream = content.parse()?;
    if limits.is_empty() {
        return Err(mistake(key, "`inbox()` sets no limit", EXAMPLE));
    }
    each_option(limits, errors, known::gateway_literal, |key, input| {
        match key.to_string().as_str() {
            "messages" => options.inbox_messages = Some(setting(key, input, "messages = 8192")?),
            "bytes" => options.inbox_bytes = Some(setting(key, input, "bytes = 4 * 1024 * 1024")?),
            _ => return Err(known::unknown(key, "inbox", &["messages", "bytes"])),
        }
        Ok(())
    });
    Ok(())
}

fn cors(key: &Ident, input: ParseStream<'_>, errors: &Errors) -> syn::Result<Cors> {
    const EXAMPLE: &str = "write `cors(origins = [\"https://example.com\"])`";
    if !input.peek(syn::token::Paren) {
        return Err(mistake(key, "`cors` has its origins in parentheses", EXAMPLE));
    }
    let content;
    parenthesized!(content in input);
    let mut cors = Cors::default();
    let before = errors.count();
    each_option(content.parse()?, errors, known::gateway_literal, |key, input| {
        match key.to_string().as_str() {
            "origins" => {
                let example = "origins = [\"https://example.com\"]";
                cors.origins = Some(setting(key, input, example)?);
            }
            "credentials" => cors.credentials = Some(setting(key, input, "credentials = true")?),
            _ => return Err(known::unknown(key, "cors", &["origins", "credentials"])),
        }
        Ok(())
    });
    // Whoever misspelt `origins` has been told so.
    if cors.origins.is_none() && errors.count() == before {
        return Err(mistake(key, "`cors` does not say which origins", EXAMPLE));
    }
    Ok(cors)
}

fn presence(key: &Ident, input: ParseStream<'_>, errors: &Errors) -> syn::Result<Presence> {
    const GRACE: &str = "grace = Duration::from_secs(5)";
    let mut presence = Presence { key: key.clone(), grace: None };
    if !input.peek(syn::token::Paren) {
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(presence);
        }
        let help = format!("write `presence`, or `presence({GRACE})`");
        return Err(mistake(key, "`presence` has its option in parentheses", help));
    }
    let content;
    parenthesized!(content in input);
    each_option(content.parse()?, errors, known::gateway_literal, |key, input| {
        if key != "grace" {
            return Err(known::unknown(key, "presence", &["grace"]));
        }
        presence.grace = Some(setting(key, input, GRACE)?);
        Ok(())
    });
    Ok(presence)
}

fn authenticator(key: &Ident, input: ParseStream<'_>) -> syn::Result<Type> {
    assign(key, input, "authenticate = JwtAuthenticator<User>")?;
    if let Some(ty) = bare_type(input) {
        return Ok(ty);
    }
    Err(mistake(
        input.parse::<Expr>()?,
        "`authenticate` takes a type, and builds it by injection",
        "write `authenticate = JwtAuthenticator<User>`; what it needs is injected into its fields",
    ))
}

fn setting(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<Setting> {
    Ok(Setting { value: value(key, input, example)? })
}

fn value<T: Parse>(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<T> {
    assign(key, input, example)?;
    input.parse()
}

// Rule: an option that has a value is written `key = value`.
fn assign(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<()> {
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

// Rule: a flag is switched on by its name alone.
fn flag(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    Err(mistake(
        key,
        format!("`{key}` takes no value"),
        format!("write `{key}` to switch it on, or leave it out"),
    ))
}

// A path and nothing else: `Roles` and `Catch<Io>`, but not `Roles::any(Admin)`, which the
// grammar of types would take for a function trait.
fn bare_type(input: ParseStream<'_>) -> Option<Type> {
    let fork = input.fork();
    let ty: Type = fork.parse().ok()?;
    let Type::Path(path) = &ty else { return None };
    let called = |arguments: &PathArguments| matches!(arguments, PathArguments::Parenthesized(_));
    let is_call = path.path.segments.iter().any(|segment| called(&segment.arguments));
    if is_call || !(fork.is_empty() || fork.peek(Token![,])) {
        return None;
    }
    input.advance_to(&fork);
    Some(ty)
}

// `(CONSTANT)`: the parentheses told us that it is a value, and would be a warning where we put it.
fn without_parentheses(value: Expr) -> Expr {
    match value {
        Expr::Paren(inner) => *inner.expr,
        other => other,
    }
}

// Reads `key ..., key ..., ...`; `read` is called behind each key. Rule: no option twice.
fn each_option(
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

// Reads entries between commas. After a mistake, goes on behind the next comma.
fn each_entry(
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
