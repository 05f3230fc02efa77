//! [`Valid`]: a payload whose type has validation rules, from [garde](https://docs.rs/garde).

use std::collections::HashSet;

use axum::extract::{FromRequest, Request};
use garde::Validate;
use serde::de::DeserializeOwned;

use crate::{
    call::extract::facts::ArgumentFacts,
    call::{
        context::{ExecutionContext, Payload},
        extract::{
            Body, BodyRejection, FromMessage, MessageBody, body::JsonBody, occasion::Message,
        },
    },
    exception::{FieldError, WsException},
    wire::{Argument, Listed},
};

/// A payload that satisfies the rules of its type (NestJS: `ValidationPipe`).
///
/// A payload that breaks rules is answered with `VALIDATION` and `errors: [{path, message}]`, which lists
/// every failing field at once; the handler does not run. The rules are [garde](crate::garde)'s: its derive
/// macro needs `garde` among the application's own dependencies, in the version that is re-exported here. A
/// type whose rules come from elsewhere implements [`Rules`].
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

impl<T: Listed> Listed for Valid<T> {}

/// A type with validation rules, for [`Valid`]: it derives [garde](crate::garde)'s `Validate`, or implements
/// this trait itself.
///
/// ```
/// use gateway_core::{FieldError, Rules};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Span {
///     from: u32,
///     to: u32,
/// }
///
/// impl Rules for Span {
///     fn broken(&self) -> Vec<FieldError> {
///         match self.from <= self.to {
///             true => Vec::new(),
///             false => vec![FieldError::new("to", "is before `from`")],
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no validation rules",
    label = "`Valid<{Self}>` needs a type with rules",
    note = "derive `garde::Validate` for it, from garde 0.23, or take it unvalidated: `MessageBody<{Self}>`",
    note = "`Validate` from another version of garde is a different trait: the one that counts here is \
            `gateway_core::garde`'s, which is `garde = \"0.23\"` in Cargo.toml"
)]
pub trait Rules {
    /// The rules that are broken, each with the path of its field; empty if there are none.
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

/// The total length, in bytes, of the distinct names in the paths of a payload's errors. A type has few names
/// of its own, but the keys of a map are the client's: any number of them, of any length.
const LONGEST_NAMES: usize = 896;

/// Translates paths of Rust field names into the client's spelling, `roomId` for `room_id`, by looking at
/// what it sent.
struct Paths<'a> {
    sent: &'a Argument,
    names: HashSet<String>,
    room: usize,
    /// Whether names that come from the client alone are repeated.
    repeats: bool,
}

impl<'a> Paths<'a> {
    fn new(sent: &'a Argument, repeats: bool) -> Self {
        Self { sent, names: HashSet::new(), room: LONGEST_NAMES, repeats }
    }

    /// The broken rules, with their paths as the client writes them.
    fn of(&mut self, broken: Vec<FieldError>) -> impl Iterator<Item = FieldError> {
        broken
            .into_iter()
            .map(|error| FieldError { path: self.as_sent(&error.path), message: error.message })
    }

    fn as_sent(&mut self, path: &str) -> String {
        let mut here = Some(self.sent);
        let mut words: Vec<String> = Vec::new();
        for part in path.split('.') {
            let (name, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
            let field = here.and_then(|value| field_like(value, name));
            words.push(format!("{}{indices}", self.shown(field.map_or(name, |(key, _)| key))));
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

    fn shown<'n>(&mut self, name: &'n str) -> &'n str {
        let is_word = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !self.repeats && !is_word(name) {
            return "*";
        }
        if self.names.contains(name) {
            return name;
        }
        let Some(room) = self.room.checked_sub(name.len()) else { return "…" };
        self.room = room;
        self.names.insert(name.to_owned());
        name
    }
}

/// The field of that name, however its words are joined in the client's spelling.
fn field_like<'a>(value: &'a Argument, name: &str) -> Option<(&'a str, &'a Argument)> {
    fn letters(name: &str) -> impl Iterator<Item = char> {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
    }
    let Argument::Object(fields) = value else { return None };
    let exact = fields.iter().find(|(key, _)| key == name);
    // Only letters and digits are compared, so without this a matching key could be of any length.
    let is_like = |key: &str| key.len() <= 2 * name.len() && letters(key).eq(letters(name));
    let alike = || fields.iter().find(|(key, _)| is_like(key));
    exact.or_else(alike).map(|(key, value)| (key.as_str(), value))
}

