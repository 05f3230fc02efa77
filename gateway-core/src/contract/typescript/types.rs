//! Types of TypeScript, from schemas.

use std::fmt::Write as _;

use serde_json::Value;

use crate::contract::{
    names::WORDS,
    schema::{GAP, is_anything, is_binary, referred},
};

/// What clients may give for binary data, and what they are given: an `ArrayBuffer` in browsers, and in Node a
/// `Buffer`, which is a `Uint8Array`.
const TAKEN: &str = "ArrayBuffer | ArrayBufferView";
const SENT: &str = "ArrayBuffer | Uint8Array";

/// An array of so many elements is written as a tuple.
const LONGEST_TUPLE: u64 = 4;

/// A type, and what holds its parts together.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Type {
    text: String,
    joined: Option<char>,
}

impl Type {
    fn atom(text: impl Into<String>) -> Self {
        Self { text: text.into(), joined: None }
    }

    fn joined(types: Vec<Self>, by: char) -> Self {
        let mut all: Vec<Self> = Vec::new();
        for one in types {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        if by == '|' && all.iter().any(|one| one.text == "unknown") {
            return Self::atom("unknown");
        }
        if all.len() == 1 {
            return all.remove(0);
        }
        let part = |one: &Self| match one.joined {
            Some(other) if other != by => format!("({})", one.text),
            _ => one.text.clone(),
        };
        let text = all.iter().map(part).collect::<Vec<_>>().join(&format!(" {by} "));
        match all.len() {
            0 => Self::atom(if by == '|' { "never" } else { "unknown" }),
            _ => Self { text, joined: Some(by) },
        }
    }

    fn list(self) -> Self {
        Self::atom(if self.joined.is_some() {
            format!("({})[]", self.text)
        } else {
            format!("{}[]", self.text)
        })
    }
}

/// Writes the types of one direction, at some depth of the file.
#[derive(Debug, Clone, Copy)]
pub(in crate::contract) struct Writer {
    /// Whether clients send them.
    pub(in crate::contract) taken: bool,
    pub(in crate::contract) depth: usize,
}

impl Writer {
    pub(in crate::contract) fn written(self, schema: &Value) -> String {
        self.of(schema).text
    }

    /// A schema's type, or else `other`.
    pub(in crate::contract) fn written_or(self, schema: &Value, other: &str) -> String {
        Type::joined(vec![self.of(schema), Type::atom(other)], '|').text
    }

    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn of(self, schema: &Value) -> Type {
        if is_anything(schema) {
            return Type::atom("unknown");
        }
        let Some(fields) = schema.as_object() else { return Type::atom("never") };
        let mut parts: Vec<Type> = Vec::new();
        if let Some(name) = referred(schema) {
            parts.push(Type::atom(name));
        }
        let values = match (fields.get("const"), schema["enum"].as_array()) {
            (Some(value), _) => Some(vec![literal(value)]),
            (None, Some(values)) => Some(values.iter().map(literal).collect()),
            _ => None,
        };
        if let Some(values) = values {
            parts.push(Type::joined(values, '|'));
        } else if let Some(own) = self.own(schema, parts.is_empty()) {
            parts.push(own);
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(options) = schema[key].as_array() {
                parts.push(Type::joined(options.iter().map(|one| self.of(one)).collect(), '|'));
            }
        }
        if let Some(all) = schema["allOf"].as_array() {
            parts.extend(all.iter().map(|one| self.of(one)));
        }
        // Among options, an index would have to admit the fields of all of them.
        if schema.get("unevaluatedProperties").is_some_and(|others| *others != false) {
            parts.push(Type::atom("{ [key: string]: unknown }"));
        }
        // What says nothing adds nothing.
        parts.retain(|part| part.text != "unknown");
        Type::joined(parts, '&')
    }

