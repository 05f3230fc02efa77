//! What a contract holds of each namespace. Serialized, it is the lock: the docs stay out.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema;

/// What clients of a namespace may send, and what they are sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Namespace {
    /// What handlers take, by the names of the events.
    #[serde(default)]
    pub(super) client_to_server: BTreeMap<String, Message>,
    #[serde(default)]
    pub(super) server_to_client: BTreeMap<String, Message>,
    /// Whether a handler takes all events that have none of their own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) takes_other_events: bool,
    /// The types that schemas refer to.
    #[serde(default)]
    pub(super) definitions: BTreeMap<String, Value>,
    /// The bodies of the filters that all its handlers have. The standard error is not among them.
    #[serde(skip)]
    pub(super) errors: Vec<Value>,
}

/// An event, in one direction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Message {
    #[serde(flatten)]
    pub(super) payload: Arguments,
    /// What it is acknowledged with. `None`: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ack: Option<Arguments>,
    /// What filters make of errors. The standard error, which is always possible, is not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<Value>,
    #[serde(skip)]
    pub(super) docs: String,
    /// The event that a handler answers with.
    #[serde(skip)]
    pub(super) answer: Option<&'static str>,
}

/// The arguments of a message or of an acknowledgement, as schemas.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Arguments {
    #[serde(default, rename = "arguments")]
    pub(super) list: Vec<Value>,
    /// How many of them, the last ones, may be left out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) optional: usize,
    /// What any number of further arguments are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) more: Option<Value>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Arguments {
    pub(super) fn one(schema: Value) -> Self {
        Self { list: vec![schema], ..Self::default() }
    }

    pub(super) fn any(schema: Value) -> Self {
        Self { more: Some(schema), ..Self::default() }
    }

    pub(super) fn required(&self) -> usize {
        self.list.len().saturating_sub(self.optional)
    }

    pub(super) fn schemas_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.list.iter_mut().chain(&mut self.more)
    }

    pub(super) fn schemas(&self) -> impl Iterator<Item = &Value> {
        self.list.iter().chain(&self.more)
    }

    /// What is one or the other.
    pub(super) fn or(self, other: Self) -> Self {
        if self == other {
            return self;
        }
        match (self.list.as_slice(), other.list.as_slice()) {
            ([one], [two]) if self.more.is_none() && other.more.is_none() => Self {
                list: vec![either(one.clone(), two.clone())],
                optional: self.optional.max(other.optional),
                more: None,
            },
            _ => Self::any(Value::Bool(true)),
        }
    }
}

/// The union of two schemas.
pub(super) fn either(one: Value, other: Value) -> Value {
    let options = |schema: Value| match schema.get("anyOf").and_then(Value::as_array) {
        Some(options) if schema.as_object().is_some_and(|fields| fields.len() == 1) => {
            options.clone()
        }
        _ => vec![schema],
    };
    let mut all = options(one);
    for option in options(other) {
        if !all.contains(&option) {
            all.push(option);
        }
    }
    match <[Value; 1]>::try_from(all) {
        Ok([only]) => only,
        Err(all) => serde_json::json!({ "anyOf": all }),
    }
}

impl Message {
    /// What it takes from clients: its payload, or, of an event, its acknowledgement.
    fn schemas_mut(&mut self, taken: bool, is_handler: bool) -> Vec<&mut Value> {
        let mut found = Vec::new();
        if taken == is_handler {
            found.extend(self.payload.schemas_mut());
        } else {
            found.extend(self.ack.iter_mut().flat_map(Arguments::schemas_mut));
        }
        if !taken {
            found.extend(&mut self.errors);
        }
        found
    }
}

impl Namespace {
    /// Every schema of what clients send (`taken`), or of what they are sent, outside of the definitions.
    pub(super) fn schemas_mut(&mut self, taken: bool) -> Vec<&mut Value> {
        let handlers = self.client_to_server.values_mut();
        let mut found: Vec<&mut Value> =
            handlers.flat_map(|message| message.schemas_mut(taken, true)).collect();
        let events = self.server_to_client.values_mut();
        found.extend(events.flat_map(|message| message.schemas_mut(taken, false)));
        if !taken {
            found.extend(&mut self.errors);
        }
        found
    }

    /// The names of the definitions that clients send values of.
    pub(super) fn taken_definitions(&self) -> BTreeSet<String> {
        let mut copy = self.clone();
        let mut found = BTreeSet::new();
        let mut next: Vec<String> = Vec::new();
        for schema in copy.schemas_mut(true) {
            schema::visit_all(schema, &mut |one| {
                next.extend(schema::referred(one).map(str::to_owned));
            });
        }
        while let Some(name) = next.pop() {
            if let Some(schema) = self.definitions.get(&name)
                && found.insert(name)
            {
                schema::visit_all(schema, &mut |one| {
                    next.extend(schema::referred(one).map(str::to_owned));
                });
            }
        }
        found
    }

    /// Without what is only for people.
    pub(super) fn locked(&self) -> Self {
        let mut locked = self.clone();
        for taken in [true, false] {
            for schema in locked.schemas_mut(taken) {
                *schema = schema::without_prose(schema.take());
            }
        }
        for schema in locked.definitions.values_mut() {
            *schema = schema::without_prose(schema.take());
        }
        for message in
            locked.client_to_server.values_mut().chain(locked.server_to_client.values_mut())
        {
            (message.docs, message.answer) = Default::default();
        }
        locked.errors.clear();
        locked
    }
}
