//! Extractors of the message itself.

use std::any::type_name;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{FromMessage, occasion::Message};
use crate::{ack::Ack, context::ExecutionContext, exception::WsException, facts::ArgumentFacts};

/// The payload of the message, as a `T` (NestJS: `@MessageBody()`).
///
/// A tuple is the list of positional arguments; any other type is the first one. Arguments that
/// were not sent read as `null`, those nobody asked for are ignored. [`Arguments`](crate::Arguments) takes all of
/// them as they came. Binary is read into [`Bytes`] or `Vec<u8>`, wherever in the payload it is.
///
/// A payload of another form is answered with `BAD_PAYLOAD`, and the handler does not run.
///
/// ```
/// # use gateway_core::prelude::*;
/// # use serde::Deserialize;
/// #[derive(Deserialize)]
/// struct JoinRoom {
///     room: String,
/// }
///
/// # struct Gateway;
/// # impl Gateway {
/// async fn join(&self, MessageBody(body): MessageBody<JoinRoom>) {}
/// /// `emit("move", 3, 4)`
/// async fn step(&self, MessageBody((x, y)): MessageBody<(i32, i32)>) {}
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageBody<T>(pub T);

impl<G, T: DeserializeOwned> FromMessage<G, Message> for MessageBody<T> {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        context.payload().await.map(Self)
    }

    fn describe(facts: &mut ArgumentFacts) {
        facts.payload = Some(type_name::<T>());
    }
}

/// The name of the event.
///
/// ```
/// # use gateway_core::prelude::*;
/// # struct Gateway;
/// # impl Gateway {
/// async fn any(&self, Event(name): Event) -> String {
///     format!("got {name}")
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event(pub String);

impl<G> FromMessage<G, Message> for Event {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(Self(context.event().to_owned()))
    }
}

impl<G> FromMessage<G, Message> for Ack {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        // The route's facts say that its handler takes the acknowledgement.
        context.ack_slot().map(|slot| Ack::new(slot.clone())).ok_or_else(WsException::panicked)
    }

    fn describe(facts: &mut ArgumentFacts) {
        facts.takes_ack = true;
    }
}

/// The first attachment of the message, wherever in the payload it is.
impl<G> FromMessage<G, Message> for Bytes {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        let first = context.attachments().first().cloned();
        first.ok_or_else(|| {
            WsException::bad_payload(crate::FieldError::new("", "binary data is missing"))
        })
    }
}

/// All attachments of the message, in the order of their numbers.
impl<G> FromMessage<G, Message> for Vec<Bytes> {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(context.attachments().to_vec())
    }
}