    /// What a schema says by its own type, without its references and options.
    fn own(self, schema: &Value, is_first: bool) -> Option<Type> {
        let is_only_options = || {
            ["oneOf", "anyOf", "allOf"].iter().any(|key| schema.get(*key).is_some()) || !is_first
        };
        match &schema["type"] {
            Value::Array(kinds) => {
                let kinds = kinds.iter().filter_map(Value::as_str);
                Some(Type::joined(kinds.map(|kind| self.kind(schema, kind)).collect(), '|'))
            }
            Value::String(kind) if kind == "object" => {
                let says = ["properties", "additionalProperties", "patternProperties"];
                let says_more =
                    says.iter().any(|key| schema.get(*key).is_some_and(|value| *value != false));
                (says_more || !is_only_options()).then(|| self.object(schema))
            }
            Value::String(kind) => Some(self.kind(schema, kind)),
            _ if schema.get("properties").is_some() => Some(self.object(schema)),
            _ if schema.get("prefixItems").is_some() || schema.get("items").is_some() => {
                Some(self.array(schema))
            }
            _ => None,
        }
    }

    fn kind(self, schema: &Value, kind: &str) -> Type {
        match kind {
            "null" => Type::atom("null"),
            "boolean" => Type::atom("boolean"),
            "integer" | "number" => Type::atom("number"),
            "string" if is_binary(schema) => {
                Type { text: if self.taken { TAKEN } else { SENT }.to_owned(), joined: Some('|') }
            }
            "string" => Type::atom("string"),
            "array" => self.array(schema),
            "object" => self.object(schema),
            _ => Type::atom("unknown"),
        }
    }

    fn array(self, schema: &Value) -> Type {
        if let Some(items) = schema["prefixItems"].as_array() {
            let least = schema["minItems"]
                .as_u64()
                .and_then(|least| usize::try_from(least).ok())
                .unwrap_or(0);
            let item = |(index, item): (usize, &Value)| match self.of(item) {
                one if index < least => one.text,
                Type { text, joined: None } => format!("{text}?"),
                Type { text, .. } => format!("({text})?"),
            };
            let mut all: Vec<String> = items.iter().enumerate().map(item).collect();
            let is_closed =
                schema["items"] == false || schema["maxItems"].as_u64() == Some(items.len() as u64);
            if !is_closed {
                let rest = schema.get("items").map_or(Type::atom("unknown"), |rest| self.of(rest));
                all.push(format!("...{}", rest.list().text));
            }
            return Type::atom(format!("[{}]", all.join(", ")));
        }
        let item = schema.get("items").map_or(Type::atom("unknown"), |item| self.of(item));
        match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
            (Some(least), Some(most)) if least == most && (1..=LONGEST_TUPLE).contains(&most) => {
                let all = vec![item.text; usize::try_from(most).unwrap_or(1)];
                Type::atom(format!("[{}]", all.join(", ")))
            }
            _ => item.list(),
        }
    }

    fn object(self, schema: &Value) -> Type {
        let named = schema["properties"].as_object().filter(|properties| !properties.is_empty());
        let others = self.others(schema);
        match (named, others) {
            (None, Some(others)) => Type::atom(format!("{{ [key: string]: {} }}", others.text)),
            (None, None) if is_empty_by_rule(schema) => Type::atom("{ [key: string]: never }"),
            (None, None) => Type::atom("{ [key: string]: unknown }"),
            (Some(_), _) => Type::atom(self.fields(schema)),
        }
    }

    /// The type of the fields that are not listed, if there may be any that mean something.
    fn others(self, schema: &Value) -> Option<Type> {
        let all = schema.get("additionalProperties").filter(|one| one.is_object() || **one == true);
        let patterns =
            schema["patternProperties"].as_object().into_iter().flat_map(|all| all.values());
        let types: Vec<Type> = all.into_iter().chain(patterns).map(|one| self.of(one)).collect();
        (!types.is_empty()).then(|| Type::joined(types, '|'))
    }

