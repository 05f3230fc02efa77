//! The same values in MessagePack, in which servers tell each other what has binary data in it.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Args, Argument, InboundArguments, Number, encode, json};

/// What has no form in MessagePack, or in JSON with attachments.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoForm(String);

impl NoForm {
    fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

pub(crate) fn write(value: &impl Serialize) -> Result<Vec<u8>, NoForm> {
    rmp_serde::to_vec_named(value).map_err(NoForm::of)
}

/// Reads what is nested as deeply as JSON may be, with the envelope around it.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NoForm> {
    /// How deep the values are in their envelope.
    const ENVELOPE: usize = 8;

    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(json::DEEPEST + ENVELOPE);
    T::deserialize(&mut deserializer).map_err(NoForm::of)
}

/// A packet's text and attachments as values that have a form in MessagePack.
pub(crate) fn values(text: &str, attachments: &[Bytes]) -> Result<Vec<Argument>, NoForm> {
    let values = InboundArguments::acknowledgement(text, attachments).tree().map_err(NoForm::of)?;
    Ok(values.into_iter().map(rounded).collect())
}

/// With numbers of more than 64 bits as what they are in JavaScript.
pub(crate) fn rounded(value: Argument) -> Argument {
    match value {
        Argument::Number(number) if number.as_u64().is_none() && number.as_i64().is_none() => {
            let float = number.as_f64().and_then(Number::from_f64);
            float.map_or(Argument::Null, Argument::Number)
        }
        Argument::Array(items) => Argument::Array(items.into_iter().map(rounded).collect()),
        Argument::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key, rounded(value)));
            Argument::Object(fields.collect())
        }
        other => other,
    }
}

/// Values as a packet's text and attachments, of which there are no more than clients take.
pub(crate) fn packet(values: Vec<Argument>) -> Result<(String, Vec<Bytes>), NoForm> {
    let encoded = encode(None, &Args(values)).map_err(NoForm::of)?;
    match json::is_too_deep(&encoded.text) {
        true => Err(NoForm::of("it is nested too deeply")),
        false => Ok((encoded.text, encoded.attachments.into())),
    }
}

/// The name of an event, if a text that is JSON is that of one: a list that begins with its name, and is not nested too
/// deeply.
pub(crate) fn event_name(text: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

    let list = text.trim_start().strip_prefix('[')?;
    let first = serde_json::Deserializer::from_str(list).into_iter().next()?;
    let Name(name) = first.ok()?;
    (!json::is_too_deep(text)).then_some(name)
}

/// As tests write and read what servers of other makes do, whatever somebody has switched on in `serde_json`: its own
/// numbers may have no form in MessagePack then.
#[cfg(test)]
pub(crate) mod loose {
    use serde_json::Value;

    use super::Argument;

    pub(crate) fn write(value: &Value) -> Vec<u8> {
        let values = super::values(&format!("[{value}]"), &[]).unwrap();
        super::write(&values[0]).unwrap()
    }

    pub(crate) fn read(bytes: &[u8]) -> Value {
        let (text, _) = super::packet(vec![super::read::<Argument>(bytes).unwrap()]).unwrap();
        let [value] = serde_json::from_str(&text).unwrap();
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_up_to_64_bits_and_floats_beyond() {
        let text =
            "[0,-1,1.5,18446744073709551615,-9223372036854775808,18446744073709551616,[-1e300]]";
        let bytes = write(&values(text, &[]).unwrap()).unwrap();
        let (text, _) = packet(read(&bytes).unwrap()).unwrap();
        assert_eq!(
            text,
            "[0,-1,1.5,18446744073709551615,-9223372036854775808,1.8446744073709552e+19,[-1e+300]]"
        );
    }

    #[test]
    fn an_event_is_a_list_that_begins_with_its_name() {
        for (text, name) in [
            (r#"["a"]"#, Some("a")),
            (r#" [ "a" , 1 ]"#, Some("a")),
            (r#"["\u0061\"",{}]"#, Some("a\"")),
            ("[]", None),
            ("[1]", None),
            (r#"{"a":1}"#, None),
            (r#""a""#, None),
        ] {
            assert_eq!(event_name(text).as_deref(), name, "{text}");
        }
    }
}
