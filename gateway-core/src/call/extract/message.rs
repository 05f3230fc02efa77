//! Extractors of the message itself.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{FromMessage, occasion::Message};
use crate::{
    call::extract::facts::ArgumentFacts,
    call::{ack::Ack, context::ExecutionContext},
    exception::WsException,
};

/// The message's payload, as a `T` (NestJS: `@MessageBody()`).
///
/// A tuple is the list of positional arguments, whatever alias names it; any other type is the first
/// argument, including a newtype around a tuple and an `Option` of one. Arguments that were
/// not sent read as `null`, and extra ones are ignored. [`Arguments`](crate::Arguments) takes all of them
/// as they came. Binary data is read into [`Bytes`], `Vec<u8>` or, without copying,
/// [`Binary`](crate::Binary), wherever in the payload it is.
///
/// A whole number may arrive as a float, `7.0`, since some clients write all numbers that way. Text that
/// was cut in the middle of a character has U+FFFD in its place.
///
/// A payload of any other form is answered with `BAD_PAYLOAD`, and the handler does not run.
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
        context.payload().await.map(|payload| Self(payload.value))
    }

    fn describe(facts: &mut ArgumentFacts) {
        facts.takes_payload::<T>();
    }
}

/// The event's name, for a handler of [all events that have none of their own](macro@crate::subscribe_message). It may be as
/// long as [`Limits::event_name_bytes`](crate::Limits::event_name_bytes), and is whatever the client has chosen.
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// # #[web_socket_gateway]
/// # pub struct Gateway;
/// #[web_socket_gateway]
/// impl Gateway {
///     #[subscribe_message(_)]
///     async fn any(&self, EventName(name): EventName) -> String {
///         format!("got {name}")
///     }
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventName(pub String);

impl<G> FromMessage<G, Message> for EventName {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(Self(context.event().to_owned()))
    }
}

impl<G> FromMessage<G, Message> for Ack {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        context.take_ack()
    }

    fn describe(facts: &mut ArgumentFacts) {
        facts.acks += 1;
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

/// All attachments of the message, in order of their numbers.
impl<G> FromMessage<G, Message> for Vec<Bytes> {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        Ok(context.attachments().to_vec())
    }
}
