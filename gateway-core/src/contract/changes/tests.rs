//! Which change is which, in each direction.

use serde_json::{Value, json};

use super::{
    Change,
    Verdict::{self, Breaking, Compatible},
};
use crate::contract::{Lock, fixture};

/// A lock with one event in each direction.
fn lock(namespace: &Value) -> Lock {
    let lock = json!({ "contract": 1, "namespaces": { "/chat": namespace } });
    lock.to_string().parse().expect("a lock")
}

/// The same schema taken and sent, with these definitions.
fn both_ways(schema: &Value) -> Lock {
    let message = json!({ "e": { "arguments": [schema], "ack": { "arguments": [] } } });
    lock(&json!({
        "clientToServer": message,
        "serverToClient": message,
        "definitions": {
            "Id": { "type": "string", "minLength": 1 },
            "Key": { "type": "string", "minLength": 1 },
            "ShortId": { "type": "string", "minLength": 1, "maxLength": 8 },
            "NumberedId": object(json!({ "number": { "type": "integer" } }), &["number"]),
            "Tree": { "type": "object", "properties": { "below": { "type": "array", "items": { "$ref": "#/$defs/Tree" } } } },
            "NumberedTree": { "type": "object", "required": ["number"], "properties": {
                "number": { "type": "integer" },
                "below": { "type": "array", "items": { "$ref": "#/$defs/NumberedTree" } },
            } },
        },
    }))
}

fn since(old: &Lock, new: &Lock) -> Vec<Change> {
    super::between(old, new)
}

