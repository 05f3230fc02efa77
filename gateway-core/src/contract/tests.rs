//! What a contract says, whatever it is written as.

// Of most types only the schemas are looked at.
#![allow(dead_code)]

use std::collections::BTreeMap;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Contract,
    description::{
        ArgumentsDescription::{List, None as Nothing, One, Optional, Unknown},
        EventDescription, GatewayDescription, HandlerDescription, ReplyDescription,
    },
    fixture::{self, event, filter, gateway, handler, known, one, place, unknown},
};

fn locked(contract: &Contract) -> Value {
    serde_json::to_value(contract.lock()).expect("json")
}

fn of(gateways: Vec<GatewayDescription>) -> Contract {
    Contract::of(gateways, Vec::new())
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Defaulted {
    #[serde(default)]
    count: u8,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Holder {
    inner: Defaulted,
}

#[test]
fn a_type_that_differs_by_direction_has_two_names_and_so_has_what_holds_it() {
    let contract =
        of(vec![gateway("/", vec![handler("a", one::<Holder>(), one::<Holder>())], Vec::new())]);
    let namespace = &locked(&contract)["namespaces"]["/"];
    let definitions = namespace["definitions"].as_object().expect("definitions");
    let names: Vec<&str> = definitions.keys().map(String::as_str).collect();
    assert_eq!(names, ["Defaulted", "DefaultedInput", "Holder", "HolderInput", "WsError"]);
    assert_eq!(definitions["DefaultedInput"].get("required"), None);
    assert_eq!(definitions["Defaulted"]["required"], json!(["count"]));
    assert_eq!(definitions["HolderInput"]["properties"]["inner"]["$ref"], "#/$defs/DefaultedInput");
    assert_eq!(definitions["Holder"]["properties"]["inner"]["$ref"], "#/$defs/Defaulted");
    let message = &namespace["clientToServer"]["a"];
    assert_eq!(message["arguments"][0]["$ref"], "#/$defs/HolderInput");
    assert_eq!(message["ack"]["arguments"][0]["$ref"], "#/$defs/Holder");
}

#[test]
fn what_is_taken_only_has_its_own_name_and_what_nobody_uses_has_none() {
    let contract = of(vec![gateway("/", vec![handler("a", one::<Holder>(), Nothing)], Vec::new())]);
    let definitions = &locked(&contract)["namespaces"]["/"]["definitions"];
    let names: Vec<&String> = definitions.as_object().expect("definitions").keys().collect();
    assert_eq!(names, ["Defaulted", "Holder", "WsError"]);
    assert_eq!(definitions["Defaulted"].get("required"), None);
}

/// Types that the fixture has, too.
mod elsewhere {
    use super::{Deserialize, JsonSchema, Serialize};

    #[derive(Serialize, Deserialize, JsonSchema)]
    pub(super) struct Base {
        pub(super) other: bool,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    pub(super) struct Bytes {
        pub(super) count: u8,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    pub(super) struct WsError {
        pub(super) own: bool,
    }
}

#[test]
fn types_of_one_name_stay_two_and_are_reported() {
    let gateways = |swapped: bool| {
        let mut handlers = vec![
            handler("a", one::<fixture::Base>(), Nothing),
            handler("b", one::<elsewhere::Base>(), Nothing),
        ];
        if swapped {
            handlers.reverse();
        }
        vec![gateway("/", handlers, Vec::new()), gateway("/other", Vec::new(), Vec::new())]
    };
    let contract = of(gateways(false));
    let definitions = &locked(&contract)["namespaces"]["/"]["definitions"];
    assert!(definitions["Base"]["properties"].get("id").is_some(), "{definitions}");
    assert!(definitions["Base2"]["properties"].get("other").is_some(), "{definitions}");
    let note = contract.notes().iter().find(|note| note.contains("`Base2`")).expect("a note");
    assert!(note.starts_with("/: two types are called `Base`"), "{note}");
    assert!(note.contains("#[schemars(rename = \"BaseOf{T}\")]"), "{note}");
    // Links come in any order.
    let mut other_order = gateways(true);
    other_order.reverse();
    assert_eq!(of(other_order).lock(), contract.lock());
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Größe/Länge ~ 100%")]
struct Odd {
    of: Option<Box<Odd>>,
}

#[test]
fn names_of_types_become_identifiers() {
    let contract =
        of(vec![gateway("/", vec![handler("a", one::<Vec<Odd>>(), Nothing)], Vec::new())]);
    let namespace = &locked(&contract)["namespaces"]["/"];
    let reference = json!("#/$defs/Gr__e_L_nge___100_");
    assert_eq!(namespace["clientToServer"]["a"]["arguments"][0]["items"]["$ref"], reference);
    let definition = &namespace["definitions"]["Gr__e_L_nge___100_"];
    assert_eq!(definition["properties"]["of"]["anyOf"][0]["$ref"], reference, "{namespace}");
}

#[derive(Deserialize, JsonSchema)]
struct Base2 {
    _own: fixture::Base,
}

#[test]
fn a_name_that_ends_in_a_digit_is_no_second_one() {
    let handlers = vec![
        handler("a", one::<Base2>(), Nothing),
        handler("b", one::<Vec<fixture::Base>>(), Nothing),
    ];
    let contract = of(vec![gateway("/", handlers, Vec::new())]);
    let definitions = &locked(&contract)["namespaces"]["/"]["definitions"];
    assert!(
        definitions.get("Base").is_some() && definitions.get("Base2").is_some(),
        "{definitions}"
    );
    assert_eq!(contract.notes(), [""; 0]);
}

#[test]
fn types_of_an_application_may_have_the_names_of_ours() {
    let handlers = vec![
        handler("a", one::<elsewhere::Bytes>(), one::<fixture::Socket>()),
        handler("b", one::<Bytes>(), Nothing),
    ];
    let contract = of(vec![gateway("/", handlers, vec![event("c", one::<elsewhere::WsError>())])]);
    let namespace = &locked(&contract)["namespaces"]["/"];
    let messages = &namespace["clientToServer"];
    assert_eq!(messages["a"]["arguments"][0]["$ref"], "#/$defs/Bytes2");
    assert_eq!(messages["b"]["arguments"][0], json!({ "type": "string", "format": "binary" }));
    assert_eq!(messages["a"]["ack"]["arguments"][0]["$ref"], "#/$defs/Socket_");
    let event = &namespace["serverToClient"]["c"];
    assert_eq!(event["arguments"][0]["$ref"], "#/$defs/WsError2");
    assert!(namespace["definitions"]["WsError"]["properties"].get("moreErrors").is_some());
}

#[test]
fn what_has_no_schema_is_a_gap_with_its_place() {
    let handlers = vec![
        HandlerDescription {
            name: "send_message",
            place: place(12),
            ..handler("a", One(unknown::<fixture::Secretive>()), Nothing)
        },
        HandlerDescription {
            name: "custom",
            place: place(20),
            ..handler("b", Unknown("`Audit` is an extractor of the application's own"), Nothing)
        },
    ];
    let contract = of(vec![gateway("/", handlers, Vec::new())]);
    let gaps: Vec<String> = contract.gaps().iter().map(ToString::to_string).collect();
    assert_eq!(
        gaps,
        [
            "`Secretive` (src/chat.rs:12, `send_message`) has no schema: derive `schemars::JsonSchema` for it",
            "`custom` (src/chat.rs:20) has arguments that are not known: `Audit` is an extractor of the application's own",
        ]
    );
    let messages = &locked(&contract)["namespaces"]["/"]["clientToServer"];
    assert_eq!(messages["a"]["arguments"], json!([{ "x-gap": "Secretive" }]));
    assert_eq!(messages["b"]["arguments"], json!([]));
}

#[test]
fn arguments_that_may_be_left_out_are_counted() {
    let handlers = vec![
        handler("optional", Optional(known::<u8>()), Nothing),
        handler("nullable", one::<Option<u8>>(), one::<Option<u8>>()),
        handler("last", List(known::<(u8, Option<u8>, Option<u8>)>()), Nothing),
        handler("first", List(known::<(Option<u8>, u8)>()), Nothing),
    ];
    let contract = of(vec![gateway("/", handlers, Vec::new())]);
    let messages = &locked(&contract)["namespaces"]["/"]["clientToServer"];
    let optional = |event: &str| messages[event]["optional"].as_u64();
    assert_eq!(optional("optional"), Some(1));
    assert_eq!(optional("nullable"), Some(1));
    assert_eq!(optional("last"), Some(2));
    assert_eq!(optional("first"), None);
    assert_eq!(messages["nullable"]["ack"].get("optional"), None, "what is sent is sent");
}

#[test]
fn the_error_is_what_the_filters_make_of_it() {
    let own = HandlerDescription {
        filters: vec![filter::<fixture::Denied>("A")],
        ..handler("a", Nothing, Nothing)
    };
    let gateway = GatewayDescription {
        filters: vec![filter::<fixture::Problem>("B")],
        ..gateway("/", vec![own, handler("b", Nothing, Nothing)], Vec::new())
    };
    let contract = Contract::of(vec![gateway], vec![filter::<String>("C")]);
    let messages = &locked(&contract)["namespaces"]["/"]["clientToServer"];
    let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let text = json!({ "type": "string" });
    assert_eq!(messages["a"]["errors"], json!([reference("Denied"), reference("Problem"), text]));
    assert_eq!(messages["b"]["errors"], json!([reference("Problem"), text]));
}

#[test]
fn the_event_of_errors_is_always_there_and_so_are_those_of_filters_and_answers() {
    let pong = HandlerDescription {
        reply: ReplyDescription::Events(Some(event("pong", one::<u8>()))),
        ..handler("ping", Nothing, Nothing)
    };
    let told = crate::description::FilterDescription {
        event: Some(event("exception", one::<fixture::Problem>())),
        ..filter::<fixture::Problem>("A")
    };
    let gateway =
        GatewayDescription { filters: vec![told], ..gateway("/", vec![pong], Vec::new()) };
    let contract = of(vec![gateway]);
    let events = &locked(&contract)["namespaces"]["/"]["serverToClient"];
    assert_eq!(events["pong"]["arguments"][0]["type"], "integer");
    let either = json!({ "anyOf": [{ "$ref": "#/$defs/WsError" }, { "$ref": "#/$defs/Problem" }] });
    assert_eq!(events["exception"]["arguments"], json!([either]));
}

#[test]
fn the_event_that_renews_a_session_is_the_frameworks_and_fails_as_all_others() {
    let gateway = GatewayDescription {
        filters: vec![filter::<fixture::Problem>("A")],
        renewal: Some("renew".to_owned()),
        ..gateway("/", vec![handler("a", Nothing, Nothing)], Vec::new())
    };
    let contract = Contract::of(vec![gateway], vec![filter::<String>("B")]);
    let messages = &locked(&contract)["namespaces"]["/"]["clientToServer"];
    assert_eq!(messages["renew"]["errors"], messages["a"]["errors"]);
    let definitions = contract.typescript();
    let renews = "renew: (value: string | { [key: string]: unknown }, ack: (reply: {";
    assert!(definitions.contains(renews), "{definitions}");
}

#[test]
fn an_event_that_is_declared_twice_is_the_one_or_the_other() {
    let asked = |name, payload| EventDescription { ack: Some(Nothing), ..event(name, payload) };
    let events = vec![
        event("same", one::<u8>()),
        event("same", one::<u8>()),
        event("either", one::<bool>()),
        event("either", one::<String>()),
        event("unlike", one::<bool>()),
        event("unlike", List(known::<(bool, bool)>())),
        event("asked", Nothing),
        asked("asked", Nothing),
    ];
    let contract = of(vec![gateway("/", Vec::new(), events)]);
    let events = &locked(&contract)["namespaces"]["/"]["serverToClient"];
    assert_eq!(events["same"]["arguments"][0]["format"], "uint8");
    let either = json!([{ "anyOf": [{ "type": "boolean" }, { "type": "string" }] }]);
    assert_eq!(events["either"]["arguments"], either);
    assert_eq!(events["unlike"], json!({ "arguments": [], "more": true }));
    assert_eq!(events["asked"]["ack"], json!({ "arguments": [] }));
    assert_eq!(contract.notes(), ["/: `asked` is declared twice, with different acknowledgements"]);
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Numbers {
    large: i64,
    #[schemars(range(max = 9_007_199_254_740_991_i64))]
    limited: u64,
    small: u32,
    listed: Vec<BTreeMap<String, u64>>,
}

#[test]
fn numbers_of_which_javascript_loses_digits_are_noted() {
    let contract =
        of(vec![gateway("/", vec![handler("a", one::<Numbers>(), one::<u64>())], Vec::new())]);
    let named: Vec<&str> =
        contract.notes().iter().filter_map(|note| note.split('`').nth(1)).collect();
    assert_eq!(named, ["Numbers.large", "Numbers.listed[].*", "a"]);
}

#[test]
fn both_forms_of_a_type_have_one_note() {
    let contract = fixture::contract();
    let notes = contract.notes().iter().filter(|note| note.contains("senderId"));
    let named: Vec<&str> = notes.filter_map(|note| note.split('`').nth(1)).collect();
    assert_eq!(named, ["ChatMessage.senderId"]);
}

#[derive(Serialize, JsonSchema)]
struct WithStatus<T> {
    status: T,
}

#[test]
fn an_answer_that_looks_like_an_error_is_noted() {
    let handlers = vec![
        handler("any", Nothing, one::<WithStatus<String>>()),
        handler("few", Nothing, one::<WithStatus<fixture::Status>>()),
    ];
    let contract = of(vec![gateway("/", handlers, Vec::new())]);
    let notes: Vec<&String> =
        contract.notes().iter().filter(|note| note.contains("as errors have")).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("/: the answer to `any`"), "{notes:?}");
}

#[test]
fn a_lock_is_read_as_it_was_written_and_has_no_prose() {
    let lock = fixture::contract().lock();
    let text = lock.to_string();
    assert_eq!(text.parse::<super::Lock>().expect("a lock"), lock);
    assert!(
        text.ends_with("}\n") && !text.contains("description") && !text.contains("Someone"),
        "{text}"
    );
    let later = text.replace("\"contract\": 1", "\"contract\": 2");
    let refused = later.parse::<super::Lock>().expect_err("a later version");
    assert_eq!(
        refused.to_string(),
        "this is no lock of a contract: it has version 2, and this program knows version 1"
    );
}

/// A payload with rules, which `Valid` applies.
#[cfg(feature = "validate")]
#[derive(Deserialize, JsonSchema, garde::Validate)]
struct Ruled {
    #[garde(length(chars, min = 1, max = 64))]
    room: String,
    #[garde(range(min = 1, max = 10))]
    level: u8,
    #[garde(length(max = 3), inner(length(max = 5)))]
    tags: Vec<String>,
    #[garde(ip)]
    address: String,
    #[garde(skip)]
    other: u8,
}

#[cfg(feature = "validate")]
#[test]
fn the_rules_of_garde_are_limits() {
    let contract = of(vec![gateway("/", vec![handler("a", one::<Ruled>(), Nothing)], Vec::new())]);
    let fields = &locked(&contract)["namespaces"]["/"]["definitions"]["Ruled"]["properties"];
    assert_eq!(fields["room"], json!({ "type": "string", "minLength": 1, "maxLength": 64 }));
    assert_eq!((&fields["level"]["minimum"], &fields["level"]["maximum"]), (&json!(1), &json!(10)));
    assert_eq!(
        (&fields["tags"]["maxItems"], &fields["tags"]["items"]["maxLength"]),
        (&json!(3), &json!(5))
    );
    assert_eq!(fields["address"]["format"], "ip");
    assert_eq!(fields["other"]["maximum"], 255);
}

/// The files that `tests/contract` gives to other tools.
#[test]
fn the_contract_of_odd_shapes_is_the_one_that_other_tools_read() {
    fixture::contract().titled("Odd shapes", "1.0.0").assert_committed("../tests/contract/fixture");
}
