//! JSON → [`Argument`], with everything that JavaScript can express.
//!
//! The grammar is left to serde_json. What the text *means* is read here, because clients may send more than
//! serde_json understands: whole numbers of any size, and text that was cut in the middle of a character, which gets
//! U+FFFD in that place, as everywhere on the web.

use std::{char::DecodeUtf16Error, iter, sync::LazyLock};

use memchr::{memchr2, memchr2_iter};
use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use super::{Argument, Number, Unreadable};

/// How deeply lists and objects may be nested, including the list of arguments: as deeply as serde_json accepts.
/// Dropping a deeper tree could overflow the stack.
pub(super) const DEEPEST: usize = 127;

pub(crate) fn parse(text: &str) -> Result<Argument, Unreadable> {
    Ok(Json::new(text)?.value())
}

/// The elements of a list, without the first where that is an event's name, which nobody asks for.
pub(super) fn parse_list(text: &str, has_event: bool) -> Result<Vec<Argument>, Unreadable> {
    let mut json = Json::new(text)?;
    if json.peek() != Some(b'[') {
        return Err(Unreadable::of_ours("expected a list of arguments"));
    }
    json.skip(1);
    if has_event && json.goes_on() {
        json.skip_value();
    }
    Ok(json.items())
}

/// Whether serde_json may read the text straight into a type: not if a feature makes it present numbers as objects, not
/// if it would skip over what is nested too deeply, and not if it would keep half a character, in bytes or in a
/// `RawValue`.
pub(super) fn is_plain(text: &str) -> bool {
    !*NUMBERS_ARE_OBJECTS && !has_half_a_character(text) && !is_too_deep(text)
}

fn has_half_a_character(text: &str) -> bool {
    if !text.contains(r"\u") {
        return false;
    }
    let mut json = Json { rest: text };
    while let Some(at) = json.rest.find('\\') {
        json.skip(at);
        match json.unit() {
            Some(unit) if json.characters(unit).any(|one| one.is_err()) => return true,
            Some(_) => {}
            None => drop(json.skip(2)),
        }
    }
    false
}

/// Whether serde_json was built with `arbitrary_precision`.
static NUMBERS_ARE_OBJECTS: LazyLock<bool> = LazyLock::new(numbers_are_objects);

fn numbers_are_objects() -> bool {
    struct IsObject;

    impl<'de> Visitor<'de> for IsObject {
        type Value = bool;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a number")
        }

        fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
            Ok(false)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut number: A) -> Result<bool, A::Error> {
            while number.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(true)
        }
    }

    serde_json::Deserializer::from_str("0.5").deserialize_any(IsObject).unwrap_or(true)
}

/// Whether a text that is JSON is nested more deeply than is accepted.
pub(super) fn is_too_deep(text: &str) -> bool {
    // Whatever is opened is also closed, hence the factor. Few messages are that long, and very few of them have that
    // many brackets.
    if text.len() <= 2 * DEEPEST || memchr2_iter(b'[', b'{', text.as_bytes()).nth(DEEPEST).is_none()
    {
        return false;
    }
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => drop(bytes.next()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest > DEEPEST
}

/// The rest of a text that is known to be JSON, and not too deep.
struct Json<'a> {
    rest: &'a str,
}

impl<'a> Json<'a> {
    fn new(text: &'a str) -> Result<Self, Unreadable> {
        serde_json::from_str::<IgnoredAny>(text)?;
        if is_too_deep(text) {
            return Err(Unreadable::of_ours("nested too deeply"));
        }
        Ok(Self { rest: text })
    }

    fn value(&mut self) -> Argument {
        match self.peek() {
            Some(b'"') => Argument::String(self.string()),
            Some(b'[') => {
                self.skip(1);
                Argument::Array(self.items())
            }
            Some(b'{') => {
                self.skip(1);
                Argument::Object(iter::from_fn(|| self.goes_on().then(|| self.field())).collect())
            }
            Some(b't') => self.word("true", Argument::Bool(true)),
            Some(b'f') => self.word("false", Argument::Bool(false)),
            Some(b'n') | None => self.word("null", Argument::Null),
            Some(_) => self.number(),
        }
    }

    /// What is left of a list.
    fn items(&mut self) -> Vec<Argument> {
        iter::from_fn(|| self.goes_on().then(|| self.value())).collect()
    }

    fn skip_value(&mut self) {
        if self.peek() != Some(b'"') {
            self.value();
            return;
        }
        self.skip(1);
        self.plain();
        while self.rest.starts_with('\\') {
            // With what it escapes, which may be the sign for the text's end.
            self.skip(2);
            self.plain();
        }
        self.skip(1);
    }

