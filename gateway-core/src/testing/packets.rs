//! Arguments as a test's client sends and reads them: by the same code as the server's.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    socket::event::Event,
    wire::{self, Argument, InboundArguments, Payload, Unreadable},
};

/// The arguments of an event, or of an acknowledgement.
#[derive(Debug)]
pub struct Encoded {
    /// JSON, with placeholders for the attachments.
    pub text: String,
    /// In the order of their placeholders.
    pub attachments: Vec<Bytes>,
}

/// Encodes the arguments behind the name of their event; an acknowledgement has none.
///
/// # Errors
/// Why the payload cannot be sent.
pub fn encode(event: Option<&str>, payload: &impl Payload) -> Result<Encoded, String> {
    let encoded = wire::encode(event, payload).map_err(|error| error.to_string())?;
    Ok(Encoded { text: encoded.text, attachments: encoded.attachments.into() })
}

/// The arguments of an event, or of an acknowledgement, as they came.
#[derive(Debug, Clone)]
pub struct Received {
    /// JSON, with placeholders for the attachments.
    pub text: String,
    /// In the order of their placeholders.
    pub attachments: Vec<Bytes>,
    /// Whether the first of them is the name of the event.
    pub has_event: bool,
}

impl Received {
    fn arguments(&self) -> InboundArguments<'_> {
        if self.has_event {
            InboundArguments::new(&self.text, &self.attachments)
        } else {
            InboundArguments::acknowledgement(&self.text, &self.attachments)
        }
    }

    /// Reads them as a `T`, as `MessageBody<T>` does.
    ///
    /// # Errors
    /// Where they are something else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        self.arguments().decode().map_err(said)
    }

    /// Reads them as a declared event.
    ///
    /// # Errors
    /// Where they are something else.
    pub fn read_event<E: Event + DeserializeOwned>(&self) -> Result<E, String> {
        self.arguments().decode_as(E::SHAPE).map_err(said)
    }

    /// As JSON: the only argument, or an array of several. What is binary has its length in bytes instead.
    #[must_use]
    pub fn shown(&self) -> Value {
        let arguments = self.arguments().tree().unwrap_or_default();
        match &*arguments {
            [] => Value::Null,
            [one] => shown(one),
            several => several.iter().map(shown).collect(),
        }
    }
}

fn said(error: Unreadable) -> String {
    let field = error.field(true);
    if field.path.is_empty() {
        field.message
    } else {
        format!("`{}`: {}", field.path, field.message)
    }
}

fn shown(argument: &Argument) -> Value {
    match argument {
        Argument::Binary(bytes) => Value::String(format!("<{} bytes>", bytes.len())),
        Argument::Array(items) => items.iter().map(shown).collect(),
        Argument::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), shown(value))).collect()
        }
        plain => plain.to().unwrap_or_default(),
    }
}
