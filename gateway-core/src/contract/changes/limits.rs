//! What narrows values down: ranges, lengths, formats.

use serde_json::Value;

use super::{
    At, Effect,
    forms::{Form, Kind},
    values::Comparison,
};

impl Comparison<'_> {
    pub(super) fn numbers(&mut self, old: &Form, new: &Form, at: &At) {
        match (&old.kind, &new.kind) {
            (Kind::Whole, Kind::Number) => self.effect(Effect::More, at, "may be a fraction"),
            (Kind::Number, Kind::Whole) => self.effect(Effect::Fewer, at, "must be a whole number"),
            _ => {}
        }
        let (was, is) = (range(old), range(new));
        self.limit(was.0, is.0, true, "the least value", at);
        self.limit(was.1, is.1, false, "the greatest value", at);
        self.keyword(old, new, "multipleOf", at);
    }

    pub(super) fn texts(&mut self, old: &Form, new: &Form, at: &At) {
        self.limits(old, new, "minLength", "maxLength", "length", at);
        for key in ["pattern", "format", "contentEncoding"] {
            self.keyword(old, new, key, at);
        }
    }

    /// A keyword that narrows the values down: with it there are fewer, with another there are others.
    pub(super) fn keyword(&mut self, old: &Form, new: &Form, key: &str, at: &At) {
        match (old.fields.get(key), new.fields.get(key)) {
            (None, Some(is)) => {
                self.effect(Effect::Fewer, at, format!("has the {key} {is}, and had none"));
            }
            (Some(was), None) => {
                self.effect(Effect::More, at, format!("has no {key} any more: it was {was}"));
            }
            (Some(was), Some(is)) if was != is => {
                self.effect(Effect::Others, at, format!("has the {key} {is}, and had {was}"));
            }
            _ => {}
        }
    }

    pub(super) fn limits(
        &mut self,
        old: &Form,
        new: &Form,
        least: &str,
        most: &str,
        what: &str,
        at: &At,
    ) {
        for (key, is_least, word) in [(least, true, "least"), (most, false, "greatest")] {
            let of = |form: &Form| form.fields.get(key).and_then(Value::as_f64);
            self.limit(of(old), of(new), is_least, &format!("the {word} {what}"), at);
        }
    }

    fn limit(&mut self, was: Option<f64>, is: Option<f64>, is_least: bool, what: &str, at: &At) {
        let said =
            |limit: Option<f64>| limit.map_or("not limited".to_owned(), |limit| limit.to_string());
        let tightened = match (was, is) {
            _ if was == is => return,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (was, is) => (is > was) == is_least,
        };
        let effect = if tightened { Effect::Fewer } else { Effect::More };
        self.effect(effect, at, format!("{what} is {}, and was {}", said(is), said(was)));
    }
}

/// The least and the greatest value of a number. Those of 8 to 64 bits have limits of their own.
fn range(form: &Form) -> (Option<f64>, Option<f64>) {
    let of = |key: &str| form.fields.get(key).and_then(Value::as_f64);
    let least = of("minimum").or_else(|| of("exclusiveMinimum"));
    let most = of("maximum").or_else(|| of("exclusiveMaximum"));
    if form.kind != Kind::Whole {
        return (least, most);
    }
    let (low, high) = match form.fields.get("format").and_then(Value::as_str) {
        Some("int8") => (Some(i8::MIN.into()), Some(i8::MAX.into())),
        Some("int16") => (Some(i16::MIN.into()), Some(i16::MAX.into())),
        Some("int32") => (Some(i32::MIN.into()), Some(i32::MAX.into())),
        Some("int64" | "int") => (Some(i64::MIN as f64), Some(i64::MAX as f64)),
        Some("int128") => (Some(i128::MIN as f64), Some(i128::MAX as f64)),
        Some("uint8") => (Some(0.0), Some(u8::MAX.into())),
        Some("uint16") => (Some(0.0), Some(u16::MAX.into())),
        Some("uint32") => (Some(0.0), Some(u32::MAX.into())),
        Some("uint64" | "uint") => (Some(0.0), Some(u64::MAX as f64)),
        Some("uint128") => (Some(0.0), Some(u128::MAX as f64)),
        _ => (None, None),
    };
    (least.or(low), most.or(high))
}