    /// As much of a text as stands for itself.
    fn plain(&mut self) -> &'a str {
        let plain = memchr2(b'"', b'\\', self.rest.as_bytes());
        self.skip(plain.unwrap_or(self.rest.len()))
    }

    /// The first byte of the next token.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.bytes().next()
    }

    /// So many bytes, which are whole characters.
    fn skip(&mut self, bytes: usize) -> &'a str {
        let (skipped, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        skipped
    }

    /// Whether there is another element before the list or the object ends.
    fn goes_on(&mut self) -> bool {
        match self.peek() {
            Some(b']' | b'}') | None => {
                self.skip(1);
                false
            }
            Some(b',') => {
                self.skip(1);
                true
            }
            Some(_) => true,
        }
    }

    fn field(&mut self) -> (String, Argument) {
        self.peek();
        let key = self.string();
        // The colon.
        self.peek();
        self.skip(1);
        (key, self.value())
    }

    fn word(&mut self, word: &str, value: Argument) -> Argument {
        self.skip(word.len());
        value
    }

    fn number(&mut self) -> Argument {
        let is_part = |byte: u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest.bytes().take_while(|byte| is_part(*byte)).count();
        Argument::Number(Number::of_token(self.skip(length)))
    }

    fn string(&mut self) -> String {
        let mut text = String::new();
        self.skip(1);
        loop {
            text.push_str(self.plain());
            if !self.rest.starts_with('\\') {
                self.skip(1);
                return text;
            }
            self.escape(&mut text);
        }
    }

    fn escape(&mut self, text: &mut String) {
        if let Some(unit) = self.unit() {
            let characters = self.characters(unit);
            text.extend(characters.map(|one| one.unwrap_or(char::REPLACEMENT_CHARACTER)));
            return;
        }
        text.push(match self.skip(2).as_bytes() {
            [_, b'b'] => '\u{8}',
            [_, b'f'] => '\u{c}',
            [_, b'n'] => '\n',
            [_, b'r'] => '\r',
            [_, b't'] => '\t',
            [_, other] => char::from(*other),
            _ => char::REPLACEMENT_CHARACTER,
        });
    }

    /// The characters of as many `\uXXXX` as follow each other, from `first` on.
    fn characters(&mut self, first: u16) -> impl Iterator<Item = Result<char, DecodeUtf16Error>> {
        char::decode_utf16(iter::once(first).chain(iter::from_fn(|| self.unit())))
    }

    /// The `\uXXXX` that is next, if it is one.
    fn unit(&mut self) -> Option<u16> {
        let digits = self.rest.strip_prefix("\\u")?.get(..4)?;
        let unit = u16::from_str_radix(digits, 16).ok()?;
        self.skip(6);
        Some(unit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn text(json: &str) -> String {
        match parse(json).unwrap() {
            Argument::String(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn half_a_character_is_a_mark_in_its_place() {
        assert_eq!(text(r#""party \ud83d""#), "party \u{fffd}");
        assert_eq!(text(r#""\ud83d\ude00""#), "\u{1F600}");
        assert_eq!(
            text(r#""\uDE00\uD83D\uDE00\uD83Dx\ud83d\n""#),
            "\u{fffd}\u{1F600}\u{fffd}x\u{fffd}\n"
        );
        assert_eq!(text(r#""\ud83d\u0041\\ud83d""#), "\u{fffd}A\\ud83d");
        let Argument::Object(fields) = parse(r#"{"\udc00":1}"#).unwrap() else { panic!() };
        assert_eq!(fields, [("\u{fffd}".to_owned(), Argument::Number(1.into()))]);
    }

    #[test]
    fn escapes_are_those_of_json() {
        assert_eq!(text(r#""\"\\\/\b\f\n\r\t\u00e9""#), "\"\\/\u{8}\u{c}\n\r\té");
    }

    #[test]
    fn arguments_are_what_is_behind_the_event() {
        let arguments = |text: &str, has_event| parse_list(text, has_event).unwrap();
        let one = [Argument::Number(1.into())];
        for event in [r#""e""#, r#""""#, r#""\"\\""#, r#""\u00e9\\""#, r#" "e" "#, "[[],2]", "null"]
        {
            assert_eq!(arguments(&format!("[{event},1]"), true), one, "{event}");
            assert_eq!(arguments(&format!("[{event}]"), true), [], "{event}");
        }
        assert_eq!(arguments("[1]", false), one);
        assert_eq!(arguments("[]", true), []);
        for text in ["1", "{}", r#""e""#, "", "[1"] {
            assert!(parse_list(text, true).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_and_brackets_in_text_are_none() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(DEEPEST)).is_ok());
        assert!(parse(&nested(DEEPEST + 1)).is_err());
        assert!(parse(&nested(500_000)).is_err());
        assert!(!is_plain(&nested(DEEPEST + 1)));
        let quoted = format!(r#"["{}\"[",{}]"#, "[{".repeat(200), nested(DEEPEST - 1));
        assert!(!is_too_deep(&quoted) && parse(&quoted).is_ok());
        let hidden = format!(r#"[{}]"#, nested(DEEPEST).replace("[]", r#"["]]"]"#));
        assert!(!is_plain(&hidden) && parse(&hidden).is_err());
        assert!(!is_too_deep(&format!("[{}1]", "[],".repeat(1000))));
    }

    #[test]
    fn what_has_no_half_character_is_plain() {
        let is_plain = |text| !has_half_a_character(text);
        for text in [r#""\u00e9\ud83d\ude00""#, r#""\\ud83d""#, r#""\\\\udc00\u0041""#, r#""\u""#] {
            assert!(is_plain(text), "{text}");
        }
        for text in [r#""\ud83d""#, r#""\\\ud83d""#, r#""\u0041\udc00""#, r#""\ud83d\u0041""#] {
            assert!(!is_plain(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_it_means_is_what_serde_json_says(value in any::<String>().prop_recursive(8, 64, 4, |inner| prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|fields| {
                let fields = fields.into_iter().map(|(key, value)| format!("{} :\n{value}", Value::from(key)));
                format!("{{ {} }}", fields.collect::<Vec<_>>().join("\t,"))
            }),
            any::<String>().prop_map(|text| Value::from(text).to_string()),
            prop::sample::select(vec!["null", "true", "false", " 0 ", "-1.5e3", "\"\\u00e9\\\"\\ud83d\\ude00\""])
                .prop_map(str::to_owned),
        ])) {
            let read = parse(&value);
            match serde_json::from_str::<Argument>(&value) {
                // With features that show numbers as objects it is no model.
                Ok(_) if *NUMBERS_ARE_OBJECTS => prop_assert!(read.is_ok()),
                Ok(expected) => prop_assert_eq!(read.unwrap(), expected),
                Err(_) => prop_assert!(read.is_err(), "{}", value),
            }
        }
    }
}
