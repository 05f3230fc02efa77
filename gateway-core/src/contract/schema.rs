//! Walking through JSON Schemas, and what can be said of one without its definitions.

use serde_json::{Map, Value};

/// Where definitions are referred to.
const DEFINITIONS: &str = "#/$defs/";

/// The key of what nobody has described: the value is the name of the type.
pub(super) const GAP: &str = "x-gap";

/// Keywords whose value is a schema, a list of schemas, or schemas by name.
const ONE: [&str; 10] = [
    "items",
    "additionalProperties",
    "additionalItems",
    "unevaluatedProperties",
    "unevaluatedItems",
    "contains",
    "propertyNames",
    "not",
    "if",
    "then",
];
const MANY: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
const NAMED: [&str; 4] = ["properties", "patternProperties", "dependentSchemas", "$defs"];

/// The schemas directly within one, each with the way there from the value: `.name`, `[]`, or none.
pub(super) fn children(schema: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (key, value) in schema.as_object().into_iter().flatten() {
        let key = key.as_str();
        match value {
            Value::Object(fields) if NAMED.contains(&key) => {
                found.extend(fields.iter().map(|(name, value)| (format!(".{name}"), value)));
            }
            Value::Array(items) if MANY.contains(&key) => {
                let tuple = key == "prefixItems";
                let way = |index| if tuple { format!("[{index}]") } else { String::new() };
                found.extend(items.iter().enumerate().map(|(index, item)| (way(index), item)));
            }
            _ if key == "items" => found.push(("[]".to_owned(), value)),
            _ if key == "additionalProperties" => found.push((".*".to_owned(), value)),
            _ if ONE.contains(&key) => found.push((String::new(), value)),
            _ => {}
        }
    }
    found
}

/// The same, to be changed.
pub(super) fn children_mut(schema: &mut Value) -> Vec<&mut Value> {
    let mut found = Vec::new();
    for (key, value) in schema.as_object_mut().into_iter().flatten() {
        let key = key.as_str();
        if ONE.contains(&key) {
            found.push(value);
        } else if NAMED.contains(&key) {
            found.extend(value.as_object_mut().into_iter().flat_map(Map::values_mut));
        } else if MANY.contains(&key) {
            found.extend(value.as_array_mut().into_iter().flatten());
        }
    }
    found
}

/// Calls `change` with the schema and with every one within it, from the inside out.
pub(super) fn change_all(schema: &mut Value, change: &mut dyn FnMut(&mut Map<String, Value>)) {
    for child in children_mut(schema) {
        change_all(child, change);
    }
    if let Value::Object(fields) = schema {
        change(fields);
    }
}

/// Calls `visit` with the schema and with every one within it.
pub(super) fn visit_all<'a>(schema: &'a Value, visit: &mut dyn FnMut(&'a Value)) {
    visit(schema);
    for (_, child) in children(schema) {
        visit_all(child, visit);
    }
}

/// Whether the schema, or one within it, is `wanted`.
pub(super) fn contains(schema: &Value, wanted: &mut dyn FnMut(&Value) -> bool) -> bool {
    let mut found = false;
    visit_all(schema, &mut |schema| found |= wanted(schema));
    found
}

/// The name of the definition that a schema refers to.
pub(super) fn referred(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(DEFINITIONS)
}

/// A reference to a definition.
pub(super) fn reference(name: &str) -> Value {
    Value::from(format!("{DEFINITIONS}{name}"))
}

/// Without what is only for people.
pub(super) fn without_prose(mut schema: Value) -> Value {
    change_all(&mut schema, &mut |fields| {
        for key in ["title", "description", "deprecated", "examples", "$comment", "$schema"] {
            fields.remove(key);
        }
    });
    sorted(schema)
}

/// With the keys of all objects in order, whichever map `serde_json` was built with.
pub(super) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            fields.into_iter().map(|(key, value)| (key, sorted(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// Whether its strings are bytes.
pub(super) fn is_binary(schema: &Value) -> bool {
    let kinds =
        schema["type"].as_array().map_or(std::slice::from_ref(&schema["type"]), Vec::as_slice);
    schema["format"] == "binary" && kinds.iter().any(|kind| *kind == "string")
}

/// Whether it says nothing of its values: `true`, `{}`, or a gap.
pub(super) fn is_anything(schema: &Value) -> bool {
    match schema {
        Value::Bool(any) => *any,
        Value::Object(fields) => {
            fields.contains_key(GAP)
                || fields
                    .keys()
                    .all(|key| ["title", "description", "default"].contains(&key.as_str()))
        }
        _ => false,
    }
}

/// Whether `null` is among its values.
pub(super) fn admits_null(schema: &Value) -> bool {
    let null = |value: &Value| *value == "null";
    match &schema["type"] {
        Value::String(_) if null(&schema["type"]) => return true,
        Value::Array(kinds) if kinds.iter().any(null) => return true,
        _ => {}
    }
    let options = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    is_anything(schema) || options.into_iter().any(admits_null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_for_people_are_taken_out_and_fields_of_that_name_stay() {
        let schema = json!({
            "title": "Book", "description": "A book.", "deprecated": true, "type": "object",
            "properties": { "title": { "type": "string", "description": "Its title." } },
            "default": { "title": "none" },
        });
        let expected = json!({
            "type": "object",
            "properties": { "title": { "type": "string" } },
            "default": { "title": "none" },
        });
        assert_eq!(without_prose(schema), expected);
    }

    #[test]
    fn null_is_found_wherever_an_option_puts_it() {
        assert!(admits_null(&json!({ "type": ["string", "null"] })));
        assert!(admits_null(&json!({ "anyOf": [{ "$ref": "#/$defs/A" }, { "type": "null" }] })));
        assert!(admits_null(&json!(true)));
        assert!(!admits_null(&json!({ "type": "string" })));
        assert!(!admits_null(&json!({ "anyOf": [{ "type": "string" }, { "type": "number" }] })));
    }
}
