//! [`Valid`]: a payload whose type has rules, by [garde](https://docs.rs/garde).

use garde::Validate;
use serde::de::DeserializeOwned;

use crate::{
    context::ExecutionContext,
    exception::{FieldError, WsException},
    extract::{FromMessage, MessageBody, occasion::Message},
    facts::ArgumentFacts,
    wire::Argument,
};

/// A payload that keeps the rules of its type (NestJS: `ValidationPipe`).
///
/// One that breaks them is answered with `VALIDATION` and `errors: [{path, message}]`, every field
/// that fails at once; the handler does not run. The rules are garde's: its derive wants `garde` among the
/// application's own dependencies.
///
/// ```
/// # use gateway_core::prelude::*;
/// use garde::Validate;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, Validate)]
/// pub struct SendMessage {
///     #[garde(length(chars, min = 1, max = 64))]
///     room: String,
///     #[garde(length(chars, max = 4000))]
///     content: String,
/// }
///
/// # struct Gateway;
/// # impl Gateway {
/// async fn send(&self, MessageBody(Valid(message)): MessageBody<Valid<SendMessage>>) {}
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Valid<T>(pub T);

/// A type with rules.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no rules to be validated by",
    label = "`Valid<{Self}>` needs a type with rules",
    note = "derive `garde::Validate` for it, or take it as it comes: `MessageBody<{Self}>`"
)]
#[doc(hidden)]
pub trait Rules {
    fn broken(&self) -> Vec<FieldError>;
}

#[diagnostic::do_not_recommend]
impl<T: Validate<Context = ()>> Rules for T {
    fn broken(&self) -> Vec<FieldError> {
        match self.validate() {
            Ok(()) => Vec::new(),
            Err(report) => report
                .iter()
                .map(|(path, error)| FieldError::new(path.to_string(), error.to_string()))
                .collect(),
        }
    }
}

fn validated<T: Rules>(body: T) -> Result<T, Vec<FieldError>> {
    let broken = body.broken();
    if broken.is_empty() { Ok(body) } else { Err(broken) }
}

/// A path of Rust's field names in the words of the client: what it sent says how it writes them,
/// `roomId` for `room_id`.
fn as_sent(path: &str, sent: &Argument) -> String {
    let mut here = Some(sent);
    let mut words: Vec<String> = Vec::new();
    for part in path.split('.') {
        let (name, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
        let field = here.and_then(|value| field_like(value, name));
        words.push(format!("{}{indices}", field.map_or(name, |(key, _)| key)));
        here = field.map(|(_, value)| value);
        for index in indices.split(['[', ']']).filter_map(|index| index.parse::<usize>().ok()) {
            here = match here {
                Some(Argument::Array(items)) => items.get(index),
                _ => None,
            };
        }
    }
    words.join(".")
}

/// The field of that name, however its words are joined.
fn field_like<'a>(value: &'a Argument, name: &str) -> Option<(&'a str, &'a Argument)> {
    fn letters(name: &str) -> impl Iterator<Item = char> {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
    }
    let Argument::Object(fields) = value else { return None };
    let exact = fields.iter().find(|(key, _)| key == name);
    let alike = || fields.iter().find(|(key, _)| letters(key).eq(letters(name)));
    exact.or_else(alike).map(|(key, value)| (key.as_str(), value))
}

impl<G, T: DeserializeOwned + Rules> FromMessage<G, Message> for MessageBody<Valid<T>> {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        let broken = match validated(context.payload::<T>().await?) {
            Ok(body) => return Ok(Self(Valid(body))),
            Err(broken) => broken,
        };
        let sent = context.piped::<T>().await?;
        let sent = sent.first().unwrap_or(&Argument::Null);
        Err(WsException::validation(
            broken.into_iter().map(|error| FieldError {
                path: as_sent(&error.path, sent),
                message: error.message,
            }),
        ))
    }

    fn describe(facts: &mut ArgumentFacts) {
        facts.payload = Some(std::any::type_name::<Valid<T>>());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_written_as_the_client_writes_them() {
        let sent = Argument::from(json!({
            "roomId": "", "plain": 1, "lineItems": [{ "unitPrice": -1 }], "kebab-case": 0,
        }));
        assert_eq!(as_sent("room_id", &sent), "roomId");
        assert_eq!(as_sent("plain", &sent), "plain");
        assert_eq!(as_sent("line_items[0].unit_price", &sent), "lineItems[0].unitPrice");
        assert_eq!(as_sent("kebab_case", &sent), "kebab-case");
        assert_eq!(as_sent("not_sent", &sent), "not_sent");
        assert_eq!(as_sent("line_items[7].unit_price", &sent), "lineItems[7].unit_price");
        assert_eq!(as_sent("any", &Argument::Null), "any");
    }
}