fn said(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

/// What changes, from what to what; what it means in what clients send, and in what they are sent; and what is said.
type Row =
    (&'static str, Value, Value, Option<(Verdict, &'static str)>, Option<(Verdict, &'static str)>);

fn rows() -> Vec<Row> {
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

#[test]
fn each_change_of_a_type_has_its_verdict_in_each_direction() {
    let mut wrong = Vec::new();
    for (name, old, new, taken, sent) in rows() {
        // Each direction on its own, so that the places say which one it is.
        for (direction, expected) in [("clientToServer", taken), ("serverToClient", sent)] {
            let alone = |schema: &Value| {
                let mut lock = serde_json::to_value(both_ways(schema)).expect("json");
                let namespace = &mut lock["namespaces"]["/chat"];
                let other =
                    if direction == "clientToServer" { "serverToClient" } else { "clientToServer" };
                namespace[other] = json!({});
                namespace[direction]["e"]["ack"].take();
                lock.to_string().parse::<Lock>().expect("a lock")
            };
            let changes = said(&since(&alone(&old), &alone(&new)));
            let expected: Vec<String> = expected
                .map(|(verdict, what)| {
                    let verdict = if verdict == Breaking { "breaking  " } else { "compatible" };
                    format!("{verdict}  /chat {what}")
                })
                .into_iter()
                .collect();
            if changes != expected {
                wrong.push(format!("{name} ({direction}): {changes:#?}, not {expected:#?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn acknowledgements_go_the_other_way_round() {
    let lock_of = |ack: &Value| {
        lock(&json!({
            "clientToServer": { "asked": { "arguments": [], "ack": { "arguments": [ack] } } },
            "serverToClient": { "told": { "arguments": [], "ack": { "arguments": [ack] } } },
        }))
    };
    let (text, optional) = (json!({ "type": "string" }), json!({ "type": ["string", "null"] }));
    assert_eq!(
        said(&since(&lock_of(&text), &lock_of(&optional))),
        [
            "breaking    /chat asked ack: may now be null",
            "compatible  /chat told ack: also takes null",
        ]
    );
    assert_eq!(
        said(&since(&lock_of(&optional), &lock_of(&text))),
        [
            "breaking    /chat told ack: no longer takes null",
            "compatible  /chat asked ack: is never again null",
        ]
    );
}

#[test]
fn what_comes_and_goes_is_judged() {
    let event = |name: &str| json!({ name: { "arguments": [] } });
    let row = |old: Value, new: Value| said(&since(&lock(&old), &lock(&new)));
    let (none, send, receive) = (
        json!({}),
        json!({ "clientToServer": event("a") }),
        json!({ "serverToClient": event("a") }),
    );
    assert_eq!(row(none.clone(), send.clone()), ["compatible  /chat a: the event is new"]);
    assert_eq!(row(none.clone(), receive.clone()), ["compatible  /chat a: the event is new"]);
    assert_eq!(row(send, none.clone()), ["breaking    /chat a: the event is not taken any more"]);
    assert_eq!(row(receive, none.clone()), ["breaking    /chat a: the event is not sent any more"]);
    let others = json!({ "takesOtherEvents": true });
    assert_eq!(
        row(others.clone(), none.clone()),
        ["breaking    /chat: events without a handler of their own are not taken any more"]
    );
    assert_eq!(
        row(none.clone(), others),
        ["compatible  /chat: events without a handler of their own are taken as well"]
    );
    let nothing: Lock = r#"{"contract":1,"namespaces":{}}"#.parse().expect("a lock");
    assert_eq!(said(&since(&lock(&none), &nothing)), ["breaking    /chat: the namespace is gone"]);
    assert_eq!(said(&since(&nothing, &lock(&none))), ["compatible  /chat: the namespace is new"]);
}

#[test]
fn an_acknowledgement_that_comes_or_goes_breaks_clients_that_do_not_know() {
    let sent =
        |ack: Value| lock(&json!({ "serverToClient": { "a": { "arguments": [], "ack": ack } } }));
    let (without, with) = (sent(Value::Null), sent(json!({ "arguments": [] })));
    assert_eq!(
        said(&since(&without, &with)),
        ["breaking    /chat a ack: clients have to acknowledge the event from now on"]
    );
    assert_eq!(
        said(&since(&with, &without)),
        [
            "breaking    /chat a ack: no acknowledgement is asked for any more: clients call a function that is not there"
        ]
    );
}

#[test]
fn arguments_are_counted() {
    let text = json!({ "type": "string" });
    let lock_of = |direction: &str, count: usize, optional: usize| {
        lock(
            &json!({ direction: { "a": { "arguments": vec![text.clone(); count], "optional": optional } } }),
        )
    };
    let row = |direction: &str, old: (usize, usize), new: (usize, usize)| {
        said(&since(&lock_of(direction, old.0, old.1), &lock_of(direction, new.0, new.1)))
    };
    let (taken, sent) = ("clientToServer", "serverToClient");
    assert_eq!(
        row(taken, (1, 0), (2, 0)),
        ["breaking    /chat a: the number of arguments must be 2, and was 1"]
    );
    assert_eq!(
        row(taken, (1, 0), (2, 1)),
        ["compatible  /chat a: the number of arguments may be 1 to 2, and was 1"]
    );
    assert_eq!(
        row(taken, (2, 0), (1, 0)),
        ["compatible  /chat a: the number of arguments may be 1, and was 2"]
    );
    assert_eq!(
        row(taken, (1, 1), (1, 0)),
        ["breaking    /chat a: the number of arguments must be 1, and was 0 to 1"]
    );
    assert_eq!(
        row(sent, (1, 0), (2, 0)),
        ["compatible  /chat a: the number of arguments is 2, and was 1"]
    );
    assert_eq!(
        row(sent, (2, 0), (1, 0)),
        ["breaking    /chat a: the number of arguments is 1, and was 2"]
    );
    assert_eq!(row(sent, (1, 0), (1, 0)), [""; 0]);
}

#[test]
fn another_error_is_one_that_clients_do_not_know() {
    let body = |field: &str| json!({ "type": "object", "properties": { field: { "type": "string" } }, "required": [field] });
    let lock_of = |errors: &[Value]| {
        let message = json!({ "arguments": [], "ack": { "arguments": [] }, "errors": errors });
        let definitions =
            json!({ "WsError": object(json!({ "status": { "const": "error" } }), &["status"]) });
        lock(&json!({ "clientToServer": { "a": message }, "definitions": definitions }))
    };
    let (without, with) = (lock_of(&[]), lock_of(&[body("problem")]));
    assert_eq!(
        said(&since(&without, &with)),
        ["breaking    /chat a error: may now be the form { problem }"]
    );
    assert_eq!(
        said(&since(&with, &without)),
        ["compatible  /chat a error: is never again the form { problem }"]
    );
}

#[test]
fn what_changes_of_the_standard_error_is_said_once() {
    let lock_of = |error: Value| {
        let reference = json!({ "$ref": "#/$defs/WsError" });
        lock(&json!({
            "clientToServer": { "a": { "ack": {} }, "b": { "ack": {} } },
            "serverToClient": { "exception": { "arguments": [reference] } },
            "definitions": { "WsError": error },
        }))
    };
    let (old, new) =
        (object(json!({ "code": { "type": "string" } }), &["code"]), object(json!({}), &[]));
    assert_eq!(
        said(&since(&lock_of(old), &lock_of(new))),
        ["breaking    /chat exception code: is not sent any more"]
    );
}

#[test]
fn each_field_that_has_changed_is_named() {
    let lock_of = |kind: &str| {
        let field = json!({ "type": kind });
        let payload = object(json!({ "a": field, "b": { "type": "array", "items": field } }), &[]);
        lock(&json!({ "clientToServer": { "e": { "arguments": [payload] } } }))
    };
    assert_eq!(
        said(&since(&lock_of("string"), &lock_of("boolean"))),
        [
            "breaking    /chat e a: is a boolean, and was a string",
            "breaking    /chat e b[]: is a boolean, and was a string",
        ]
    );
}

#[test]
fn variants_are_known_by_their_types_wherever_they_stand() {
    let lock_of = |names: [&str; 2], kind: &str| {
        let held =
            |field: &str| object(json!({ field: { "type": kind }, "more": { "type": kind } }), &[]);
        let options = names.map(|name| json!({ "$ref": format!("#/$defs/{name}") }));
        lock(&json!({
            "clientToServer": { "e": { "arguments": [{ "anyOf": options }] } },
            "definitions": { "Left": held("left"), "Right": held("right") },
        }))
    };
    let (old, new) = (lock_of(["Left", "Right"], "boolean"), lock_of(["Right", "Left"], "string"));
    assert_eq!(
        said(&since(&old, &new)),
        [
            "breaking    /chat e left: is a string, and was a boolean",
            "breaking    /chat e more: is a string, and was a boolean",
            "breaking    /chat e right: is a string, and was a boolean",
        ]
    );
}

#[test]
fn any_number_of_arguments_is_more_than_a_few() {
    let lock_of = |payload: Value| {
        lock(&json!({ "clientToServer": { "e": payload }, "serverToClient": { "f": payload } }))
    };
    let text = json!({ "type": "string" });
    let (few, any) = (lock_of(json!({ "arguments": [text] })), lock_of(json!({ "more": text })));
    assert_eq!(
        said(&since(&few, &any)),
        [
            "breaking    /chat f: has any number of arguments, and had 1",
            "compatible  /chat e: has any number of arguments, and had 1",
        ]
    );
    assert_eq!(
        said(&since(&any, &few)),
        [
            "breaking    /chat e: has 1 arguments, and had any number",
            "compatible  /chat f: has 1 arguments, and had any number",
        ]
    );
    let others = lock_of(json!({ "more": { "type": "boolean" } }));
    assert_eq!(
        since(&any, &others)[0].to_string(),
        "breaking    /chat e arguments: is a boolean, and was a string"
    );
    let unknown = lock_of(json!({ "more": { "x-gap": "an extractor" } }));
    assert_eq!(
        since(&few, &unknown)[0].to_string(),
        "breaking    /chat e: the arguments are not known any more"
    );
    assert_eq!(
        since(&unknown, &few)[0].to_string(),
        "compatible  /chat e: the arguments are known from now on"
    );
}

#[test]
fn breaking_changes_come_first() {
    let (old, new) =
        (json!({ "clientToServer": { "z": {} } }), json!({ "clientToServer": { "a": {} } }));
    let verdicts: Vec<Verdict> =
        since(&lock(&old), &lock(&new)).iter().map(Change::verdict).collect();
    assert_eq!(verdicts, [Breaking, Compatible]);
}

#[test]
fn a_contract_has_not_changed_since_itself() {
    let contract = fixture::contract();
    assert_eq!(contract.changes_since(&contract.lock()), []);
    let written: Lock = contract.lock().to_string().parse().expect("a lock");
    assert_eq!(contract.changes_since(&written), []);
}
