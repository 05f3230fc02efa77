//! The grammar of the attributes' arguments: tokens in, facts with spans out.
//!
//! A mistake in one option is recorded and the next option is read, so that all come out in one pass. Whether the
//! facts make sense is for [`crate::check`] to decide.

mod list;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Path, PathArguments, Token, Type, parenthesized};

use self::list::{assign, each_entry, each_option, flag};
use crate::errors::{Errors, mistake, with_help};
use crate::known;
use crate::mark::Kind;
use crate::model::{
    BlockOptions, Entry, GatewayOptions, Given, InjectableOptions, Source, StatedEvent,
    Subscription, Told, Value,
};
use crate::options::{self, Declaration, Form, Group};
use crate::tokens::{readable, ungrouped, ungrouped_type, without_parentheses};

/// `#[web_socket_gateway(..)]` on a struct: its options, by their table.
pub(crate) fn gateway_options(arguments: TokenStream, errors: &Errors) -> GatewayOptions {
    let unknown: Unknown<'_> = &known::unknown_gateway_option;
    GatewayOptions { given: options(options::GATEWAY, arguments, errors, unknown) }
}

type Unknown<'a> = &'a dyn Fn(&Ident) -> syn::Error;

fn options(
    declared: &'static [Declaration],
    arguments: TokenStream,
    errors: &Errors,
    unknown: Unknown<'_>,
) -> Vec<Given> {
    let mut given = Vec::new();
    each_option(arguments, errors, known::gateway_literal, |key, input| {
        let Some(option) = options::find(declared, key.to_string()) else {
            return Err(unknown(key));
        };
        let value = match &option.form {
            Form::Flag => {
                flag(key, input)?;
                Value::On
            }
            Form::Core => Value::Core(core(key, input)?),
            Form::Authenticator => Value::Authenticator(authenticator(key, input, option.example)?),
            Form::Setting(ty) => Value::Setting(*ty, value(key, input, option.example)?),
            Form::Group(group) => {
                Value::Group(group, options_of(group, option, key, input, errors)?)
            }
            Form::Events => Value::Events(events(key, input, errors)?),
        };
        given.push(Given { option, key: key.clone(), value });
        Ok(())
    });
    given
}

// Rule: a group takes its options in parentheses, including at least one of those that it needs.
fn options_of(
    group: &'static Group,
    option: &Declaration,
    key: &Ident,
    input: ParseStream<'_>,
    errors: &Errors,
) -> syn::Result<Vec<Given>> {
    let Group { options: declared, contents, needs, states } = group;
    let help = match needs {
        Some(([_, _], _)) => format!("write `{}`, or one of the two", option.example),
        _ => format!("write `{}`", option.example),
    };
    if !input.peek(syn::token::Paren) {
        if states.is_some() && (input.is_empty() || input.peek(Token![,])) {
            return Ok(Vec::new());
        }
        let help = match states {
            Some(_) => format!("write `{key}`, or `{}`", option.example),
            None => help,
        };
        return Err(mistake(key, format!("`{key}` takes {contents} in parentheses"), help));
    }
    let content;
    parenthesized!(content in input);
    let before = errors.count();
    let unknown: Unknown<'_> =
        &|written| known::unknown(written, option.name, &options::names(declared));
    let given = options(declared, content.parse()?, errors, unknown);
    // A misspelt option has been reported already.
    if let Some((names, wrong)) = needs
        && errors.count() == before
        && !given.iter().any(|given| names.contains(&given.option.name))
    {
        return Err(mistake(key, wrong, help));
    }
    Ok(given)
}

/// `#[web_socket_gateway(..)]` on an impl block, which only needs to know where the core is.
pub(crate) fn block_options(arguments: TokenStream, errors: &Errors) -> BlockOptions {
    let mut options = BlockOptions::default();
    each_option(arguments, errors, known::block_literal, |key, input| {
        match key.to_string().as_str() {
            "crate" => options.core = Some(core(key, input)?),
            "emits" => options.emits = events(key, input, errors)?,
            _ => return Err(known::option_on_block(key)),
        }
        Ok(())
    });
    options
}

