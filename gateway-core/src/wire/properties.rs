//! What is sent is what is read, whatever it is; and whatever is read can be sent on.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Args, Argument, Arguments, InboundArguments, Number,
    encode::{Encoded, encode},
    json,
};

/// What the pickiest of the official parsers makes of a packet: each takes its own view of what
/// is a placeholder, and ends the connection when that one is not well-formed.
fn official(text: &str, attachments: usize) -> Result<(), String> {
    fn walk(value: &Argument, attachments: u64) -> Result<(), String> {
        match value {
            Argument::Array(items) => items.iter().try_for_each(|item| walk(item, attachments)),
            Argument::Object(fields) => {
                // Of keys that come twice the last one counts.
                let field = |name: &str| {
                    fields.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
                };
                let counts_as_true = match field("_placeholder") {
                    None | Some(Argument::Null | Argument::Bool(false)) => false,
                    Some(Argument::Number(number)) => number.as_f64() != Some(0.0),
                    Some(Argument::String(text)) => !text.is_empty(),
                    Some(Argument::Array(items)) => !items.is_empty(),
                    Some(Argument::Object(fields)) => !fields.is_empty(),
                    Some(Argument::Bool(true) | Argument::Binary(_)) => true,
                };
                match (counts_as_true, field("num")) {
                    (false, _) => fields.iter().try_for_each(|(_, value)| walk(value, attachments)),
                    (true, Some(Argument::Number(number)))
                        if number.as_u64().is_some_and(|number| number < attachments) =>
                    {
                        Ok(())
                    }
                    (true, _) => Err(format!("illegal attachments: {value:?}")),
                }
            }
            _ => Ok(()),
        }
    }

    let Argument::Array(list) = json::parse(text).map_err(|error| error.to_string())? else {
        return Err("not a list".to_owned());
    };
    match attachments {
        0 => Ok(()),
        1..=10 => list.iter().try_for_each(|value| walk(value, attachments as u64)),
        _ => Err("too many attachments".to_owned()),
    }
}

fn read<T: DeserializeOwned>(packet: &mut Encoded) -> Result<T, String> {
    InboundArguments::new(&packet.text, packet.attachments.make_contiguous())
        .decode()
        .map_err(|error| error.to_string())
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<u64>().prop_map(Number::from),
        any::<i64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("JSON has no such number", Number::from_f64),
    ]
}

fn json_number() -> impl Strategy<Value = Value> {
    number()
        .prop_map(|number| serde_json::from_str(&serde_json::json!(number).to_string()).unwrap())
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => any::<String>(),
        8 => "[a-z_]{0,8}",
        1 => Just("num".to_owned()),
        1 => Just("_placeholder".to_owned()),
        1 => Just("$serde_json::private::RawValue".to_owned()),
    ]
}

fn buffer() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

fn argument() -> impl Strategy<Value = Argument> {
    let leaf = prop_oneof![
        Just(Argument::Null),
        any::<bool>().prop_map(Argument::Bool),
        number().prop_map(Argument::Number),
        any::<String>().prop_map(Argument::String),
        key().prop_map(Argument::String),
        buffer().prop_map(Argument::Binary),
    ];
    leaf.prop_recursive(6, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Argument::Array),
            vec((key(), inner), 0..6).prop_map(Argument::Object),
        ]
    })
}

fn binaries(arguments: &[Argument]) -> usize {
    let of = |argument: &Argument| match argument {
        Argument::Binary(_) => 1,
        Argument::Array(items) => binaries(items),
        Argument::Object(fields) => {
            fields.iter().map(|(_, value)| binaries(std::slice::from_ref(value))).sum()
        }
        _ => 0,
    };
    arguments.iter().map(of).sum()
}

