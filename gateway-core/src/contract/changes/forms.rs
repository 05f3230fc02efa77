//! The forms that a value may have, one by one: what a schema says with references, options and merged parts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::contract::schema::{GAP, is_anything, is_binary, referred};

type Fields = Map<String, Value>;

/// A kind of value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Anything,
    /// Nobody has said.
    Unknown,
    Null,
    Boolean,
    Whole,
    Number,
    Text,
    Binary,
    List,
    Object,
    /// One value.
    Literal(Value),
}

impl Kind {
    pub(super) fn said(&self) -> String {
        let word = match self {
            Self::Anything => "anything",
            Self::Unknown => "unknown",
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::Binary => "binary",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Literal(value) => return value.to_string(),
        };
        word.to_owned()
    }
}

/// A form that a value may have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Form {
    pub(super) kind: Kind,
    /// What is said about its values, all in one place.
    pub(super) fields: Fields,
    /// The definition that it is.
    pub(super) name: Option<String>,
}

impl Form {
    /// The fields with one possible value, which tell it from others: `kind: "image"`; or, where its only field is its
    /// tag, that.
    pub(super) fn tag(&self) -> Option<String> {
        let properties = self.fields.get("properties")?.as_object()?;
        let value = |schema: &Value| match (schema.get("const"), schema["enum"].as_array()) {
            (Some(value), _) => Some(value.to_string()),
            (None, Some(values)) if values.len() == 1 => Some(values[0].to_string()),
            _ => None,
        };
        let tags = properties.iter().filter(|(name, _)| self.requires(name));
        let mut tags: Vec<String> =
            tags.filter_map(|(name, schema)| Some(format!("{name}: {}", value(schema)?))).collect();
        if tags.is_empty() && properties.len() == 1 {
            tags.extend(properties.keys().filter(|name| self.requires(name)).cloned());
        }
        tags.sort();
        (!tags.is_empty()).then(|| tags.join(", "))
    }

    /// How people recognize it.
    pub(super) fn label(&self) -> String {
        if self.kind != Kind::Object {
            return self.kind.said();
        }
        if let Some(tag) = self.tag() {
            return format!("the form {{ {tag} }}");
        }
        match (&self.name, self.fields.get("properties").and_then(Value::as_object)) {
            (Some(name), _) => format!("`{name}`"),
            (None, Some(properties)) => {
                let mut names: Vec<&str> = properties.keys().map(String::as_str).collect();
                names.sort_unstable();
                format!("the form {{ {} }}", names.join(", "))
            }
            _ => self.kind.said(),
        }
    }

    pub(super) fn requires(&self, name: &str) -> bool {
        let required = self.fields.get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.iter().any(|one| *one == name))
    }
}

/// All forms of the values of `schema`.
pub(super) fn of(schema: &Value, definitions: &BTreeMap<String, Value>) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for (fields, name) in flat(schema, definitions, 0) {
        for (kind, fields) in kinds(fields) {
            let form = Form { kind, fields, name: name.clone() };
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

type Flat = (Fields, Option<String>);

/// Without references, options and parts, which are merged into what stands beside them.
fn flat(schema: &Value, definitions: &BTreeMap<String, Value>, depth: usize) -> Vec<Flat> {
    /// Further down are only definitions that consist of themselves.
    const DEEPEST: usize = 64;

    let Some(fields) = schema.as_object() else {
        return if *schema == Value::Bool(false) { Vec::new() } else { vec![Flat::default()] };
    };
    if depth > DEEPEST {
        return vec![Flat::default()];
    }
    let mut own = fields.clone();
    let mut all: Vec<Flat> = Vec::new();
    own.remove("$ref");
    let options = ["allOf", "anyOf", "oneOf"].map(|key| (key, own.remove(key)));
    all.push((own, None));
    if let Some(name) = referred(schema) {
        let Some(definition) = definitions.get(name) else { return vec![Flat::default()] };
        let mut others = flat(definition, definitions, depth + 1);
        if let [(_, known)] = others.as_mut_slice() {
            known.get_or_insert_with(|| name.to_owned());
        }
        all = merged(&all, &others);
    }
    for (key, options) in options {
        let Some(Value::Array(options)) = options else { continue };
        let each = options.iter().map(|option| flat(option, definitions, depth + 1));
        if key == "allOf" {
            for others in each {
                all = merged(&all, &others);
            }
        } else {
            all = merged(&all, &each.flatten().collect::<Vec<_>>());
        }
    }
    all
}

/// Each of the one with each of the others.
fn merged(ones: &[Flat], others: &[Flat]) -> Vec<Flat> {
    let pairs = ones.iter().flat_map(|one| others.iter().map(move |other| (one, other)));
    pairs
        .map(|(one, other)| (both(&one.0, &other.0), other.1.clone().or_else(|| one.1.clone())))
        .collect()
}

fn both(one: &Fields, other: &Fields) -> Fields {
    let mut fields = one.clone();
    for (key, value) in other {
        match (key.as_str(), fields.get_mut(key), value) {
            ("properties", Some(Value::Object(all)), Value::Object(more)) => {
                for (name, schema) in more {
                    all.entry(name.clone()).or_insert_with(|| schema.clone());
                }
            }
            ("required", Some(Value::Array(all)), Value::Array(more)) => {
                let new: Vec<Value> =
                    more.iter().filter(|name| !all.contains(name)).cloned().collect();
                all.extend(new);
            }
            (_, None, _) => {
                fields.insert(key.clone(), value.clone());
            }
            _ => {}
        }
    }
    fields
}

/// One for each kind of value.
fn kinds(fields: Fields) -> Vec<(Kind, Fields)> {
    if fields.contains_key(GAP) {
        return vec![(Kind::Unknown, fields)];
    }
    if let Some(value) = fields.get("const") {
        return vec![(literal(value), Fields::new())];
    }
    if let Some(Value::Array(values)) = fields.get("enum") {
        return values.iter().map(|value| (literal(value), Fields::new())).collect();
    }
    let schema = Value::Object(fields);
    let kind = |name: &str| match name {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "integer" => Kind::Whole,
        "number" => Kind::Number,
        "string" if is_binary(&schema) => Kind::Binary,
        "string" => Kind::Text,
        "array" => Kind::List,
        "object" => Kind::Object,
        _ => Kind::Anything,
    };
    let found: Vec<Kind> = match &schema["type"] {
        Value::String(name) => vec![kind(name)],
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(kind).collect(),
        _ if is_anything(&schema) => vec![Kind::Anything],
        _ if schema.get("properties").is_some() => vec![Kind::Object],
        _ if schema.get("items").is_some() || schema.get("prefixItems").is_some() => {
            vec![Kind::List]
        }
        _ => vec![Kind::Anything],
    };
    let Value::Object(fields) = schema else { return Vec::new() };
    found.into_iter().map(|kind| (kind, fields.clone())).collect()
}

fn literal(value: &Value) -> Kind {
    if value.is_null() { Kind::Null } else { Kind::Literal(value.clone()) }
}
