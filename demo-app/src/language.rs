//! Which language a client reads, and what it is told in it.
//!
//! The demo's own sentences are written in Chinese where they are said, the framework's and those
//! of the rules in English. The catalogues here have the other language of each.

use std::borrow::Cow;
use std::convert::Infallible;

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

/// The demo's own sentences, in English.
const OWN: [(&str, &str); 11] = [
    ("缺少 Token", "Missing token"),
    ("认证失败", "Authentication failed"),
    ("未认证", "Not authenticated"),
    ("消息内容不能为空", "The message is empty"),
    ("你不是这个房间的成员", "You are not a member of this room"),
    ("你加入的房间太多", "You are a member of too many rooms"),
    ("你的订单已确认", "Your order is confirmed"),
    ("请求内容过大", "The body is too large"),
    ("无法读取请求内容", "The body could not be read"),
    ("打开的订单流太多", "Too many streams are open"),
    ("服务器繁忙,请稍后再试", "The server is busy; try again later"),
];

/// What the framework says under each of its codes, in Chinese.
const FRAMEWORK: [(&str, &str); 13] = [
    (code::EXCEPTION, "请求失败"),
    (code::INTERNAL, "服务器内部错误"),
    (code::BAD_PAYLOAD, "消息格式不正确"),
    (code::VALIDATION, "内容不符合要求"),
    (code::UNKNOWN_EVENT, "服务器不认识这个事件"),
    (code::OVERLOADED, "等待处理的消息过多,请稍后再试"),
    (code::SHUTTING_DOWN, "服务器正在关闭"),
    (code::NO_REPLY, "服务器没有给出答复"),
    (code::UNAUTHORIZED, "认证失败"),
    (code::FORBIDDEN, "没有权限"),
    (code::TOKEN_EXPIRED, "登录已过期"),
    (code::THROTTLED, "操作过于频繁,请稍后再试"),
    (code::TIMEOUT, "处理超时"),
];

/// What rules say of a field, in Chinese. A `#` is a number.
const RULES: [(&str, &str); 11] = [
    ("length is lower than #", "长度不能小于 #"),
    ("length is greater than #", "长度不能大于 #"),
    ("lower than #", "不能小于 #"),
    ("greater than #", "不能大于 #"),
    ("must be the id of a message", "必须是消息的编号"),
    ("must not contain the character U+#", "不能包含字符 U+#"),
    ("must be a number or a string of digits", "必须是数字或由数字组成的字符串"),
    ("must be a string", "必须是字符串"),
    ("must be a list of # to # items", "必须是 # 到 # 项的列表"),
    ("must be text of # to # characters", "必须是 # 到 # 个字符的文字"),
    ("must be a whole number from # to #", "必须是 # 到 # 的整数"),
];

impl Language {
    /// Of who connected with this handshake.
    pub(crate) fn of(handshake: &Handshake) -> Self {
        Self::first_in(handshake.header(ACCEPT_LANGUAGE.as_str()).unwrap_or_default())
    }

    /// English where `Accept-Language` names it first, whatever weights it gives.
    fn first_in(accepted: &str) -> Self {
        let tags = accepted.split(',').map(|range| range.split(';').next().unwrap_or(range).trim());
        let first = tags.into_iter().find(|tag| !tag.is_empty()).unwrap_or_default();
        match first.split('-').next() {
            Some(language) if language.eq_ignore_ascii_case("en") => Self::English,
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
        self.own(own).unwrap_or(own)
    }

    /// What an exception says.
    pub(crate) fn message(self, exception: &WsException) -> Cow<'_, str> {
        let message = exception.message();
        if let Some(own) = self.own(message) {
            return own.into();
        }
        let known = FRAMEWORK.into_iter().find(|(code, _)| *code == exception.code());
        let (Self::Chinese, Some((code, chinese))) = (self, known) else { return message.into() };
        match exception.errors() {
            [field, ..] if code == code::BAD_PAYLOAD && !field.path.is_empty() => {
                format!("{chinese}:`{}`", field.path).into()
            }
            _ => chinese.into(),
        }
    }

    /// What is wrong with fields.
    pub(crate) fn fields(self, errors: &[FieldError]) -> Vec<FieldError> {
        let said = |error: &FieldError| FieldError::new(&*error.path, self.rule(&error.message));
        errors.iter().map(said).collect()
    }

    /// A sentence of [`OWN`].
    fn own(self, text: &str) -> Option<&'static str> {
        let (chinese, english) = OWN.into_iter().find(|(chinese, _)| *chinese == text)?;
        Some(match self {
            Self::Chinese => chinese,
            Self::English => english,
        })
    }

    fn rule(self, english: &str) -> Cow<'_, str> {
        let known = RULES.into_iter().find(|(form, _)| *form == without_numbers(english));
        let (Self::Chinese, Some((_, chinese))) = (self, known) else { return english.into() };
        let digits = english.split(|c: char| !c.is_ascii_digit());
        let mut numbers = digits.filter(|number| !number.is_empty());
        let mut said = String::new();
        for part in chinese.split_inclusive('#') {
            match part.strip_suffix('#') {
                Some(text) => said.extend([text, numbers.next().unwrap_or_default()]),
                None => said.push_str(part),
            }
        }
        said.into()
    }
}

/// With a `#` for each number.
fn without_numbers(text: &str) -> String {
    let mut form = String::new();
    for c in text.chars() {
        match c.is_ascii_digit() {
            false => form.push(c),
            true if form.ends_with('#') => {}
            true => form.push('#'),
        }
    }
    form
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
        assert_eq!(said("of another kind"), "of another kind");
        let own = Language::English.fields(&[FieldError::new("", "greater than 200")]);
        assert_eq!(own[0].message, "greater than 200");
    }
}
