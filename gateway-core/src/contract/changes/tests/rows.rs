//! Each change of a type, and what it means in each direction.

use serde_json::{Value, json};

use super::object;
use crate::contract::Verdict::{self, Breaking, Compatible};

/// What changes, from what to what; what it means in what clients send, and in what they are sent; and what is said.
pub(super) type Row =
    (&'static str, Value, Value, Option<(Verdict, &'static str)>, Option<(Verdict, &'static str)>);

pub(super) fn all() -> Vec<Row> {
    let text = || json!({ "type": "string" });
    let whole = || json!({ "type": "integer" });
    let image = || {
        object(
            json!({ "kind": { "const": "image" }, "url": { "type": "string" } }),
            &["kind", "url"],
        )
    };
    let link = || object(json!({ "kind": { "const": "link" } }), &["kind"]);
    let untagged = |name: &str| {
        object(json!({ name: { "type": "string" }, "more": { "type": "string" } }), &[])
    };
    let image_with_size = || {
        object(
            json!({ "kind": { "const": "image" }, "url": text(), "size": whole() }),
            &["kind", "url", "size"],
        )
    };
    vec![
        (
            "a required field is new",
            object(json!({ "a": text() }), &["a"]),
            object(json!({ "a": text(), "b": text() }), &["a", "b"]),
            Some((Breaking, "e b: is new, and must be sent")),
            Some((Compatible, "e b: is new")),
        ),
        (
            "an optional field is new",
            object(json!({}), &[]),
            object(json!({ "b": text() }), &[]),
            Some((Compatible, "e b: is new, and may be sent")),
            Some((Compatible, "e b: is new")),
        ),
        (
            "a required field is gone",
            object(json!({ "a": text(), "b": text() }), &["a", "b"]),
            object(json!({ "a": text() }), &["a"]),
            Some((Compatible, "e b: is ignored from now on")),
            Some((Breaking, "e b: is not sent any more")),
        ),
        (
            "an optional field is gone",
            object(json!({ "a": text(), "b": text() }), &["a"]),
            object(json!({ "a": text() }), &["a"]),
            Some((Compatible, "e b: is ignored from now on")),
            Some((Compatible, "e b: is never sent again, and was not always sent")),
        ),
        (
            "a field is gone from a type that refuses unknown ones",
            json!({ "type": "object", "properties": { "a": text() }, "additionalProperties": false }),
            json!({ "type": "object", "properties": {}, "additionalProperties": false }),
            Some((Breaking, "e a: is refused from now on")),
            Some((Compatible, "e a: is never sent again, and was not always sent")),
        ),
        (
            "unknown fields are refused",
            object(json!({ "a": text() }), &[]),
            json!({ "type": "object", "properties": { "a": text() }, "additionalProperties": false }),
            Some((Breaking, "e: unknown fields are refused from now on")),
            None,
        ),
        (
            "an optional field becomes required",
            object(json!({ "a": text() }), &[]),
            object(json!({ "a": text() }), &["a"]),
            Some((Breaking, "e a: must be sent, and could be left out")),
            Some((Compatible, "e a: is always there")),
        ),
        (
            "a required field becomes optional",
            object(json!({ "a": text() }), &["a"]),
            object(json!({ "a": text() }), &[]),
            Some((Compatible, "e a: may be left out")),
            Some((Breaking, "e a: may be missing, and was always there")),
        ),
        (
            "a type is another",
            text(),
            whole(),
            Some((Breaking, "e: is a whole number, and was a string")),
            Some((Breaking, "e: is a whole number, and was a string")),
        ),
        (
            "an enum of names gets a variant with fields",
            json!({ "enum": ["a"] }),
            json!({ "oneOf": [{ "const": "a" }, image()] }),
            Some((Compatible, "e: also takes the form { kind: \"image\" }")),
            Some((Breaking, "e: may now be the form { kind: \"image\" }")),
        ),
        (
            "an enum with fields gets a name",
            json!({ "oneOf": [image()] }),
            json!({ "oneOf": [image(), { "enum": ["b", "c"] }] }),
            Some((Compatible, "e: also takes \"b\" or \"c\"")),
            Some((Breaking, "e: may now be \"b\" or \"c\"")),
        ),
        (
            "a list becomes a map",
            json!({ "type": "array", "items": text() }),
            json!({ "type": "object", "additionalProperties": text() }),
            Some((Breaking, "e: is an object, and was a list")),
            Some((Breaking, "e: is an object, and was a list")),
        ),
        (
            "a whole number becomes any",
            whole(),
            json!({ "type": "number" }),
            Some((Compatible, "e: may be a fraction")),
            Some((Breaking, "e: may be a fraction")),
        ),
        (
            "any number becomes a whole one",
            json!({ "type": "number" }),
            whole(),
            Some((Breaking, "e: must be a whole number")),
            Some((Compatible, "e: must be a whole number")),
        ),
        (
            "null is added",
            text(),
            json!({ "type": ["string", "null"] }),
            Some((Compatible, "e: also takes null")),
            Some((Breaking, "e: may now be null")),
        ),
        (
            "null is taken away",
            json!({ "anyOf": [{ "$ref": "#/$defs/Id" }, { "type": "null" }] }),
            json!({ "$ref": "#/$defs/Id" }),
            Some((Breaking, "e: no longer takes null")),
            Some((Compatible, "e: is never again null")),
        ),
        (
            "a value of an enum is new",
            json!({ "type": "string", "enum": ["a"] }),
            json!({ "oneOf": [{ "const": "a" }, { "const": "b" }] }),
            Some((Compatible, "e: also takes \"b\"")),
            Some((Breaking, "e: may now be \"b\"")),
        ),
        (
            "a value of an enum is gone",
            json!({ "type": "string", "enum": ["a", "b"] }),
            json!({ "type": "string", "enum": ["a"] }),
            Some((Breaking, "e: no longer takes \"b\"")),
            Some((Compatible, "e: is never again \"b\"")),
        ),
        (
            "any string becomes one of a few",
            text(),
            json!({ "type": "string", "enum": ["a", "b"] }),
            Some((Breaking, "e: is one of \"a\", \"b\", and was a string")),
            Some((Compatible, "e: is one of \"a\", \"b\", and was a string")),
        ),
        (
            "one of a few becomes any string",
            json!({ "type": "string", "enum": ["a", "b"] }),
            text(),
            Some((Compatible, "e: may be a string, and was one of \"a\", \"b\"")),
            Some((Breaking, "e: may be a string, and was one of \"a\", \"b\"")),
        ),
        (
            "a variant is new",
            json!({ "oneOf": [image()] }),
            json!({ "oneOf": [image(), link()] }),
            Some((Compatible, "e: also takes the form { kind: \"link\" }")),
            Some((Breaking, "e: may now be the form { kind: \"link\" }")),
        ),
        (
            "a variant is gone",
            json!({ "oneOf": [image(), link()] }),
            json!({ "oneOf": [link()] }),
            Some((Breaking, "e: no longer takes the form { kind: \"image\" }")),
            Some((Compatible, "e: is never again the form { kind: \"image\" }")),
        ),
        (
            "a variant changes",
            json!({ "oneOf": [link(), image()] }),
            json!({ "oneOf": [image_with_size(), link()] }),
            Some((Breaking, "e { kind: \"image\" }.size: is new, and must be sent")),
            Some((Compatible, "e { kind: \"image\" }.size: is new")),
        ),
        (
            "a variant without a tag is gone",
            json!({ "anyOf": [untagged("a"), untagged("b"), untagged("c")] }),
            json!({ "anyOf": [untagged("b"), untagged("c")] }),
            Some((Breaking, "e: no longer takes the form { a, more }")),
            Some((Compatible, "e: is never again the form { a, more }")),
        ),
        (
            "a variant without a tag changes",
            json!({ "anyOf": [untagged("a"), untagged("b")] }),
            json!({ "anyOf": [untagged("b"), object(json!({ "a": text(), "more": text(), "new": text() }), &["new"])] }),
            Some((Breaking, "e new: is new, and must be sent")),
            Some((Compatible, "e new: is new")),
        ),
        (
            "a variant that holds a type is written out, with less that is required",
            json!({ "$ref": "#/$defs/NumberedId", "type": "object", "properties": { "kind": { "const": "id" } }, "required": ["kind"] }),
            object(json!({ "kind": { "const": "id" }, "number": whole() }), &["kind"]),
            Some((Compatible, "e number: may be left out")),
            Some((Breaking, "e number: may be missing, and was always there")),
        ),
        (
            "a length is tightened",
            json!({ "type": "string", "minLength": 1 }),
            json!({ "type": "string", "minLength": 2 }),
            Some((Breaking, "e: the least length is 2, and was 1")),
            Some((Compatible, "e: the least length is 2, and was 1")),
        ),
        (
            "a length is loosened",
            json!({ "type": "string", "maxLength": 8 }),
            text(),
            Some((Compatible, "e: the greatest length is not limited, and was 8")),
            Some((Breaking, "e: the greatest length is not limited, and was 8")),
        ),
        (
            "a number is limited",
            whole(),
            json!({ "type": "integer", "maximum": 10 }),
            Some((Breaking, "e: the greatest value is 10, and was not limited")),
            Some((Compatible, "e: the greatest value is 10, and was not limited")),
        ),
        (
            "a number has more bits",
            json!({ "type": "integer", "format": "uint16", "minimum": 0, "maximum": 65535 }),
            json!({ "type": "integer", "format": "uint32", "minimum": 0 }),
            Some((Compatible, "e: the greatest value is 4294967295, and was 65535")),
            Some((Breaking, "e: the greatest value is 4294967295, and was 65535")),
        ),
        (
            "a number may be negative",
            json!({ "type": "integer", "minimum": 0 }),
            json!({ "type": "integer", "minimum": -1 }),
            Some((Compatible, "e: the least value is -1, and was 0")),
            Some((Breaking, "e: the least value is -1, and was 0")),
        ),
        (
            "a list is limited",
            json!({ "type": "array", "items": text(), "maxItems": 5 }),
            json!({ "type": "array", "items": text(), "maxItems": 3 }),
            Some((Breaking, "e: the greatest number of elements is 3, and was 5")),
            Some((Compatible, "e: the greatest number of elements is 3, and was 5")),
        ),
        (
            "a format is another",
            json!({ "type": "string", "format": "date" }),
            json!({ "type": "string", "format": "date-time" }),
            Some((Breaking, "e: has the format \"date-time\", and had \"date\"")),
            Some((Breaking, "e: has the format \"date-time\", and had \"date\"")),
        ),
        (
            "a format is demanded",
            text(),
            json!({ "type": "string", "format": "uuid" }),
            Some((Breaking, "e: has the format \"uuid\", and had none")),
            Some((Compatible, "e: has the format \"uuid\", and had none")),
        ),
        (
            "text becomes binary",
            text(),
            json!({ "type": "string", "format": "binary" }),
            Some((Breaking, "e: is binary, and was a string")),
            Some((Breaking, "e: is binary, and was a string")),
        ),
        (
            "the elements of a list change",
            json!({ "type": "array", "items": whole() }),
            json!({ "type": "array", "items": { "type": "number" } }),
            Some((Compatible, "e []: may be a fraction")),
            Some((Breaking, "e []: may be a fraction")),
        ),
        (
            "the values of a map change",
            object(
                json!({ "counts": { "type": "object", "additionalProperties": { "type": "number" } } }),
                &[],
            ),
            object(json!({ "counts": { "type": "object", "additionalProperties": whole() } }), &[]),
            Some((Breaking, "e counts.*: must be a whole number")),
            Some((Compatible, "e counts.*: must be a whole number")),
        ),
        (
            "the keys of a map are narrowed down",
            json!({ "type": "object", "additionalProperties": text() }),
            json!({ "type": "object", "patternProperties": { "^[0-9]+$": text() }, "additionalProperties": false }),
            Some((Breaking, "e: has keys like `^[0-9]+$`, and had any")),
            Some((Compatible, "e: has keys like `^[0-9]+$`, and had any")),
        ),
        (
            "the values of a map with keys of a pattern change",
            json!({ "type": "object", "patternProperties": { "^[0-9]+$": whole() }, "additionalProperties": false }),
            json!({ "type": "object", "patternProperties": { "^[0-9]+$": { "type": "number" } }, "additionalProperties": false }),
            Some((Compatible, "e *: may be a fraction")),
            Some((Breaking, "e *: may be a fraction")),
        ),
        (
            "a tuple has another length",
            json!({ "type": "array", "prefixItems": [text(), text()] }),
            json!({ "type": "array", "prefixItems": [text()] }),
            Some((Breaking, "e: has 1 elements, and had 2")),
            Some((Breaking, "e: has 1 elements, and had 2")),
        ),
        (
            "a tuple becomes a list",
            json!({ "type": "array", "prefixItems": [text(), text()] }),
            json!({ "type": "array", "items": text() }),
            Some((Breaking, "e: is a list, and was a tuple")),
            Some((Breaking, "e: is a list, and was a tuple")),
        ),
        (
            "a list becomes a set",
            json!({ "type": "array", "items": text() }),
            json!({ "type": "array", "items": text(), "uniqueItems": true }),
            Some((Breaking, "e: has the uniqueItems true, and had none")),
            Some((Compatible, "e: has the uniqueItems true, and had none")),
        ),
        (
            "a map becomes a struct",
            json!({ "type": "object", "additionalProperties": text() }),
            object(json!({ "a": text() }), &[]),
            Some((Breaking, "e: has certain fields, and was a map")),
            Some((Breaking, "e: has certain fields, and was a map")),
        ),
        (
            "a map must not be empty",
            json!({ "type": "object", "additionalProperties": text() }),
            json!({ "type": "object", "additionalProperties": text(), "minProperties": 1 }),
            Some((Breaking, "e: the least number of fields is 1, and was not limited")),
            Some((Compatible, "e: the least number of fields is 1, and was not limited")),
        ),
        (
            "a number may be between the steps",
            json!({ "type": "integer", "multipleOf": 5 }),
            whole(),
            Some((Compatible, "e: has no multipleOf any more: it was 5")),
            Some((Breaking, "e: has no multipleOf any more: it was 5")),
        ),
        (
            "a reference is followed",
            object(json!({ "id": { "$ref": "#/$defs/Id" } }), &[]),
            object(json!({ "id": { "$ref": "#/$defs/ShortId" } }), &[]),
            Some((Breaking, "e id: the greatest length is 8, and was not limited")),
            Some((Compatible, "e id: the greatest length is 8, and was not limited")),
        ),
        (
            "a type contains itself",
            json!({ "$ref": "#/$defs/Tree" }),
            json!({ "$ref": "#/$defs/NumberedTree" }),
            Some((Breaking, "e number: is new, and must be sent")),
            Some((Compatible, "e number: is new")),
        ),
        (
            "a type has another name",
            json!({ "$ref": "#/$defs/Id" }),
            json!({ "$ref": "#/$defs/Key" }),
            None,
            None,
        ),
        (
            "a reference is written out",
            json!({ "$ref": "#/$defs/Id" }),
            json!({ "allOf": [{ "type": "string" }, { "minLength": 1 }] }),
            None,
            None,
        ),
        (
            "nobody describes it any more",
            text(),
            json!({ "x-gap": "Secretive" }),
            Some((Breaking, "e: is not described any more")),
            Some((Breaking, "e: is not described any more")),
        ),
        (
            "it is described",
            json!({ "x-gap": "Secretive" }),
            text(),
            Some((Compatible, "e: is described from now on")),
            Some((Compatible, "e: is described from now on")),
        ),
        (
            "anything is narrowed down",
            json!(true),
            text(),
            Some((Breaking, "e: must be a string, and was anything")),
            Some((Compatible, "e: must be a string, and was anything")),
        ),
    ]
}
