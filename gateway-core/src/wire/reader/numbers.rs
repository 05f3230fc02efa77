//! What a type is shown of a number: what it asks for, if it is that.

use serde::de::Visitor;

use crate::wire::{Number, Unreadable, number::Shown};

/// What a type that takes any number sees of a whole number that is written as a float, `7.0`. A type that asks for a
/// whole number sees a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::wire) enum WholeFloats {
    Floats,
    Integers,
}

pub(super) fn any_number<'de, V: Visitor<'de>>(
    number: &Number,
    floats: WholeFloats,
    visitor: V,
) -> Result<V::Value, Unreadable> {
    if floats == WholeFloats::Integers && number.whole().is_some() {
        return whole_number(number, floats, visitor);
    }
    match number.shown() {
        Shown::Unsigned(value) => visitor.visit_u64(value),
        Shown::Signed(value) => visitor.visit_i64(value),
        Shown::Float(value) => visitor.visit_f64(value),
        Shown::OutOfRange => Err(Unreadable::out_of_range()),
    }
}

pub(super) fn whole_number<'de, V: Visitor<'de>>(
    number: &Number,
    _: WholeFloats,
    visitor: V,
) -> Result<V::Value, Unreadable> {
    let whole = number.whole();
    if let Some(value) = whole.and_then(|value| u64::try_from(value).ok()) {
        visitor.visit_u64(value)
    } else if let Some(value) = whole.and_then(|value| i64::try_from(value).ok()) {
        visitor.visit_i64(value)
    } else {
        any_number(number, WholeFloats::Floats, visitor)
    }
}

pub(super) fn signed_128<'de, V: Visitor<'de>>(
    number: &Number,
    _: WholeFloats,
    visitor: V,
) -> Result<V::Value, Unreadable> {
    match number.as_i128().or_else(|| number.whole()) {
        Some(value) => visitor.visit_i128(value),
        None => any_number(number, WholeFloats::Floats, visitor),
    }
}

pub(super) fn unsigned_128<'de, V: Visitor<'de>>(
    number: &Number,
    _: WholeFloats,
    visitor: V,
) -> Result<V::Value, Unreadable> {
    let whole = || number.whole()?.try_into().ok();
    match number.as_u128().or_else(whole) {
        Some(value) => visitor.visit_u128(value),
        None => any_number(number, WholeFloats::Floats, visitor),
    }
}

pub(super) fn single<'de, V: Visitor<'de>>(
    number: &Number,
    _: WholeFloats,
    visitor: V,
) -> Result<V::Value, Unreadable> {
    match (number.shown(), number.as_f32()) {
        (Shown::Unsigned(_) | Shown::Signed(_), _) => {
            any_number(number, WholeFloats::Floats, visitor)
        }
        (_, Some(value)) => visitor.visit_f32(value),
        (_, None) => Err(Unreadable::out_of_range()),
    }
}