// Rule: `emits` lists the types of events in parentheses, each once.
fn events(key: &Ident, input: ParseStream<'_>, errors: &Errors) -> syn::Result<Vec<Type>> {
    let help = format!("write `{}`, with types that derive `Event`", options::EMITS);
    if !input.peek(syn::token::Paren) {
        return Err(mistake(key, "`emits` takes a list of events in parentheses", help));
    }
    let content;
    parenthesized!(content in input);
    if content.is_empty() {
        return Err(mistake(key, "`emits` lists no events", help));
    }
    let mut events: Vec<Type> = Vec::new();
    each_entry(content.parse()?, errors, |input| {
        if let Some(ty) = bare_type(input) {
            let name = readable(&ty);
            if events.iter().any(|listed| readable(listed) == name) {
                let twice = format!("`{name}` is listed twice");
                return Err(mistake(ty, twice, "keep one of the two"));
            }
            events.push(ty);
            return Ok(());
        }
        let written: Expr = input.parse().map_err(|error| with_help(&error, help.clone()))?;
        let Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) = &written else {
            return Err(mistake(written, "this is not the type of an event", help.clone()));
        };
        let declared = format!(
            "declare it: `#[derive(Serialize, Event)] #[event(\"{}\")] struct NewMessage {{ .. }}`, and list `NewMessage`",
            name.value()
        );
        Err(mistake(written, "`emits` lists the types of events, not their names", declared))
    });
    Ok(events)
}

/// `#[event(..)]` of an event.
pub(crate) fn event(attribute: &Attribute, stated: &mut StatedEvent, errors: &Errors) {
    let arguments = in_parentheses(attribute);
    if arguments.is_empty() {
        errors.at(&attribute.meta, "`#[event]` does not say the event's name", NAME_THE_EVENT);
        return;
    }
    let mut rest = TokenStream::new();
    let parser = |input: ParseStream<'_>| {
        stated.name = Some(expression(input, || NAME_THE_EVENT.to_owned())?);
        if !input.is_empty() && !input.peek(Token![,]) {
            let next: TokenTree = input.parse()?;
            return Err(mistake(next, "there must be a comma after the name", NAME_THE_EVENT));
        }
        let _comma: Option<Token![,]> = input.parse()?;
        rest = input.parse()?;
        Ok(())
    };
    if let Err(error) = parser.parse2(arguments) {
        errors.push(error);
    }
    each_option(rest, errors, known::event_literal, |key, input| {
        match key.to_string().as_str() {
            "ack" => {
                const EXAMPLE: &str = "ack = Receipt";
                assign(key, input, EXAMPLE)?;
                let ty = input.parse().map_err(|error: syn::Error| {
                    with_help(
                        &error,
                        format!("write `{EXAMPLE}`, with the type of what clients answer"),
                    )
                })?;
                stated.ack = Some(ty);
            }
            "args" => {
                flag(key, input)?;
                stated.args = Some(key.clone());
            }
            "crate" => stated.core = Some(core(key, input)?),
            _ => return Err(known::unknown(key, "event", &known::OF_EVENTS)),
        }
        Ok(())
    });
}

/// What to write, where an event's name is missing.
pub(crate) const NAME_THE_EVENT: &str =
    "write `#[event(\"new-message\")]`, with the name that clients listen to";

