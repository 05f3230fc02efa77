//! However a payload is read, it is read as the same: plainly, behind a pipe, beside attachments,
//! as an acknowledgement, and after an interceptor has had it. What cannot be read is refused by all
//! of them, in the same words.
//!
//! `scripts/test.sh` runs this once more with the features of serde_json that an application may
//! switch on for everybody.

use std::{borrow::Cow, cell::RefCell, collections::BTreeMap, fmt, fmt::Debug};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::select};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use super::{Args, Argument, Arguments, Binary, InboundArguments, encode, from_tree, json, shape};

/// What came of it, for people: the value, or the error with and without what was sent.
type Read = Result<String, [String; 2]>;

fn shown<T: Debug>(read: Result<T, super::Unreadable>) -> Read {
    read.map(|value| format!("{value:?}")).map_err(|error| {
        let quoting = error.to_string();
        let own = error.field(false);
        [quoting, format!("{}: {}", own.path, own.message)]
    })
}

/// Reads the arguments, written `1,"two"`, in every way there is.
fn ways<T: DeserializeOwned + Debug>(arguments: &str) -> Vec<(&'static str, Read)> {
    let event = match arguments {
        "" => r#"["e"]"#.to_owned(),
        some => format!(r#"["e",{some}]"#),
    };
    let answer = format!("[{arguments}]");
    let plain = InboundArguments::new(&event, &[]);
    let attachments = [Bytes::from_static(b"beside")];
    let mut ways = vec![
        ("plainly", shown(plain.decode::<T>())),
        ("piped", shown(plain.tree().and_then(|tree| from_tree::<T>(&tree, shape::<T>())))),
        ("beside", shown(InboundArguments::new(&event, &attachments).decode::<T>())),
        ("acknowledged", shown(InboundArguments::acknowledgement(&answer, &[]).decode::<T>())),
    ];
    // What an interceptor is given is in a tree, and is written from there.
    if let Ok(tree) = plain.tree() {
        let relayed = encode(Some("e"), &Args(tree)).unwrap();
        let relayed = InboundArguments::new(&relayed.text, &[]).decode::<T>();
        ways.push(("intercepted", shown(relayed)));
    }
    ways
}

fn agree<T: DeserializeOwned + Debug>(arguments: &str) -> Result<(), TestCaseError> {
    let ways = ways::<T>(arguments);
    let (_, plainly) = &ways[0];
    for (way, read) in &ways {
        let of = std::any::type_name::<T>();
        prop_assert_eq!(read, plainly, "{} of {} as {}", way, arguments, of);
    }
    Ok(())
}

/// Text that was kept as it came is the same where it says the same.
struct Raw(Box<RawValue>);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::deserialize(deserializer).map(Self)
    }
}