impl<G, T: DeserializeOwned + Rules> FromMessage<G, Message> for MessageBody<Valid<T>> {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        let Payload { value, piped } = context.payload::<T>().await?;
        let broken = match validated(value) {
            Ok(body) => return Ok(Self(Valid(body))),
            Err(broken) => broken,
        };
        // The rules saw what the pipes returned, so that is where their paths lead.
        let sent = match piped {
            Some(piped) => piped,
            None => context.sent()?,
        };
        let sent = sent.first().unwrap_or(&Argument::Null);
        let mut paths = Paths::new(sent, context.gateway_namespace().settings.include_cause);
        Err(WsException::validation(paths.of(broken)))
    }

    fn describe(facts: &mut ArgumentFacts) {
        facts.takes_payload::<Valid<T>>();
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Rules> FromRequest<S> for Body<Valid<T>> {
    type Rejection = BodyRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, BodyRejection> {
        let body = JsonBody::of(request, state).await?;
        validated(body.read()?).map(|value| Self(Valid(value))).map_err(|broken| {
            let mut paths = Paths::new(body.value(), body.repeats);
            BodyRejection::invalid(paths.of(broken))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn as_sent(path: &str, sent: &Argument) -> String {
        Paths::new(sent, true).as_sent(path)
    }

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

    #[test]
    fn names_that_the_client_made_up_are_bounded() {
        let stretched = Argument::from(json!({ "s-k_u".replace('-', &"-".repeat(10_000)): 1 }));
        assert_eq!(as_sent("sku", &stretched), "sku");

        let keys: Vec<String> = (0..100).map(|n| format!("{n}:{}", "k".repeat(90))).collect();
        let nothing = Argument::Null;
        let mut paths = Paths::new(&nothing, true);
        let told: usize = keys.iter().map(|key| paths.as_sent(&format!("by.{key}")).len()).sum();
        assert!(told <= LONGEST_NAMES + 100 * "by.…".len(), "{told} bytes");
        assert_eq!(paths.as_sent(&format!("by.{}", keys[0])), format!("by.{}", keys[0]));

        let mut own = Paths::new(&nothing, false);
        assert_eq!(own.as_sent("by_name.it's me[0].street"), "by_name.*[0].street");
    }

    #[tokio::test]
    async fn a_request_that_breaks_rules_is_answered_with_all_of_them() {
        use axum::{Router, body, http::header, routing::post};
        use tower::ServiceExt;

        #[derive(serde::Deserialize, Validate)]
        #[serde(rename_all = "camelCase")]
        struct Order {
            #[garde(length(chars, min = 1))]
            sku_code: String,
            #[garde(range(min = 1))]
            quantity: u32,
        }

        let take = async |Body(Valid(order)): Body<Valid<Order>>| {
            format!("{} {}", order.quantity, order.sku_code)
        };
        let router = Router::new().route("/", post(take));
        let send = async |json: &'static str| {
            let request = Request::post("/").header(header::CONTENT_TYPE, "application/json");
            let request = request.body(body::Body::from(json)).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let bytes = body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            (status, String::from_utf8(bytes.to_vec()).unwrap())
        };
        assert_eq!(send(r#"{"skuCode": "A1", "quantity": 2}"#).await, (200, "2 A1".to_owned()));
        let (status, said) = send(r#"{"skuCode": "", "quantity": 0}"#).await;
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!((status, &said["code"]), (422, &json!("VALIDATION")));
        let errors = said["errors"].as_array().unwrap().iter();
        let mut paths: Vec<_> = errors.map(|error| error["path"].as_str().unwrap()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["quantity", "skuCode"]);
        assert_eq!(send(r#"{"skuCode": 7}"#).await.0, 422);
        assert_eq!(send("{").await.0, 400);
    }
}