/// `#[injectable(..)]`.
pub(crate) fn injectable_options(arguments: TokenStream, errors: &Errors) -> InjectableOptions {
    let mut options = InjectableOptions::default();
    each_option(arguments, errors, known::injectable_literal, |key, input| {
        match key.to_string().as_str() {
            "crate" => {
                options.core = Some(core(key, input)?);
            }
            "as" => {
                let ty: Type = input.parse()?;
                if !matches!(ungrouped_type(&ty), Type::TraitObject(_)) {
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

/// `#[ws(..)]` of an error, on its type or on a variant.
pub(crate) fn told(attribute: &Attribute, told: &mut Told, errors: &Errors) {
    let arguments = in_parentheses(attribute);
    if arguments.is_empty() {
        errors.at(&attribute.meta, "`#[ws]` is empty", "write `#[ws(code = \"CLOSED\")]`");
        return;
    }
    each_option(arguments, errors, known::error_literal, |key, input| {
        match key.to_string().as_str() {
            "code" => told.code = Some(value(key, input, "code = \"CLOSED\"")?),
            "message" => told.message = Some(value(key, input, "message = \"It is closed\"")?),
            "with" => told.with = Some((key.clone(), value(key, input, "with = Self::exception")?)),
            "crate" => {
                told.core = Some((key.clone(), core(key, input)?));
            }
            "transparent" => {
                flag(key, input)?;
                told.transparent = Some(key.clone());
            }
            _ => return Err(known::unknown(key, "ws", &known::OF_ERRORS)),
        }
        Ok(())
    });
}

/// `#[subscribe_message("event", serial)]`. `None` when there is no event to go on with.
pub(crate) fn subscription(attribute: &Attribute, errors: &Errors) -> Option<Subscription> {
    const HELP: &str = "write `#[subscribe_message(\"send-message\")]`, with the name clients emit";
    let arguments = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        Meta::Path(_) => TokenStream::new(),
        Meta::NameValue(pair) => {
            errors.at(pair, "the event goes in parentheses", HELP);
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
        event = Some(expression(input, || HELP.to_owned())?);
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
            format!("`#[{name}]` lists no {word}s"),
            format!(
                "write `#[{name}(My{})]`, with a type that implements `{implements}`",
                capital(word)
            ),
        );
        return entries;
    }
    each_entry(arguments, errors, |input| {
        entries.push(match bare_type(input) {
            Some(ty) => Entry::Injected(ty),
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
        errors.at(&attribute.meta, "`#[set_metadata]` has no value", HELP);
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
        errors.at(&assignment.left, "metadata has no key: it is looked up by its type", HELP);
        return None;
    }
    if let Some(second) = values.next() {
        match &value {
            Expr::Lit(ExprLit { lit: Lit::Str(key), .. }) => {
                errors.at(key, "metadata has no key: it is looked up by its type", HELP);
            }
            _ => errors.at(
                second,
                "`#[set_metadata]` takes one value",
                "write a second `#[set_metadata(..)]` for it; one value of each type is kept",
            ),
        }
    }
    Some(without_parentheses(value))
}

// An expression. If it is not one, the parser says what is wrong and we add what to write.
fn expression(input: ParseStream<'_>, help: impl FnOnce() -> String) -> syn::Result<Expr> {
    let value = input.parse().map(ungrouped);
    value.map_err(|error: syn::Error| with_help(&error, help()))
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
    const HELP: &str = "write `#[init]` for `Default::default()`, `#[init(expression)]` for a value of your own, or `#[init(|config: &Config| ..)]` to compute it from services";
    match &attribute.meta {
        Meta::Path(_) => Ok(Source::Default),
        Meta::List(list) if !list.tokens.is_empty() => {
            let parsed = list.parse_args::<Expr>();
            let value = parsed
                .map_err(|_| mistake(&list.tokens, "`#[init(..)]` takes one expression", HELP))?;
            Ok(match ungrouped(value) {
                Expr::Closure(closure) if !closure.inputs.is_empty() => Source::Computed(closure),
                value => Source::Value(value),
            })
        }
        other => Err(mistake(other, "`#[init]` is not written like this", HELP)),
    }
}

/// Records a mistake if an attribute that takes no arguments was given some.
pub(crate) fn no_arguments(attribute: &Attribute, errors: &Errors) {
    if let Err(error) = attribute.meta.require_path_only() {
        let name = attribute.path().segments.last().map(|s| s.ident.to_string());
        let name = name.unwrap_or_default();
        drop(error);
        errors.at(
            &attribute.meta,
            format!("`#[{name}]` takes no arguments"),
            format!("write `#[{name}]`; the hook's parameters decide what it receives"),
        );
    }
}

fn authenticator(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<Type> {
    assign(key, input, example)?;
    if let Some(ty) = bare_type(input) {
        return Ok(ty);
    }
    Err(mistake(
        input.parse::<Expr>()?,
        "`authenticate` takes a type, and builds it by injection",
        format!("write `{example}`; its dependencies are injected into its fields"),
    ))
}

fn core(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    const EXAMPLE: &str = "crate = my_reexport::gateway_core";
    assign(key, input, EXAMPLE)?;
    // As in a `use`: it is the beginning of paths, and nothing can follow `<..>` or a type there.
    let path = input.call(Path::parse_mod_style)?;
    match path.segments.iter().find(|segment| segment.ident == "Self") {
        Some(segment) => {
            Err(mistake(segment, "`crate` takes the path of a crate", format!("write `{EXAMPLE}`")))
        }
        None => Ok(path),
    }
}

fn value(key: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<Expr> {
    assign(key, input, example)?;
    input.parse().map(ungrouped)
}

// A path and nothing else: `Roles` and `Catch<Io>`, but not `Roles::any(Admin)`, which the
// grammar of types would take for a function trait.
fn bare_type(input: ParseStream<'_>) -> Option<Type> {
    let fork = input.fork();
    let ty: Type = match fork.fork().parse() {
        // What `macro_rules!` hands on: a type where all of it is one.
        Ok(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {
            let _read: TokenTree = fork.parse().ok()?;
            let inner = |inner: ParseStream<'_>| {
                bare_type(inner).ok_or_else(|| inner.error("not the name of a type"))
            };
            inner.parse2(group.stream()).ok()?
        }
        _ => fork.parse().ok()?,
    };
    let Type::Path(path) = &ty else { return None };
    let called = |arguments: &PathArguments| matches!(arguments, PathArguments::Parenthesized(_));
    let is_call = path.path.segments.iter().any(|segment| called(&segment.arguments));
    if is_call || !(fork.is_empty() || fork.peek(Token![,])) {
        return None;
    }
    input.advance_to(&fork);
    Some(ty)
}
