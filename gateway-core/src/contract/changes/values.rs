//! Two schemas, value by value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    At, Changes, Direction, Effect, Verdict,
    forms::{self, Form, Kind},
};
use crate::contract::{
    known_types::STANDARD_ERROR,
    schema::{contains, referred},
};

/// Compares the schemas of one message.
pub(super) struct Comparison<'a> {
    old: &'a BTreeMap<String, Value>,
    new: &'a BTreeMap<String, Value>,
    direction: Direction,
    changes: &'a mut Changes,
    /// A definition that is compared elsewhere.
    pub(super) skipped: Option<&'static str>,
    /// Pairs of schemas that have been compared, or are being compared further up.
    compared: BTreeSet<String>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(
        old: &'a BTreeMap<String, Value>,
        new: &'a BTreeMap<String, Value>,
        direction: Direction,
        changes: &'a mut Changes,
    ) -> Self {
        Self { old, new, direction, changes, skipped: None, compared: BTreeSet::new() }
    }

    pub(super) fn direction(&self) -> Direction {
        self.direction
    }

    /// What changes of it is said once, about the event `exception`.
    pub(super) fn skip_standard_error(&mut self) {
        self.skipped = Some(STANDARD_ERROR);
    }

    pub(super) fn add(&mut self, verdict: Verdict, at: &At, what: impl Into<String>) {
        self.changes.add(verdict, at.to_string(), what);
    }

    pub(super) fn effect(&mut self, effect: Effect, at: &At, what: impl Into<String>) {
        self.add(self.direction.verdict(effect), at, what);
    }

    /// Values that there were not before.
    pub(super) fn gained(&mut self, at: &At, what: &str) {
        let said = match self.direction {
            Direction::Taken => "also takes",
            Direction::Sent => "may now be",
        };
        self.effect(Effect::More, at, format!("{said} {what}"));
    }

    /// Values that there are no more.
    pub(super) fn lost(&mut self, at: &At, what: &str) {
        let said = match self.direction {
            Direction::Taken => "no longer takes",
            Direction::Sent => "is never again",
        };
        self.effect(Effect::Fewer, at, format!("{said} {what}"));
    }

    pub(super) fn schemas(&mut self, old: &Value, new: &Value, at: &At) {
        // What contains references may contain itself; without any it ends.
        let refers = contains(old, &mut |one| referred(one).is_some());
        if refers && !self.compared.insert(format!("{old} {new}")) {
            return;
        }
        let (was, is) = (forms::of(old, self.old), forms::of(new, self.new));
        self.forms(&was, &is, at);
    }

    fn forms(&mut self, old: &[Form], new: &[Form], at: &At) {
        let has = |forms: &[Form], kind: &Kind| forms.iter().any(|form| form.kind == *kind);
        match (has(old, &Kind::Unknown), has(new, &Kind::Unknown)) {
            (false, false) => {}
            (true, true) => return,
            (false, true) => return self.add(Verdict::Breaking, at, "is not described any more"),
            (true, false) => return self.add(Verdict::Compatible, at, "is described from now on"),
        }
        match (has(old, &Kind::Anything), has(new, &Kind::Anything)) {
            (false, false) => {}
            (true, true) => return,
            (false, true) => return self.gained(at, "anything"),
            (true, false) => {
                let now: Vec<String> = new.iter().map(Form::label).collect();
                let what = format!("must be {}, and was anything", now.join(" or "));
                return self.effect(Effect::Fewer, at, what);
            }
        }
        self.kinds(old, new, at);
        self.literals(old, new, at);
        let pair = |kinds: &[Kind]| {
            let mut first = old.iter().filter(|form| kinds.contains(&form.kind));
            let mut second = new.iter().filter(|form| kinds.contains(&form.kind));
            first.next().zip(second.next())
        };
        if let Some((was, is)) = pair(&[Kind::Whole, Kind::Number]) {
            self.numbers(was, is, at);
        }
        if let Some((was, is)) = pair(&[Kind::Text]) {
            self.texts(was, is, at);
        }
        if let Some((was, is)) = pair(&[Kind::List]) {
            self.lists(was, is, at);
        }
        self.variants(old, new, at);
    }

    /// Kinds of values that are new, or gone.
    fn kinds(&mut self, old: &[Form], new: &[Form], at: &At) {
        // A literal is one of the values of its kind.
        let base = |form: &Form| match &form.kind {
            Kind::Literal(Value::String(_)) => Kind::Text,
            Kind::Literal(Value::Bool(_)) => Kind::Boolean,
            Kind::Literal(_) | Kind::Whole => Kind::Number,
            kind => kind.clone(),
        };
        let without = |forms: &[Form], others: &[Form]| {
            let mut kinds: Vec<Kind> = Vec::new();
            for form in forms {
                let kind = base(form);
                if !kinds.contains(&kind) && !others.iter().any(|other| base(other) == kind) {
                    kinds.push(kind);
                }
            }
            kinds
        };
        let (mut gone, mut come) = (without(old, new), without(new, old));
        for (kinds, gained) in [(&mut gone, false), (&mut come, true)] {
            if let Some(null) = kinds.iter().position(|kind| *kind == Kind::Null) {
                kinds.remove(null);
                if gained { self.gained(at, "null") } else { self.lost(at, "null") }
            }
        }
        let said = |kinds: &[Kind], forms: &[Form]| {
            let mut said: Vec<String> = Vec::new();
            for form in forms.iter().filter(|form| kinds.contains(&base(form))) {
                let label = form.label();
                if !said.contains(&label) {
                    said.push(label);
                }
            }
            said.join(" or ")
        };
        match (gone.as_slice(), come.as_slice()) {
            ([], []) => {}
            ([], come) => self.gained(at, &said(come, new)),
            (gone, []) => self.lost(at, &said(gone, old)),
            (gone, come) => {
                self.effect(
                    Effect::Others,
                    at,
                    format!("is {}, and was {}", said(come, new), said(gone, old)),
                );
            }
        }
    }

    /// The values of enums, and constants.
    fn literals(&mut self, old: &[Form], new: &[Form], at: &At) {
        let is_same_kind = |literal: &Value, kind: &Kind| match literal {
            Value::String(_) => *kind == Kind::Text,
            Value::Bool(_) => *kind == Kind::Boolean,
            Value::Number(_) => matches!(kind, Kind::Number | Kind::Whole),
            _ => false,
        };
        let values = |forms: &[Form]| -> Vec<Value> {
            let literals = forms.iter().filter_map(|form| match &form.kind {
                Kind::Literal(value) => Some(value.clone()),
                _ => None,
            });
            literals.collect()
        };
        let of_kind = |literal: &Value, forms: &[Form]| {
            forms.iter().any(|form| match &form.kind {
                Kind::Literal(other) => {
                    std::mem::discriminant(other) == std::mem::discriminant(literal)
                }
                kind => is_same_kind(literal, kind),
            })
        };
        let covers = |forms: &[Form], literal: &Value| {
            forms.iter().any(|form| match &form.kind {
                Kind::Literal(other) => other == literal,
                kind => is_same_kind(literal, kind),
            })
        };
        let (was, is) = (values(old), values(new));
        // From any value of a kind to a few of them, and back.
        for (literals, forms, gained) in [(&is, old, false), (&was, new, true)] {
            let others = if gained { old } else { new };
            let whole =
                forms.iter().find(|form| literals.iter().any(|one| is_same_kind(one, &form.kind)));
            let Some(whole) = whole else { continue };
            if others.iter().any(|form| form.kind == whole.kind) {
                continue;
            }
            let listed: Vec<String> = literals.iter().map(Value::to_string).collect();
            match gained {
                true => {
                    let what = format!(
                        "may be {}, and was one of {}",
                        whole.kind.said(),
                        listed.join(", ")
                    );
                    self.effect(Effect::More, at, what);
                }
                false => {
                    let what =
                        format!("is one of {}, and was {}", listed.join(", "), whole.kind.said());
                    self.effect(Effect::Fewer, at, what);
                }
            }
        }
        for value in was.iter().filter(|value| !covers(new, value) && of_kind(value, new)) {
            self.lost(at, &value.to_string());
        }
        for value in is.iter().filter(|value| !covers(old, value) && of_kind(value, old)) {
            self.gained(at, &value.to_string());
        }
    }

    fn lists(&mut self, old: &Form, new: &Form, at: &At) {
        let tuple = |form: &Form| form.fields.get("prefixItems").and_then(Value::as_array).cloned();
        match (tuple(old), tuple(new)) {
            (Some(was), Some(is)) => {
                if was.len() != is.len() {
                    let what = format!("has {} elements, and had {}", is.len(), was.len());
                    self.effect(Effect::Others, at, what);
                }
                for (index, (one, other)) in was.iter().zip(&is).enumerate() {
                    self.schemas(one, other, &at.item(index));
                }
            }
            (Some(_), None) => self.effect(Effect::Others, at, "is a list, and was a tuple"),
            (None, Some(_)) => self.effect(Effect::Others, at, "is a tuple, and was a list"),
            (None, None) => {
                let items =
                    |form: &Form| form.fields.get("items").cloned().unwrap_or(Value::Bool(true));
                self.schemas(&items(old), &items(new), &at.items());
                self.limits(old, new, "minItems", "maxItems", "number of elements", at);
                self.keyword(old, new, "uniqueItems", at);
            }
        }
    }
}
