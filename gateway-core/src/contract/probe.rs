//! Asks a type for its schema without demanding one, so that a type without a schema is a gap in the contract, and no error
//! of the compiler.
//!
//! Method resolution climbs down ladders, as it does for parameters and replies: generated code calls with a number of
//! references, each implementation stands on one reference fewer than the one before, and the first whose bounds hold is
//! taken. It calls with the types as the user wrote them, so aliases work.

use std::{any::type_name, fmt, marker::PhantomData};

use schemars::JsonSchema;

use crate::{
    description::{
        ArgumentsDescription, BodyDescription, EventDescription, HandlerDescription, Place,
        ReplyDescription, TypeDescription,
    },
    socket::event,
    wire::{Shape, shape},
};

macro_rules! probes {
    ($($(#[$doc:meta])* $name:ident<$of:ident>;)*) => {
        $(
            $(#[$doc])*
            pub struct $name<$of>(PhantomData<fn() -> $of>);

            impl<$of> $name<$of> {
                /// For this type.
                pub const OF: Self = Self(PhantomData);
            }

            impl<$of> fmt::Debug for $name<$of> {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    formatter.write_str(stringify!($name))
                }
            }
        )*
    };
}

probes! {
    /// A parameter of a handler.
    Argument<A>;
    /// What a handler returns.
    Output<R>;
    /// A type that is sent or taken.
    Value<T>;
}

impl<R> Output<R> {
    /// What this future, which nobody polls, would give.
    pub fn of(_: impl Future<Output = R>) -> Self {
        Self::OF
    }
}

/// Stands for the argument of a call that is never made.
#[allow(clippy::must_use_candidate)]
pub fn nothing<T>() -> T {
    unreachable!(
        "nothing polls the futures that generated code asks for the types of their outputs"
    )
}

/// What a parameter takes of a message.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    Payload(ArgumentsDescription),
    /// The acknowledgement, to answer by itself.
    Ack,
    Nothing,
}

/// A handler that is being described.
#[derive(Debug)]
pub struct Handler {
    description: HandlerDescription,
    takes_ack: bool,
}

impl Handler {
    /// The handler of `event`, declared at `place`.
    #[must_use]
    pub fn new(
        place: event::Place,
        event: Option<&'static str>,
        name: &'static str,
        docs: &'static str,
    ) -> Self {
        let payload = ArgumentsDescription::None;
        let reply = ReplyDescription::Ack(ArgumentsDescription::None);
        let (place, filters) = (place.into(), Vec::new());
        let description = HandlerDescription { event, name, docs, place, payload, reply, filters };
        Self { description, takes_ack: false }
    }

    /// One of its parameters. The first that takes the payload says what the payload is.
    pub fn takes(&mut self, takes: Takes) {
        match takes {
            Takes::Payload(payload)
                if matches!(self.description.payload, ArgumentsDescription::None) =>
            {
                self.description.payload = payload;
            }
            Takes::Ack => self.takes_ack = true,
            Takes::Payload(_) | Takes::Nothing => {}
        }
    }

    /// What it answers with.
    #[must_use]
    pub fn answers(self, reply: ReplyDescription) -> HandlerDescription {
        let by_ack = "it answers by its `Ack`, which takes anything";
        let reply = match self.takes_ack {
            true => ReplyDescription::Ack(ArgumentsDescription::Unknown(by_ack)),
            false => reply,
        };
        HandlerDescription { reply, ..self.description }
    }
}

impl From<event::Place> for Place {
    fn from(place: event::Place) -> Self {
        Self { file: place.file(), line: place.line() }
    }
}

/// What an event is, as the body of a filter.
#[must_use]
pub fn body(body: TypeDescription, event: Option<EventDescription>) -> BodyDescription {
    BodyDescription { body, event }
}

fn known<T: JsonSchema>() -> TypeDescription {
    let schema = |schemas: &mut schemars::SchemaGenerator| schemas.subschema_for::<T>();
    TypeDescription { name: type_name::<T>(), schema: Some(schema) }
}

fn unknown<T>() -> TypeDescription {
    TypeDescription { name: type_name::<T>(), schema: None }
}

/// What is sent: one value, whatever it is, or none.
fn sent<T>(described: TypeDescription) -> ArgumentsDescription {
    match shape::<T>() {
        Shape::Nothing => ArgumentsDescription::None,
        Shape::One | Shape::List => ArgumentsDescription::One(described),
    }
}

/// What is taken: of a tuple, each element is an argument.
fn taken<T>(described: TypeDescription) -> ArgumentsDescription {
    match shape::<T>() {
        Shape::Nothing => ArgumentsDescription::None,
        Shape::One => ArgumentsDescription::One(described),
        Shape::List => ArgumentsDescription::List(described),
    }
}

fn described<E: event::Event>(
    payload: TypeDescription,
    ack: Option<ArgumentsDescription>,
) -> EventDescription {
    let payload = match E::SHAPE {
        Shape::Nothing => ArgumentsDescription::None,
        Shape::One => sent::<E>(payload),
        Shape::List => ArgumentsDescription::List(payload),
    };
    EventDescription { name: E::NAME, docs: E::DOCS, place: E::PLACE.into(), payload, ack }
}

pub mod ladder {
    //! The traits of the ladders; generated code has them in scope. Their methods have names that no trait of an
    //! application has, which may be in scope as well.

    use bytes::Bytes;
    use futures_util::Stream;

    use super::*;
    use crate::{
        call::{
            ack::Ack,
            extract::MessageBody,
            reply::{StreamItem, WsResponse, WsStream},
        },
        socket::event::{Acknowledged, Event},
        wire::{Args, Listed},
    };

    // What a parameter takes. With four references.

    pub trait TakesKnownList {
        fn __takes(&self) -> Takes;
    }

    pub trait TakesKnown {
        fn __takes(&self) -> Takes;
    }

    pub trait TakesUnknownList {
        fn __takes(&self) -> Takes;
    }

    pub trait TakesUnknown {
        fn __takes(&self) -> Takes;
    }

    pub trait TakesAck {
        fn __takes(&self) -> Takes;
    }

    pub trait TakesAttachments {
        fn __takes(&self) -> Takes;
    }

    pub trait TakesNothing {
        fn __takes(&self) -> Takes;
    }

    /// The forms in which a payload may be taken: itself, if there is one, or with why it cannot be read.
    macro_rules! payloads {
        ($trait:ident, [$($reference:tt)*], $optional:ident, ($($bounds:tt)*), $kind:ident, $described:ident) => {
            impl<T: $($bounds)*> $trait for $($reference)* Argument<MessageBody<T>> {
                fn __takes(&self) -> Takes {
                    Takes::Payload(ArgumentsDescription::$kind($described::<T>()))
                }
            }

            impl<T: $($bounds)*> $trait for $($reference)* Argument<Option<MessageBody<T>>> {
                fn __takes(&self) -> Takes {
                    Takes::Payload(ArgumentsDescription::$optional($described::<T>()))
                }
            }

            impl<T: $($bounds)*, E> $trait for $($reference)* Argument<Result<MessageBody<T>, E>> {
                fn __takes(&self) -> Takes {
                    Takes::Payload(ArgumentsDescription::$kind($described::<T>()))
                }
            }
        };
    }

    payloads!(TakesKnownList, [&&&], List, (Listed + JsonSchema), List, known);
    payloads!(TakesKnown, [&&], Optional, (JsonSchema), One, known);
    payloads!(TakesUnknownList, [&&], List, (Listed), List, unknown);
    payloads!(TakesUnknown, [&], Optional, (Sized), One, unknown);

    /// The acknowledgement.
    macro_rules! acks {
        ($($ty:ty),*) => {
            $(
                impl TakesAck for &Argument<$ty> {
                    fn __takes(&self) -> Takes {
                        Takes::Ack
                    }
                }
            )*
        };
    }

    acks!(Ack, Option<Ack>);

    impl<E> TakesAck for &Argument<Result<Ack, E>> {
        fn __takes(&self) -> Takes {
            Takes::Ack
        }
    }

    impl TakesAttachments for &Argument<Bytes> {
        fn __takes(&self) -> Takes {
            Takes::Payload(ArgumentsDescription::One(known::<Bytes>()))
        }
    }

    impl TakesAttachments for &Argument<Vec<Bytes>> {
        fn __takes(&self) -> Takes {
            let anywhere = "it takes attachments, wherever in the payload they are";
            Takes::Payload(ArgumentsDescription::Unknown(anywhere))
        }
    }

    impl<A> TakesNothing for Argument<A> {
        fn __takes(&self) -> Takes {
            Takes::Nothing
        }
    }

    // What is returned, without its `Result`. With two references.

    pub trait PeelsResult<T> {
        fn __peeled(&self) -> Output<T>;
    }

    impl<T, E> PeelsResult<T> for &Output<Result<T, E>> {
        fn __peeled(&self) -> Output<T> {
            Output::OF
        }
    }

    pub trait PeelsNothing<T> {
        fn __peeled(&self) -> Output<T>;
    }

    impl<T> PeelsNothing<T> for Output<T> {
        fn __peeled(&self) -> Output<T> {
            Output::OF
        }
    }

    // What that is. With six references.

    pub trait RepliesKnownEvent {
        fn __reply(&self) -> ReplyDescription;
    }

    pub trait RepliesEvent {
        fn __reply(&self) -> ReplyDescription;
    }

    /// The forms in which events are sent back.
    macro_rules! events {
        ($trait:ident, [$($reference:tt)*], ($($bounds:tt)*), $described:ident) => {
            events!(@ $trait, [$($reference)*], ($($bounds)*), $described, WsResponse<E>);
            events!(@ $trait, [$($reference)*], ($($bounds)*), $described, Option<WsResponse<E>>);
            events!(@ $trait, [$($reference)*], ($($bounds)*), $described, Vec<WsResponse<E>>);

            impl<S: Stream> $trait for $($reference)* Output<WsStream<S>>
            where
                S::Item: StreamItem<Data: $($bounds)*>,
            {
                fn __reply(&self) -> ReplyDescription {
                    type Sent<S> = <<S as Stream>::Item as StreamItem>::Data;
                    let payload = $described::<Sent<S>>();
                    ReplyDescription::Events(Some(described::<Sent<S>>(payload, None)))
                }
            }
        };
        (@ $trait:ident, [$($reference:tt)*], ($($bounds:tt)*), $described:ident, $ty:ty) => {
            impl<E: $($bounds)*> $trait for $($reference)* Output<$ty> {
                fn __reply(&self) -> ReplyDescription {
                    ReplyDescription::Events(Some(described::<E>($described::<E>(), None)))
                }
            }
        };
    }

    events!(RepliesKnownEvent, [&&&&&], (Event + JsonSchema), known);
    events!(RepliesEvent, [&&&&], (Event), unknown);

    pub trait RepliesSomeEvent {
        fn __reply(&self) -> ReplyDescription {
            ReplyDescription::Events(None)
        }
    }

    impl<T> RepliesSomeEvent for &&&Output<WsResponse<T>> {}
    impl<T> RepliesSomeEvent for &&&Output<Option<WsResponse<T>>> {}
    impl<T> RepliesSomeEvent for &&&Output<Vec<WsResponse<T>>> {}
    impl<S> RepliesSomeEvent for &&&Output<WsStream<S>> {}

    pub trait RepliesKnownArguments {
        fn __reply(&self) -> ReplyDescription;
    }

    impl<T: JsonSchema> RepliesKnownArguments for &&Output<Args<T>> {
        fn __reply(&self) -> ReplyDescription {
            ReplyDescription::Ack(ArgumentsDescription::List(known::<T>()))
        }
    }

    pub trait RepliesKnown {
        fn __reply(&self) -> ReplyDescription;
    }

    impl<T: JsonSchema> RepliesKnown for &Output<T> {
        fn __reply(&self) -> ReplyDescription {
            ReplyDescription::Ack(sent::<T>(known::<T>()))
        }
    }

    pub trait RepliesUnknown {
        fn __reply(&self) -> ReplyDescription;
    }

    impl<T> RepliesUnknown for Output<T> {
        fn __reply(&self) -> ReplyDescription {
            ReplyDescription::Ack(sent::<T>(unknown::<T>()))
        }
    }

    // The schema of a type. With two references.

    pub trait HasSchema {
        fn __schema(&self) -> TypeDescription;
    }

    impl<T: JsonSchema> HasSchema for &Value<T> {
        fn __schema(&self) -> TypeDescription {
            known::<T>()
        }
    }

    pub trait HasNoSchema {
        fn __schema(&self) -> TypeDescription;
    }

    impl<T> HasNoSchema for Value<T> {
        fn __schema(&self) -> TypeDescription {
            unknown::<T>()
        }
    }

    // What an event is acknowledged with. With three references.

    pub trait HasKnownAck {
        fn __ack(&self) -> Option<ArgumentsDescription>;
    }

    impl<E: Acknowledged<Ack: JsonSchema>> HasKnownAck for &&Value<E> {
        fn __ack(&self) -> Option<ArgumentsDescription> {
            Some(taken::<E::Ack>(known::<E::Ack>()))
        }
    }

    pub trait HasAck {
        fn __ack(&self) -> Option<ArgumentsDescription>;
    }

    impl<E: Acknowledged> HasAck for &Value<E> {
        fn __ack(&self) -> Option<ArgumentsDescription> {
            Some(taken::<E::Ack>(unknown::<E::Ack>()))
        }
    }

    pub trait HasNoAck {
        fn __ack(&self) -> Option<ArgumentsDescription> {
            None
        }
    }

    impl<T> HasNoAck for Value<T> {}

    // Whether it is an event. With two references.

    pub trait IsEvent {
        fn __event(
            &self,
            payload: TypeDescription,
            ack: Option<ArgumentsDescription>,
        ) -> Option<EventDescription>;
    }

    impl<E: Event> IsEvent for &Value<E> {
        fn __event(
            &self,
            payload: TypeDescription,
            ack: Option<ArgumentsDescription>,
        ) -> Option<EventDescription> {
            Some(described::<E>(payload, ack))
        }
    }

    pub trait IsNoEvent {
        fn __event(
            &self,
            _: TypeDescription,
            _: Option<ArgumentsDescription>,
        ) -> Option<EventDescription> {
            None
        }
    }

    impl<T> IsNoEvent for Value<T> {}
}