    /// The fields of an object, in braces.
    pub(in crate::contract) fn fields(self, schema: &Value) -> String {
        let indent = "  ".repeat(self.depth + 1);
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut properties: Vec<(&String, &Value)> =
            schema["properties"].as_object().into_iter().flatten().collect();
        properties.sort_by_key(|(name, _)| *name);
        let mut text = String::from("{\n");
        let mut types = Vec::new();
        for (name, field) in properties {
            text += &docs(&told(field), &indent);
            let is_required = required.contains(&name.as_str());
            let one = self.deeper().of(field);
            let mark = if is_required { "" } else { "?" };
            let _ = writeln!(text, "{indent}{}{mark}: {};", key(name), one.text);
            types.push(one);
            if !is_required {
                types.push(Type::atom("undefined"));
            }
        }
        if let Some(others) = self.deeper().others(schema) {
            // An index must admit the listed fields, too.
            types.insert(0, others);
            let _ = writeln!(text, "{indent}[key: string]: {};", Type::joined(types, '|').text);
        }
        text + &"  ".repeat(self.depth) + "}"
    }

    /// A definition, as an interface if it is one.
    pub(in crate::contract) fn definition(self, name: &str, schema: &Value) -> String {
        let indent = "  ".repeat(self.depth);
        let docs = docs(&told(schema), &indent);
        if is_interface(schema) {
            return format!("{docs}{indent}export interface {name} {}\n", self.fields(schema));
        }
        match self.options(schema) {
            Some(options) => format!("{docs}{indent}export type {name} =\n{options};\n"),
            None => format!("{docs}{indent}export type {name} = {};\n", self.written(schema)),
        }
    }

    /// The options of a union, one a line, if one of them has docs or fields.
    fn options(self, schema: &Value) -> Option<String> {
        let options = schema["oneOf"].as_array().or(schema["anyOf"].as_array())?;
        let is_long =
            |one: &Value| ["description", "properties"].iter().any(|key| one.get(*key).is_some());
        let is_alone = ["properties", "allOf", "$ref", "unevaluatedProperties"];
        if is_alone.iter().any(|key| schema.get(*key).is_some()) || !options.iter().any(is_long) {
            return None;
        }
        let indent = "  ".repeat(self.depth + 1);
        let option = |one: &Value| {
            let docs = docs(&told(one), &indent);
            format!("{docs}{indent}| {}", self.deeper().written(one))
        };
        Some(options.iter().map(option).collect::<Vec<_>>().join("\n"))
    }
}

fn is_interface(schema: &Value) -> bool {
    schema["type"] == "object"
        && schema["properties"].as_object().is_some_and(|properties| !properties.is_empty())
        && ["oneOf", "anyOf", "allOf", "$ref", "const", "enum", GAP]
            .iter()
            .all(|key| schema.get(*key).is_none())
}

/// Whether it is an object that has no fields, and may have none.
fn is_empty_by_rule(schema: &Value) -> bool {
    schema["additionalProperties"] == false
}

/// Whether it cannot be the name of a parameter.
pub(super) fn is_word(name: &str) -> bool {
    WORDS.contains(&name)
}

fn literal(value: &Value) -> Type {
    Type::atom(value.to_string())
}

/// The name of a field or of an event, in quotes where it needs them.
pub(in crate::contract) fn key(name: &str) -> String {
    let is_plain = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
    if is_plain { name.to_owned() } else { Value::from(name).to_string() }
}

/// What a schema says to people.
fn told(schema: &Value) -> String {
    let description = schema["description"].as_str().unwrap_or_default();
    let tag = if schema["deprecated"] == true { "\n\n@deprecated" } else { "" };
    format!("{description}{tag}")
}

