//! What is as it should be, and may surprise a client all the same.

use serde_json::Value;

use super::{
    model::{Message, Namespace},
    schema::{children, referred},
};

/// `schemars` has found a second type of the same name.
pub(super) fn same_name(first: &str, second: &str) -> String {
    format!(
        "two types are called `{first}`, and the second is `{second}` here: give one of them another name, a generic \
         type for example with `#[schemars(rename = \"{first}Of{{T}}\")]`"
    )
}

pub(super) fn two_acks(event: &str) -> String {
    format!("`{event}` is declared twice, with different acknowledgements")
}

pub(super) fn of(namespace: &Namespace) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, schema) in &namespace.definitions {
        // Both forms of a type have the same note.
        let plain =
            name.strip_suffix("Input").filter(|plain| namespace.definitions.contains_key(*plain));
        large_numbers(schema, plain.unwrap_or(name), &mut notes);
    }
    let incoming = namespace.client_to_server.iter();
    for (event, message) in incoming.chain(&namespace.server_to_client) {
        let ack = message.ack.iter().flat_map(|ack| ack.schemas());
        for schema in message.payload.schemas().chain(ack) {
            large_numbers(schema, event, &mut notes);
        }
    }
    for (event, message) in &namespace.client_to_server {
        if looks_like_an_error(message, namespace) {
            notes.push(format!(
                "the answer to `{event}` has a `status` that may be \"error\", as errors have: clients cannot tell \
                 them apart by it"
            ));
        }
    }
    notes.sort();
    notes.dedup();
    notes
}

/// Numbers whose last digits JavaScript loses.
fn large_numbers(schema: &Value, at: &str, notes: &mut Vec<String>) {
    /// 2^53 - 1.
    const LARGEST: f64 = 9_007_199_254_740_991.0;

    let is_large =
        matches!(schema["format"].as_str(), Some("int64" | "uint64" | "int128" | "uint128"));
    if is_large && schema["maximum"].as_f64().is_none_or(|most| most > LARGEST) {
        notes.push(format!(
            "`{at}` is a whole number of 64 bits or more: beyond 2^53, JavaScript loses its last digits, so send ids \
             that large as text"
        ));
    }
    for (way, child) in children(schema) {
        large_numbers(child, &format!("{at}{way}"), notes);
    }
}

fn looks_like_an_error(message: &Message, namespace: &Namespace) -> bool {
    let Some([reply]) = message.ack.as_ref().map(|ack| ack.list.as_slice()) else { return false };
    let resolved = |schema| -> Option<&Value> {
        match referred(schema) {
            Some(name) => namespace.definitions.get(name),
            None => Some(schema),
        }
    };
    let status = resolved(reply).and_then(|reply| reply["properties"].get("status"));
    let Some(status) = status.and_then(resolved) else { return false };
    let mut values = Vec::new();
    let mut is_open = false;
    let mut next = vec![status];
    while let Some(schema) = next.pop() {
        let options = ["oneOf", "anyOf"].iter().filter_map(|key| schema[*key].as_array()).flatten();
        let before = next.len();
        next.extend(options.filter_map(resolved));
        if let Some(value) = schema.get("const") {
            values.push(value);
        } else if let Some(listed) = schema["enum"].as_array() {
            values.extend(listed);
        } else if next.len() == before {
            is_open |= *schema == Value::Bool(true) || schema["type"] == "string";
        }
    }
    is_open || values.iter().any(|value| **value == "error")
}
