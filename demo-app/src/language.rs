//! Which language a client reads, and what it is told in it.
//!
//! The demo's own sentences are written in Chinese where they are said, the framework's and those
//! of the rules in English. The files in `texts/` have the other language of each.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::LazyLock;

use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use gateway_core::code;
use gateway_core::prelude::*;

/// The language a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// Of everyone who does not ask for English.
    Chinese,
    English,
}

type Texts = HashMap<String, String>;

/// The demo's own sentences.
static ENGLISH: LazyLock<Texts> = LazyLock::new(|| read(include_str!("../texts/english.json")));

/// What the framework says under each of its codes, and what rules say of a field. A `#` is a number.
static CHINESE: LazyLock<Texts> = LazyLock::new(|| read(include_str!("../texts/chinese.json")));

fn read(texts: &str) -> Texts {
    serde_json::from_str(texts).expect("texts, each with its translation")
}

impl Language {
    /// Of who connected with this handshake.
    pub(crate) fn of(handshake: &Handshake) -> Self {
        Self::first_in(handshake.header(ACCEPT_LANGUAGE.as_str()).unwrap_or_default())
    }

    /// English where `Accept-Language` names it first, whatever weights it gives.
    fn first_in(accepted: &str) -> Self {
        // Without weight and region.
        let languages = accepted.split(',').filter_map(|range| range.split([';', '-']).next());
        match languages.map(str::trim).find(|language| !language.is_empty()) {
            Some(first) if first.eq_ignore_ascii_case("en") => Self::English,
            _ => Self::Chinese,
        }
    }

    /// As a document names it.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    /// One of the demo's own sentences.
    pub(crate) fn say(self, own: &str) -> &str {
        self.translation(own).unwrap_or(own)
    }

    /// What an exception says.
    pub(crate) fn message(self, exception: &WsException) -> String {
        let (message, code) = (exception.message(), exception.code());
        if self == Self::English || ENGLISH.contains_key(message) {
            return self.say(message).to_owned();
        }
        let chinese = self.translation(code).unwrap_or(message);
        match exception.errors() {
            [field, ..] if code == code::BAD_PAYLOAD && !field.path.is_empty() => {
                format!("{chinese}:`{}`", field.path)
            }
            _ => chinese.to_owned(),
        }
    }

    /// What is wrong with fields.
    pub(crate) fn fields(self, errors: &[FieldError]) -> Vec<FieldError> {
        let said = |error: &FieldError| FieldError::new(&*error.path, self.rule(&error.message));
        errors.iter().map(said).collect()
    }

    fn rule(self, english: &str) -> String {
        let digits = english.split(|c: char| !c.is_ascii_digit());
        let numbers: Vec<&str> = digits.filter(|number| !number.is_empty()).collect();
        let without = |text: String, number: &&str| text.replacen(number, "#", 1);
        let with = |text: String, number: &&str| text.replacen('#', number, 1);
        match self.translation(&numbers.iter().fold(english.to_owned(), without)) {
            Some(chinese) => numbers.iter().fold(chinese.to_owned(), with),
            None if self == Self::Chinese => self.say(code::VALIDATION).to_owned(),
            None => english.to_owned(),
        }
    }

    /// What is written in the other language, in this one.
    fn translation(self, text: &str) -> Option<&'static str> {
        let texts = match self {
            Self::Chinese => &*CHINESE,
            Self::English => &*ENGLISH,
        };
        texts.get(text).map(String::as_str)
    }
}

/// Of who sent the request.
impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let accepted = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Ok(Self::first_in(accepted.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn english_is_for_who_names_it_first() {
        for accepted in
            ["en", "en-US,en;q=0.9,zh;q=0.8", "EN-gb", " en ;q=0.1, zh", ", en", "en;q=0"]
        {
            assert_eq!(Language::first_in(accepted), Language::English, "{accepted}");
        }
        for accepted in ["", "*", "*, en", "zh-CN,en", "de, en;q=0.9", "eng", "x-en", ";q=1", ",,"]
        {
            assert_eq!(Language::first_in(accepted), Language::Chinese, "{accepted}");
        }
    }

    #[test]
    fn what_the_demo_says_is_said_in_both() {
        let refused = WsException::new("消息内容不能为空").with_code("EMPTY_MESSAGE");
        assert_eq!(Language::Chinese.message(&refused), "消息内容不能为空");
        assert_eq!(Language::English.message(&refused), "The message is empty");
        assert_eq!(Language::English.say("你的订单已确认"), "Your order is confirmed");
    }

    #[test]
    fn what_the_framework_says_is_said_in_both() {
        let refused = WsException::forbidden("Forbidden resource");
        assert_eq!(Language::Chinese.message(&refused), "没有权限");
        assert_eq!(Language::English.message(&refused), "Forbidden resource");
        let field = FieldError::new("roomId", "invalid type");
        let bad = WsException::new("Bad payload").with_code(code::BAD_PAYLOAD).with_errors([field]);
        assert_eq!(Language::Chinese.message(&bad), "消息格式不正确:`roomId`");
    }

    #[test]
    fn what_a_rule_says_keeps_its_numbers() {
        let said = |english| {
            let said = Language::Chinese.fields(&[FieldError::new("items[2]", english)]);
            assert_eq!(said[0].path, "items[2]");
            said[0].message.clone()
        };
        assert_eq!(said("must be a list of 1 to 100 items"), "必须是 1 到 100 项的列表");
        assert_eq!(said("greater than 200"), "不能大于 200");
        assert_eq!(said("must not contain the character U+0000"), "不能包含字符 U+0000");
        assert_eq!(said("of another kind"), "内容不符合要求");
        let own = Language::English.fields(&[FieldError::new("", "greater than 200")]);
        assert_eq!(own[0].message, "greater than 200");
    }

    #[test]
    fn every_code_of_the_framework_has_a_chinese_text() {
        let contract: Value =
            serde_json::from_str(include_str!("../contract/asyncapi.json")).unwrap();
        let codes = &contract["components"]["schemas"]["WsError"]["properties"]["code"]["examples"];
        let codes: Vec<&str> = codes.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(codes.contains(&code::OVERLOADED), "{codes:?}");
        for code in codes {
            assert!(CHINESE.contains_key(code), "{code}");
        }
    }
}
