//! Which change is which, in each direction.

mod rows;

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

#[test]
fn each_change_of_a_type_has_its_verdict_in_each_direction() {
    let mut wrong = Vec::new();
    for (name, old, new, taken, sent) in rows::all() {
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