/// A comment for editors and documentation.
pub(in crate::contract) fn docs(text: &str, indent: &str) -> String {
    let text = text.trim().replace("*/", "*\\/");
    match text.lines().count() {
        0 => String::new(),
        1 => format!("{indent}/** {text} */\n"),
        _ => {
            let line = |line: &str| match line.trim_end() {
                "" => format!("{indent} *\n"),
                line => format!("{indent} * {line}\n"),
            };
            format!("{indent}/**\n{}{indent} */\n", text.lines().map(line).collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_schema_has_its_type() {
        let text = || json!({ "type": "string" });
        let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
        let rows = [
            (json!(true), "unknown"),
            (json!(false), "never"),
            (json!({ "x-gap": "Secretive" }), "unknown"),
            (json!({ "description": "Anything." }), "unknown"),
            (json!({ "type": ["integer", "null"], "format": "uint8" }), "number | null"),
            (json!({ "const": { "a": [1, null] } }), r#"{"a":[1,null]}"#),
            (json!({ "type": "string", "enum": ["a", "it's", null] }), r#""a" | "it's" | null"#),
            (
                json!({ "type": "array", "items": { "type": ["string", "null"] } }),
                "(string | null)[]",
            ),
            (json!({ "type": "array" }), "unknown[]"),
            (
                json!({ "type": "array", "items": text(), "minItems": 2, "maxItems": 2 }),
                "[string, string]",
            ),
            (json!({ "type": "array", "items": text(), "minItems": 9, "maxItems": 9 }), "string[]"),
            (
                json!({ "type": "array", "prefixItems": [text(), { "type": "null" }], "maxItems": 2, "minItems": 1 }),
                "[string, null?]",
            ),
            (
                json!({ "type": "array", "prefixItems": [text()], "minItems": 1 }),
                "[string, ...unknown[]]",
            ),
            (json!({ "type": "object" }), "{ [key: string]: unknown }"),
            (
                json!({ "type": "object", "additionalProperties": false }),
                "{ [key: string]: never }",
            ),
            (
                json!({ "type": "object", "patternProperties": { "^a": { "type": "boolean" } } }),
                "{ [key: string]: boolean }",
            ),
            (
                json!({ "type": "object", "properties": { "a b": text(), "c": true }, "required": ["c"], "additionalProperties": { "type": "number" } }),
                "{\n  \"a b\"?: string;\n  c: unknown;\n  [key: string]: unknown;\n}",
            ),
            (
                json!({ "type": "object", "properties": { "a": text() }, "additionalProperties": { "type": "number" } }),
                "{\n  a?: string;\n  [key: string]: number | string | undefined;\n}",
            ),
            (json!({ "allOf": [reference("A"), reference("B"), {}] }), "A & B"),
            (json!({ "anyOf": [reference("A"), { "type": "null" }] }), "A | null"),
            (
                json!({ "$ref": "#/$defs/A", "anyOf": [reference("B"), reference("C")] }),
                "A & (B | C)",
            ),
            (
                json!({ "$ref": "#/$defs/A", "type": "object", "properties": { "tag": { "const": 1 } }, "required": ["tag"] }),
                "A & {\n  tag: 1;\n}",
            ),
            (
                json!({ "oneOf": [reference("A")], "unevaluatedProperties": text() }),
                "A & { [key: string]: unknown }",
            ),
        ];
        let writer = Writer { taken: false, depth: 0 };
        for (schema, expected) in rows {
            assert_eq!(writer.written(&schema), expected, "{schema}");
        }
    }

    #[test]
    fn bytes_are_given_in_more_forms_than_they_come_in() {
        let schema = json!({ "type": ["string", "null"], "format": "binary" });
        let written = |taken| Writer { taken, depth: 0 }.written(&schema);
        assert_eq!(written(true), "ArrayBuffer | ArrayBufferView | null");
        assert_eq!(written(false), "ArrayBuffer | Uint8Array | null");
    }

    #[test]
    fn what_is_deprecated_is_so_in_editors() {
        let schema = json!({
            "type": "object",
            "properties": { "old": { "type": "string", "description": "A name.", "deprecated": true } },
        });
        let written = Writer { taken: true, depth: 0 }.written(&schema);
        assert_eq!(
            written,
            "{\n  /**\n   * A name.\n   *\n   * @deprecated\n   */\n  old?: string;\n}"
        );
    }

    #[test]
    fn names_that_are_no_identifiers_are_quoted_and_docs_end_no_comment() {
        assert_eq!(key("plain_1$"), "plain_1$");
        assert_eq!(
            ["", "1st", "a-b", "a\"b\n", "é"].map(key),
            [r#""""#, r#""1st""#, r#""a-b""#, r#""a\"b\n""#, r#""é""#]
        );
        assert_eq!(docs("", "  "), "");
        assert_eq!(docs(" One */ line. ", "  "), "  /** One *\\/ line. */\n");
        assert_eq!(docs("One.\n\nTwo.  ", ""), "/**\n * One.\n *\n * Two.\n */\n");
    }
}