fn has_reserved_key(arguments: &[Argument]) -> bool {
    arguments.iter().any(|argument| match argument {
        Argument::Array(items) => has_reserved_key(items),
        Argument::Object(fields) => fields.iter().any(|(key, value)| {
            key == "_placeholder" || has_reserved_key(std::slice::from_ref(value))
        }),
        _ => false,
    })
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kind {
    Unit,
    Newtype(f64),
    Tuple(i64, Option<String>),
    Struct { bytes: Option<Bytes>, inner: Vec<Kind> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Typed {
    unsigned: u64,
    single: f32,
    letter: char,
    nothing: (),
    kinds: Vec<Kind>,
    by_text: BTreeMap<String, Option<bool>>,
    by_number: BTreeMap<i16, Value>,
    mixed: Vec<Argument>,
}

fn kind() -> impl Strategy<Value = Kind> {
    let float = any::<f64>().prop_filter("JSON has no such number", |value| value.is_finite());
    let leaf = prop_oneof![
        Just(Kind::Unit),
        float.prop_map(Kind::Newtype),
        any::<(i64, Option<String>)>().prop_map(|(number, text)| Kind::Tuple(number, text)),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        (prop::option::of(buffer()), vec(inner, 0..3))
            .prop_map(|(bytes, inner)| Kind::Struct { bytes, inner })
    })
}

prop_compose! {
    fn typed()(
        unsigned: u64,
        single in any::<f32>().prop_filter("JSON has no such number", |value| value.is_finite()),
        letter: char,
        kinds in vec(kind(), 0..3),
        by_text: BTreeMap<String, Option<bool>>,
        by_number in prop::collection::btree_map(any::<i16>(), json_number(), 0..3),
        mixed in vec(argument(), 0..2),
    ) -> Typed {
        Typed { unsigned, single, letter, nothing: (), kinds, by_text, by_number, mixed }
    }
}

/// JSON that is nearly right, and nearly a placeholder.
fn nearly_json() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => prop::sample::select(vec![
            "{\"_placeholder\":true,\"num\":0}", "{\"_placeholder\":true,\"num\":1}",
            "{\"num\":2,\"_placeholder\":true}", "{\"_placeholder\":true,\"num\":\"0\"}",
            "{\"_placeholder\":true}", "{\"_placeholder\":1,\"num\":7}",
            "{\"_placeholder\":false,\"num\":0}", "{\"_placeholder\":true,\"num\":-1}",
            "{\"_placeholder\":true,\"num\":0.5}", "{\"_placeholder\":true,\"num\":null}",
            "{\"_placeholder\":false,\"_placeholder\":true,\"num\":\"0\"}",
            "{\"_placeholder\":true,\"num\":0,\"num\":9}", "{\"\\u005fplaceholder\":true}",
            "{\"_placeholder\":\"true\",\"num\":-0}", "{\"_placeholder\":true,\"num\":1e400}",
            "{\"_placeholder\":true,\"num\":18446744073709551616}",
        ]).prop_map(str::to_owned),
        2 => prop::sample::select(vec![
            "null", "true", "1", "-0", "1e5", "0.1", "\"\"", "\"_placeholder\"", "\"\\ud83d\\ude00\"",
            "\"\\ud800\"", "[]", "{}", "18446744073709551616", "1e308", "1e-400", "{\"a\":1,\"a\":2}",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => any::<String>().prop_map(|text| serde_json::json!(text).to_string()),
        1 => number().prop_map(|number| number.to_string()),
    ];
    let nested = word.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            vec((key(), inner), 0..4).prop_map(|fields| {
                let fields = fields
                    .into_iter()
                    .map(|(key, value)| format!("{}:{value}", serde_json::json!(key)));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }),
        ]
    });
    let list = vec(nested, 0..4).prop_map(|items| format!("[\"e\",{}]", items.join(",")));
    (list, prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<char>()))).prop_map(
        |(mut text, typo)| {
            if let Some((at, letter)) = typo {
                let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
                text.insert(places[at.index(places.len())], letter);
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn any_arguments_are_read_as_they_were_sent(
        event: String,
        arguments in vec(argument(), 0..4),
    ) {
        let encoded = encode(Some(&event), &Args(Arguments::from(arguments.clone())));
        let count = binaries(&arguments);
        if count > 10 || (count > 0 && has_reserved_key(&arguments)) {
            prop_assert!(encoded.is_err());
            return Ok(());
        }
        let mut packet = encoded.unwrap();
        prop_assert_eq!(packet.attachments.len(), count);
        prop_assert_eq!(official(&packet.text, count), Ok(()));
        prop_assert_eq!(&read::<Arguments>(&mut packet).unwrap()[..], &arguments);
        for (index, argument) in arguments.iter().enumerate() {
            prop_assert_eq!(&read::<Arguments>(&mut packet).unwrap().at::<Argument>(index).unwrap(), argument);
        }

        // Without the event in front, and argument by argument.
        let mut answer = encode(None, &Args(arguments.clone())).unwrap();
        let answer = InboundArguments::acknowledgement(&answer.text, answer.attachments.make_contiguous()).tree();
        prop_assert_eq!(answer.unwrap(), arguments);
    }

    /// Alone, and beside an attachment, where the reader is another.
    #[test]
    fn any_value_of_a_type_is_read_as_it_was_sent(typed in typed(), bytes in buffer()) {
        if let Ok(mut alone) = encode(Some("e"), &typed) {
            prop_assert_eq!(official(&alone.text, alone.attachments.len()), Ok(()));
            prop_assert_eq!(&read::<Typed>(&mut alone).unwrap(), &typed);
        }
        if let Ok(mut beside) = encode(Some("e"), &Args((&bytes, &typed))) {
            prop_assert_eq!(official(&beside.text, beside.attachments.len()), Ok(()));
            prop_assert_eq!(read::<(Bytes, Typed)>(&mut beside).unwrap(), (bytes, typed));
        }
    }

    /// Whatever comes is refused, or can be sent on to anybody.
    #[test]
    fn whatever_is_read_can_be_sent_on(
        text in nearly_json(),
        attachments in vec(buffer(), 0..4),
    ) {
        let received = InboundArguments::new(&text, &attachments);
        let arguments = received.decode::<Arguments>();
        // A number beyond `f64` can stand in a tree, and be read by nobody.
        prop_assert!(arguments.is_err() || received.tree().is_ok());
        let _ = received.decode::<(Value, Option<Bytes>, Vec<u8>)>();
        let _ = received.decode::<Typed>();
        let _ = received.decode::<Vec<Bytes>>();
        let Ok(arguments) = arguments else { return Ok(()) };

        let mut sent = encode(Some("e"), &Args(&arguments)).unwrap();
        prop_assert!(sent.attachments.len() <= attachments.len());
        prop_assert_eq!(official(&sent.text, sent.attachments.len()), Ok(()));
        prop_assert_eq!(read::<Arguments>(&mut sent).unwrap(), arguments);
    }
}
