//! Two objects, field by field, and which of several forms is which.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    At, Direction, Effect, Verdict,
    forms::{Form, Kind},
    values::Comparison,
};

impl Comparison<'_> {
    /// The forms that an object may have: the variants of an enum, or just one.
    pub(super) fn variants(&mut self, old: &[Form], new: &[Form], at: &At) {
        let objects = |forms: &[Form]| -> Vec<Form> {
            forms.iter().filter(|form| form.kind == Kind::Object).cloned().collect()
        };
        let (mut was, mut is) = (objects(old), objects(new));
        if let ([one], [other]) = (was.as_slice(), is.as_slice()) {
            return self.objects(one, other, at);
        }
        if was.is_empty() || is.is_empty() {
            return;
        }
        let tagged = |one: &Form, other: &Form| one.tag().is_some() && one.tag() == other.tag();
        let named = |one: &Form, other: &Form| one.name.is_some() && one.name == other.name;
        let is_untagged = |one: &Form, other: &Form| one.tag().is_none() && other.tag().is_none();
        let mut pairs: Vec<(Form, Form)> = Vec::new();
        for matches in [
            &tagged as &dyn Fn(&Form, &Form) -> bool,
            &|one, other| one == other,
            &named,
            &is_untagged,
        ] {
            was.retain(|one| match is.iter().position(|other| matches(one, other)) {
                Some(index) => {
                    pairs.push((one.clone(), is.remove(index)));
                    false
                }
                None => true,
            });
        }
        for (one, other) in pairs {
            let at = other.tag().map_or_else(|| at.clone(), |tag| at.variant(&tag));
            self.objects(&one, &other, &at);
        }
        for form in was {
            self.lost(at, &form.label());
        }
        for form in is {
            self.gained(at, &form.label());
        }
    }

    fn objects(&mut self, old: &Form, new: &Form, at: &At) {
        if self.skipped.is_some() && self.skipped == old.name.as_deref() && old.name == new.name {
            return;
        }
        if is_map(old) && is_struct(new) {
            return self.effect(Effect::Others, at, "has certain fields, and was a map");
        }
        if is_struct(old) && is_map(new) {
            return self.effect(Effect::Others, at, "is a map, and had certain fields");
        }
        let fields = |form: &Form| -> BTreeMap<String, Value> {
            let fields = form.fields.get("properties").and_then(Value::as_object).cloned();
            fields.unwrap_or_default().into_iter().collect()
        };
        let (was, is) = (fields(old), fields(new));
        for (name, field) in &was {
            let at = at.field(name);
            match (is.get(name), self.direction()) {
                (Some(now), _) => {
                    self.presence(old.requires(name), new.requires(name), &at);
                    self.schemas(field, now, &at);
                }
                (None, Direction::Taken) if is_closed(new) => {
                    self.add(Verdict::Breaking, &at, "is refused from now on");
                }
                (None, Direction::Taken) => {
                    self.add(Verdict::Compatible, &at, "is ignored from now on");
                }
                (None, Direction::Sent) if old.requires(name) => {
                    self.add(Verdict::Breaking, &at, "is not sent any more");
                }
                (None, Direction::Sent) => {
                    self.add(
                        Verdict::Compatible,
                        &at,
                        "is never sent again, and was not always sent",
                    );
                }
            }
        }
        for name in is.keys().filter(|name| !was.contains_key(*name)) {
            let at = at.field(name);
            match self.direction() {
                Direction::Taken if new.requires(name) => {
                    self.add(Verdict::Breaking, &at, "is new, and must be sent");
                }
                Direction::Taken => self.add(Verdict::Compatible, &at, "is new, and may be sent"),
                Direction::Sent => self.add(Verdict::Compatible, &at, "is new"),
            }
        }
        self.other_fields(old, new, at);
        self.limits(old, new, "minProperties", "maxProperties", "number of fields", at);
    }

    fn presence(&mut self, was: bool, is: bool, at: &At) {
        match (was, is, self.direction()) {
            (false, true, Direction::Taken) => {
                self.add(Verdict::Breaking, at, "must be sent, and could be left out");
            }
            (true, false, Direction::Taken) => self.add(Verdict::Compatible, at, "may be left out"),
            (true, false, Direction::Sent) => {
                self.add(Verdict::Breaking, at, "may be missing, and was always there");
            }
            (false, true, Direction::Sent) => self.add(Verdict::Compatible, at, "is always there"),
            _ => {}
        }
    }

    /// The values of a map, and whether fields that are not listed are refused.
    fn other_fields(&mut self, old: &Form, new: &Form, at: &At) {
        match (values_of(old), values_of(new)) {
            (Some(one), Some(other)) => {
                self.keys(&keys_of(old), &keys_of(new), at);
                self.schemas(one, other, &at.field("*"));
            }
            _ if self.direction() == Direction::Taken => match (is_closed(old), is_closed(new)) {
                (false, true) => {
                    self.effect(Effect::Fewer, at, "unknown fields are refused from now on");
                }
                (true, false) => {
                    self.effect(Effect::More, at, "unknown fields are ignored from now on");
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// The patterns of a map's keys.
    fn keys(&mut self, old: &[&str], new: &[&str], at: &At) {
        let said = |keys: &[&str]| {
            keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" or ")
        };
        let (effect, what) = match (old, new) {
            _ if old == new => return,
            ([], new) => (Effect::Fewer, format!("has keys like {}, and had any", said(new))),
            (old, []) => (Effect::More, format!("has any keys, and had keys like {}", said(old))),
            (old, new) => {
                (Effect::Others, format!("has keys like {}, and had {}", said(new), said(old)))
            }
        };
        self.effect(effect, at, what);
    }
}

fn is_struct(form: &Form) -> bool {
    form.fields.contains_key("properties")
}

fn is_map(form: &Form) -> bool {
    values_of(form).is_some() && !is_struct(form)
}

/// The schema of a map's values.
fn values_of(form: &Form) -> Option<&Value> {
    let keys = ["additionalProperties", "unevaluatedProperties"];
    let found = keys.iter().filter_map(|key| form.fields.get(*key)).find(|one| one.is_object());
    found.or_else(|| form.fields.get("patternProperties")?.as_object()?.values().next())
}

fn keys_of(form: &Form) -> Vec<&str> {
    let patterns = form.fields.get("patternProperties").and_then(Value::as_object);
    patterns.into_iter().flatten().map(|(pattern, _)| pattern.as_str()).collect()
}

fn is_closed(form: &Form) -> bool {
    ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|key| form.fields.get(*key) == Some(&Value::Bool(false)))
}