impl Debug for Raw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        json::parse(self.0.get()).fmt(formatter)
    }
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
enum Kind {
    Unit,
    Newtype(u64),
    Tuple(i8, Option<String>),
    Struct {
        a: u64,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind")]
#[allow(dead_code)]
enum Tagged {
    Unit,
    Newtype(BTreeMap<String, u64>),
    Struct { a: u64, b: Option<f64> },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", content = "a")]
#[allow(dead_code)]
enum Adjacent {
    Unit,
    Newtype(u64),
    Tuple(i8, f32),
    Struct { a: u64 },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Untagged {
    Whole(u64),
    Number(f64),
    Texts(BTreeMap<String, String>),
    Pair(bool, u8),
    Nothing,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Flattened {
    a: Option<u64>,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Inner {
    b: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Strict {
    a: Wrapper,
    #[serde(default)]
    b: Option<Box<Strict>>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Wrapper(Option<u8>);

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Nothing;

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Mixed {
    #[serde(default)]
    a: Vec<Argument>,
    #[serde(default)]
    b: Option<Raw>,
    #[serde(default)]
    kind: Cow<'static, str>,
}

/// Types that are made at run time: each asks for what a derived one asks for.
#[derive(Debug, Clone)]
enum Type {
    Leaf(Leaf),
    Option(Box<Type>),
    Seq(Box<Type>),
    Tuple(Vec<Type>),
    Map(Leaf, Box<Type>),
    /// With the fields `a`, `b`, ..; what it does not know it ignores.
    Struct(Vec<Type>),
    Newtype(Box<Type>),
    Ignored,
}

macro_rules! leaves {
    ($($leaf:ident: $type:ty),*) => {
        #[derive(Debug, Clone, Copy)]
        enum Leaf { $($leaf),* }

        const LEAVES: &[Leaf] = &[$(Leaf::$leaf),*];

        impl<'de> DeserializeSeed<'de> for Leaf {
            type Value = String;

            fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<String, D::Error> {
                match self {
                    $(Self::$leaf => <$type>::deserialize(from).map(|value| format!("{value:?}")),)*
                }
            }
        }
    };
}

leaves! {
    U8: u8, U16: u16, U32: u32, U64: u64, U128: u128, I8: i8, I16: i16, I32: i32, I64: i64, I128: i128,
    F32: f32, F64: f64, Bool: bool, Char: char, Text: String, Cow: Cow<'static, str>, Bytes: Bytes,
    Binary: Binary, Vec: Vec<u8>, Array: [u8; 2], Unit: (), UnitStruct: Nothing, Kind: Kind,
    Value: Value, Number: serde_json::Number, Argument: Argument, Raw: Raw
}

const NAMES: &[&str] = &["a", "b", "c"];

impl<'de> DeserializeSeed<'de> for &Type {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<String, D::Error> {
        match self {
            Type::Leaf(leaf) => leaf.deserialize(from),
            Type::Option(_) => from.deserialize_option(self),
            Type::Seq(_) => from.deserialize_seq(self),
            Type::Tuple(types) => from.deserialize_tuple(types.len(), self),
            Type::Map(..) => from.deserialize_map(self),
            Type::Struct(types) => from.deserialize_struct("Struct", &NAMES[..types.len()], self),
            Type::Newtype(_) => from.deserialize_newtype_struct("Newtype", self),
            Type::Ignored => from.deserialize_ignored_any(IgnoredAny).map(|_| "_".to_owned()),
        }
    }
}

impl<'de> Visitor<'de> for &Type {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("what the type says")
    }

    fn visit_none<E>(self) -> Result<String, E> {
        Ok("none".to_owned())
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<String, D::Error> {
        match self {
            Type::Option(inner) => inner.deserialize(from),
            _ => Err(serde::de::Error::custom("something")),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<String, D::Error> {
        match self {
            Type::Newtype(inner) => inner.deserialize(from),
            _ => Err(serde::de::Error::custom("a newtype")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<String, A::Error> {
        let mut read = Vec::new();
        match self {
            Type::Seq(inner) => {
                while let Some(item) = items.next_element_seed(&**inner)? {
                    read.push(item);
                }
            }
            Type::Tuple(types) | Type::Struct(types) => {
                for one in types {
                    let item = items.next_element_seed(one)?;
                    let missing = || serde::de::Error::invalid_length(read.len(), &"more");
                    let item = item.ok_or_else(missing)?;
                    read.push(item);
                }
            }
            _ => return Err(serde::de::Error::custom("a list")),
        }
        Ok(format!("{read:?}"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<String, A::Error> {
        let mut read = Vec::new();
        match self {
            Type::Map(key, inner) => {
                while let Some(key) = fields.next_key_seed(*key)? {
                    read.push((key, fields.next_value_seed(&**inner)?));
                }
            }
            Type::Struct(types) => {
                while let Some(key) = fields.next_key::<Cow<'static, str>>()? {
                    match NAMES.iter().zip(types).find(|(name, _)| **name == key) {
                        Some((name, inner)) => {
                            read.push(((*name).to_owned(), fields.next_value_seed(inner)?));
                        }
                        None => drop(fields.next_value::<IgnoredAny>()?),
                    }
                }
            }
            _ => return Err(serde::de::Error::custom("an object")),
        }
        Ok(format!("{read:?}"))
    }
}

thread_local! {
    static ASKED: RefCell<Type> = const { RefCell::new(Type::Ignored) };
}

/// Of the type that was asked for last.
struct Dynamic(String);

impl<'de> Deserialize<'de> for Dynamic {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        ASKED.with_borrow(|asked| asked.deserialize(from)).map(Self)
    }
}

impl Debug for Dynamic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn some_type() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![8 => select(LEAVES).prop_map(Type::Leaf), 1 => Just(Type::Ignored)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Type::Option(inner.into())),
            inner.clone().prop_map(|inner| Type::Seq(inner.into())),
            vec(inner.clone(), 0..3).prop_map(Type::Tuple),
            (select(LEAVES), inner.clone()).prop_map(|(key, inner)| Type::Map(key, inner.into())),
            vec(inner.clone(), 0..3).prop_map(Type::Struct),
            inner.prop_map(|inner| Type::Newtype(inner.into())),
        ]
    })
}

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "255",
    "256",
    "-0",
    "1.0",
    "200.0",
    "256.0",
    "-1.0",
    "-0.0",
    "1e2",
    "1.5",
    "0.1",
    "1E+2",
    "18446744073709551615",
    "18446744073709551616",
    "18446744073709551617",
    "1e19",
    "1e39",
    "-9223372036854775808",
    "-9223372036854775809",
    "9007199254740993",
    "9007199254740993.0",
    "340282366920938463463374607431768211455",
    "340282366920938463463374607431768211456",
    "-170141183460469231731687303715884105728",
    "1e300",
    "1e400",
    "-1e400",
    "1e-400",
    "5e-324",
    "1.0000000596046448",
    "16777217",
    "3.4028235677973366e38",
    "0.1000000000000000055511151231257827",
];

const TEXTS: &[&str] = &[
    r#""""#,
    r#""a""#,
    r#""é""#,
    r#""\u00e9""#,
    r#""\ud83d\ude00""#,
    r#""\ud83d""#,
    r#""x\ude00\n""#,
    r#""1""#,
    r#""1.0""#,
    r#""true""#,
    r#""Unit""#,
    r#""Newtype""#,
    r#""nobody's""#,
    r#""\"\\\/""#,
];

const KEYS: &[&str] = &[
    "a",
    "b",
    "c",
    "1",
    "-1",
    "1.0",
    "01",
    " 1",
    "1e2",
    "300",
    "18446744073709551617",
    "true",
    "false",
    "kind",
    "Unit",
    "Newtype",
    "Tuple",
    "Struct",
    r"\u0061",
    r"\u0031",
    r"\ud83d",
    "é",
    "",
    "$serde_json::private::RawValue",
    "$serde_json::private::Number",
];

fn token() -> impl Strategy<Value = String> {
    let of = |tokens: &'static [&'static str]| select(tokens).prop_map(str::to_owned);
    prop_oneof![
        4 => of(NUMBERS),
        3 => of(TEXTS),
        2 => of(&["null", "true", "false", "[]", "{}"]),
        1 => any::<f64>().prop_map(|value| serde_json::json!(value).to_string()),
        1 => any::<i128>().prop_map(|value| value.to_string()),
        1 => any::<String>().prop_map(|text| serde_json::json!(text).to_string()),
        1 => Just(format!("{}{}", "[".repeat(130), "]".repeat(130))),
    ]
}

fn some_json() -> impl Strategy<Value = String> {
    token().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,"))),
            vec((select(KEYS), inner), 0..4).prop_map(|fields| {
                let fields = fields.iter().map(|(key, value)| format!("\"{key}\": {value}"));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

/// JSON that is likely to be a value of the type, and its neighbours.
fn value_of(asked: &Type) -> BoxedStrategy<String> {
    let list = |types: &[Type]| -> BoxedStrategy<Vec<String>> {
        types.iter().map(value_of).collect::<Vec<_>>().boxed()
    };
    let likely = match asked {
        Type::Leaf(_) | Type::Ignored => return token().boxed(),
        Type::Option(inner) | Type::Newtype(inner) => value_of(inner),
        Type::Seq(inner) => {
            vec(value_of(inner), 0..3).prop_map(|items| format!("[{}]", items.join(","))).boxed()
        }
        Type::Tuple(types) => {
            list(types).prop_map(|items| format!("[{}]", items.join(","))).boxed()
        }
        Type::Map(_, inner) => vec((select(KEYS), value_of(inner)), 0..3)
            .prop_map(|fields| {
                let fields = fields.iter().map(|(key, value)| format!("\"{key}\":{value}"));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            })
            .boxed(),
        Type::Struct(types) => (list(types), some_json())
            .prop_map(|(values, other)| {
                let fields =
                    NAMES.iter().zip(values).map(|(name, value)| format!("\"{name}\":{value},"));
                format!("{{{}\"other\":{other}}}", fields.collect::<String>())
            })
            .boxed(),
    };
    prop_oneof![8 => likely, 1 => some_json()].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn a_value_of_any_type_is_the_same_in_every_way(
        (asked, value) in some_type().prop_flat_map(|asked| (Just(asked.clone()), value_of(&asked))),
    ) {
        ASKED.set(asked);
        agree::<Dynamic>(&value)?;
        agree::<(Dynamic, Option<Dynamic>)>(&value)?;
        agree::<Vec<Dynamic>>(&format!("[{value}]"))?;
        agree::<Dynamic>("")?;

        // As serde_json itself reads it, where that can.
        if json::is_plain(&value) && let Ok(expected) = serde_json::from_slice::<Dynamic>(value.as_bytes()) {
            prop_assert_eq!(&ways::<Dynamic>(&value)[0].1, &Ok(format!("{expected:?}")));
        }
    }

    #[test]
    fn a_value_of_a_derived_type_is_the_same_in_every_way(
        value in some_json(),
        more in vec(token(), 0..3),
    ) {
        agree::<Kind>(&value)?;
        agree::<Tagged>(&value)?;
        agree::<Adjacent>(&value)?;
        agree::<Untagged>(&value)?;
        agree::<Flattened>(&value)?;
        agree::<Strict>(&value)?;
        agree::<Mixed>(&value)?;
        agree::<Vec<Untagged>>(&format!("[{value},{value}]"))?;
        let all = [vec![value], more].concat().join(",");
        agree::<Arguments>(&all)?;
        agree::<(Value, Kind, Option<Flattened>)>(&all)?;
    }
}

fn reads<T: DeserializeOwned + Debug>(value: &str, expected: &str) {
    for (way, read) in ways::<T>(value) {
        assert_eq!(read.as_deref(), Ok(expected), "{value} is read {way}");
    }
}

/// Python, Dart and others write every number as a float.
#[test]
fn a_whole_number_is_one_however_it_is_written() {
    reads::<u64>("7.0", "7");
    reads::<i8>("-1.0", "-1");
    reads::<u8>("1e2", "100");
    reads::<u64>("-0.0", "0");
    reads::<u128>("1e19", "10000000000000000000");
    reads::<BTreeMap<u8, u8>>(r#"{"1":2.0}"#, "{1: 2}");
    reads::<Flattened>(r#"{"b":2.0}"#, "Flattened { a: None, inner: Inner { b: 2 }, rest: {} }");
    reads::<Tagged>(r#"{"kind":"Struct","a":1.0,"b":2.0}"#, "Struct { a: 1, b: Some(2.0) }");
    reads::<f64>("7.0", "7.0");
    reads::<Untagged>("7.0", "Number(7.0)");
}

#[test]
fn whole_numbers_keep_their_digits() {
    reads::<u128>("18446744073709551617", "18446744073709551617");
    reads::<i128>("-9223372036854775809", "-9223372036854775809");
    reads::<BTreeMap<u128, i128>>(r#"{"18446744073709551617":-1}"#, "{18446744073709551617: -1}");
    reads::<Raw>("18446744073709551617", "Ok(Number(Number(18446744073709551617)))");
}

#[test]
fn half_a_character_is_a_mark_in_its_place() {
    reads::<String>(r#""party \ud83d""#, r#""party �""#);
    reads::<Value>(r#""\ude00""#, r#"String("�")"#);
    reads::<char>(r#""\ud83d""#, r"'�'");
    reads::<BTreeMap<String, u8>>(r#"{"\ud83d":1}"#, r#"{"�": 1}"#);
    reads::<Arguments>(r#""\ud83d",1"#, r#"Arguments([String("�"), Number(Number(1))])"#);
}

#[test]
fn what_is_wrong_is_said_alike() {
    fn wrong<T: DeserializeOwned + Debug>(value: &str, quoting: &str, own: &str) {
        for (way, read) in ways::<T>(value) {
            assert_eq!(read, Err([quoting.to_owned(), own.to_owned()]), "{value} is read {way}");
        }
    }
    type Stock = BTreeMap<String, BTreeMap<u64, i64>>;
    wrong::<Stock>(
        r#"{"amounts":{"1":2,"2":"three"}}"#,
        "`amounts.2`: invalid type: string \"three\", expected a whole number that fits",
        "*.*: invalid type: string, expected a whole number that fits",
    );
    wrong::<Stock>(
        r#"{"amounts":{"one":2}}"#,
        "`amounts.one`: invalid type: string \"one\", expected a whole number that fits, not negative",
        "*.*: invalid type: string, expected a whole number that fits, not negative",
    );
    wrong::<Strict>(
        r#"{"a":1,"c":"s3cret"}"#,
        "`c`: unknown field `c`, expected `a` or `b`",
        "*: unknown field, expected `a` or `b`",
    );
    wrong::<Strict>(
        r#"{"a":300.0}"#,
        "`a`: invalid value: integer `300`, expected a whole number that fits, not negative",
        "a: invalid value: integer, expected a whole number that fits, not negative",
    );
    wrong::<(u8, Adjacent)>(
        r#"1,{"kind":"s3cret"}"#,
        "`[1].kind`: unknown variant `s3cret`, expected one of `Unit`, `Newtype`, `Tuple`, `Struct`",
        "[1].kind: unknown variant, expected one of `Unit`, `Newtype`, `Tuple`, `Struct`",
    );
    wrong::<Untagged>(
        r#""s3cret""#,
        "data did not match any variant",
        ": data did not match any variant",
    );
    let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
    wrong::<Option<IgnoredAny>>(&deep, "nested too deeply", ": nested too deeply");
}
