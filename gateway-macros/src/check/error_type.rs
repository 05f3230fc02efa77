//! The rules about an error that defines what a client is told about it.

use syn::{Expr, ExprLit, Fields, Lit};

use crate::errors::Errors;
use crate::model::{ErrorShape, ErrorType, Told};

/// Applies all rules.
pub(crate) fn error_type(error: &ErrorType, errors: &Errors) {
    let before = errors.count();
    is_one_type(error, errors);
    for attribute in &error.misplaced {
        errors.at(
            &attribute.meta,
            "`#[ws]` belongs on a variant, or on the type",
            "move it above the variant that this field belongs to",
        );
    }
    told(&error.told, errors);
    match &error.shape {
        ErrorShape::Struct(fields) => transparent_has_one_field(&error.told, fields, errors),
        ErrorShape::Enum(variants) => {
            on_a_variant(&error.told, errors);
            for variant in variants {
                told(&variant.told, errors);
                of_the_type(&variant.told, errors);
                transparent_has_one_field(&variant.told, &variant.fields, errors);
                message_has_a_code(&variant.told, &error.told, errors);
                one_way(&variant.told, &error.told, errors);
            }
        }
        ErrorShape::Union => {}
    }
    if errors.count() == before {
        says_something(error, errors);
    }
}

// Rule: an error is looked up by its type, which is one struct or enum.
fn is_one_type(error: &ErrorType, errors: &Errors) {
    if !error.generics.params.is_empty() {
        errors.at(
            &error.generics,
            format!("`{}` is looked up by its type, so it cannot be generic", error.ident),
            "use concrete types, or keep what varies in a `Box<dyn Error + Send + Sync>`",
        );
    }
    if let ErrorShape::Union = error.shape {
        errors.at(&error.ident, "`WsError` is derived for a struct or an enum", "write an enum");
    }
}

fn told(told: &Told, errors: &Errors) {
    if let Some(code) = &told.code {
        code_is_told(code, errors);
    }
    let Told { code, message, transparent, with, .. } = told;
    let says = code.is_some() || message.is_some();
    if let (Some(key), true) = (transparent, says || with.is_some()) {
        errors.at(
            key,
            "a `transparent` error says only what the error inside it says",
            "keep one of the two",
        );
    }
    if let (Some((key, _)), true) = (with, says) {
        errors.at(key, "`with` already supplies the code and the message", "keep one of the two");
    }
}

// Rule: a code tells clients something: it is not empty, and not the one that reveals nothing.
fn code_is_told(code: &Expr, errors: &Errors) {
    let Expr::Lit(ExprLit { lit, .. }) = code else {
        return;
    };
    match lit {
        Lit::Str(text) if text.value().is_empty() => {
            errors.at(
                text,
                "the code is empty",
                "write the word that clients branch on: `\"CLOSED\"`",
            );
        }
        Lit::Str(text) if text.value() == "INTERNAL" => errors.at(
            text,
            "`INTERNAL` is the code for errors that clients are told nothing about",
            "leave the code out: an error without a code is internal",
        ),
        Lit::Str(_) => {}
        other => errors.at(other, "a code must be a string", "write `code = \"CLOSED\"`"),
    }
}

// Rule: on an enum, `transparent` is for single variants.
fn on_a_variant(told: &Told, errors: &Errors) {
    if let Some(key) = &told.transparent {
        errors.at(key, "`transparent` applies to a single variant", "move it above the variant");
    }
}

// Rule: what concerns the whole type belongs on the type.
fn of_the_type(told: &Told, errors: &Errors) {
    let with = told.with.iter().map(|(key, _)| key);
    for key in with.chain(told.core.iter().map(|(key, _)| key)) {
        errors.at(key, format!("`{key}` applies to the whole type"), "move it above the enum");
    }
}

fn transparent_has_one_field(told: &Told, fields: &Fields, errors: &Errors) {
    if let Some(key) = &told.transparent
        && fields.len() != 1
    {
        errors.at(
            key,
            "a `transparent` error has one field: the error inside",
            "write `code = \"..\"` instead",
        );
    }
}

// Rule: only an error with a code has a message, because clients would not see any other.
fn message_has_a_code(told: &Told, whole: &Told, errors: &Errors) {
    if let (Some(message), None, None) = (&told.message, &told.code, &whole.code) {
        errors.at(
            message,
            "an error without a code is internal: clients never see its message",
            "add the word that clients branch on: `code = \"CLOSED\"`",
        );
    }
}

// Rule: a method that makes the exception leaves nothing for the variants to say.
fn one_way(told: &Told, whole: &Told, errors: &Errors) {
    let Some((key, _)) = &whole.with else {
        return;
    };
    if told.code.is_some() || told.message.is_some() || told.transparent.is_some() {
        errors.at(
            key,
            "`with` already supplies the code and the message of every variant",
            "keep one of the two",
        );
    }
}

// Rule: some value of the type has a code, because otherwise deriving would change nothing.
fn says_something(error: &ErrorType, errors: &Errors) {
    let says =
        |told: &Told| told.code.is_some() || told.with.is_some() || told.transparent.is_some();
    let of_a_variant = match &error.shape {
        ErrorShape::Enum(variants) => variants.iter().any(|variant| says(&variant.told)),
        ErrorShape::Struct(_) | ErrorShape::Union => false,
    };
    if !says(&error.told) && !of_a_variant {
        let (place, name) = match error.shape {
            ErrorShape::Enum(_) => ("the variants that clients may read", "an error without one"),
            _ => ("it", "an error without one"),
        };
        errors.at(
            &error.ident,
            format!("`{}` has no code, so clients are told nothing about it", error.ident),
            format!("write `#[ws(code = \"CLOSED\")]` above {place}; {name} is internal"),
        );
    }
}
