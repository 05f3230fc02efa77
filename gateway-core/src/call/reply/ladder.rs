//! The ladder that generated code climbs down to learn what a handler has returned; it has the traits in scope.

use std::{error::Error, marker::PhantomData};

use super::{EventReply, EventsReply, StreamReply, ValueReply, WsResponse, WsStream};
use crate::exception::WsException;

/// The first step of the ladder: what a handler returned, without its `Result`.
///
/// Method resolution climbs down the ladder: generated code starts with four references, and each reference
/// that is taken off brings in the next implementation, whatever alias the type is written with.
#[doc(hidden)]
#[derive(Debug)]
pub struct Peel<T>(PhantomData<fn() -> T>);

impl<T> Peel<T> {
    /// For outputs of this type.
    pub(crate) const OF: Self = Self(PhantomData);
}

/// How the output of type `O` becomes a `Result` of `T`: `P` is its [`Peeling`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Peeled<O, T, P>(PhantomData<fn(O) -> (T, P)>);

/// Makes of an output a result with the error that filters take.
#[doc(hidden)]
pub trait Peeling<O, T> {
    fn peel(output: O) -> Result<T, WsException>;
}

/// The second step: what kind of reply a value is. Kinds with a type of their own are found before plain
/// values.
#[doc(hidden)]
#[derive(Debug)]
pub struct Kind<T>(PhantomData<fn() -> T>);

impl<T> Kind<T> {
    /// A probe for the type of the output, where it is no error.
    pub fn of<O, P>(_peeled: &Peeled<O, T, P>) -> Self {
        Self(PhantomData)
    }
}

/// An error a handler may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler's error",
    label = "this does not say what the client is told",
    note = "turn a value that is not an error, like a `String` or `()`, into a `WsException`: \
            `.map_err(WsException::new)?` tells the client its text, \
            `.map_err(WsException::internal)?` only logs it, \
            `.map_err(|()| WsException::new(\"..\"))?` tells the client what you write",
    note = "for an error type of your own, derive `WsError` and implement `std::error::Error`: \
            without a code the client reads \"Internal server error\"",
    note = "`WsException`, `anyhow::Error` and `Box<dyn Error + Send + Sync>` work as they are"
)]
pub trait HandlerError {}

#[diagnostic::do_not_recommend]
impl<E: Into<WsException>> HandlerError for E {}

/// A result whose error says what the client is told.
pub trait PeelResult<T, E> {
    fn peel(&self) -> Peeled<Result<T, E>, T, ByConversion>;
}

impl<T, E: Into<WsException>> PeelResult<T, E> for &&&Peel<Result<T, E>> {
    fn peel(&self) -> Peeled<Result<T, E>, T, ByConversion> {
        Peeled(PhantomData)
    }
}

#[derive(Debug)]
pub enum ByConversion {}

impl<T, E: Into<WsException>> Peeling<Result<T, E>, T> for ByConversion {
    fn peel(output: Result<T, E>) -> Result<T, WsException> {
        output.map_err(Into::into)
    }
}

/// A result whose error type can hold any error: `anyhow::Result`,
/// `Result<T, Box<dyn Error + Send + Sync>>`.
pub trait PeelWrapped<T, E> {
    fn peel(&self) -> Peeled<Result<T, E>, T, ByUnwrapping>;
}

impl<T, E> PeelWrapped<T, E> for &&Peel<Result<T, E>>
where
    E: AsRef<dyn Error + Send + Sync> + Send + Sync + 'static,
{
    fn peel(&self) -> Peeled<Result<T, E>, T, ByUnwrapping> {
        Peeled(PhantomData)
    }
}

#[derive(Debug)]
pub enum ByUnwrapping {}

impl<T, E> Peeling<Result<T, E>, T> for ByUnwrapping
where
    E: AsRef<dyn Error + Send + Sync> + Send + Sync + 'static,
{
    fn peel(output: Result<T, E>) -> Result<T, WsException> {
        output.map_err(WsException::of_wrapped)
    }
}

/// Any other result: the compiler says what is wrong with its error.
pub trait PeelMistake<T, E> {
    fn peel(&self) -> Peeled<Result<T, E>, T, ByMistake>
    where
        E: HandlerError;
}

impl<T, E> PeelMistake<T, E> for &Peel<Result<T, E>> {
    fn peel(&self) -> Peeled<Result<T, E>, T, ByMistake>
    where
        E: HandlerError,
    {
        Peeled(PhantomData)
    }
}

/// What is never called.
#[derive(Debug)]
pub enum ByMistake {}

impl<T, E> Peeling<Result<T, E>, T> for ByMistake {
    fn peel(output: Result<T, E>) -> Result<T, WsException> {
        output.map_err(|_| WsException::internal_error())
    }
}

pub trait PeelPlain<T> {
    fn peel(&self) -> Peeled<T, T, AsItIs>;
}

impl<T> PeelPlain<T> for Peel<T> {
    fn peel(&self) -> Peeled<T, T, AsItIs> {
        Peeled(PhantomData)
    }
}

#[derive(Debug)]
pub enum AsItIs {}

impl<T> Peeling<T, T> for AsItIs {
    fn peel(output: T) -> Result<T, WsException> {
        Ok(output)
    }
}

/// What a handler may return if it answers with its [`Ack`](crate::Ack).
#[diagnostic::on_unimplemented(
    message = "a handler that takes `Ack` cannot return `{Self}` as well",
    label = "nobody would receive this: the acknowledgement is the `Ack`",
    note = "send it with `ack.send(..)` and return `()` or `Result<(), E>`, or do not take the `Ack`"
)]
pub trait BesideAck {}

impl BesideAck for () {}
impl<T> BesideAck for WsResponse<T> {}
impl<T> BesideAck for Option<WsResponse<T>> {}
impl<T> BesideAck for Vec<WsResponse<T>> {}
impl<S> BesideAck for WsStream<S> {}

pub trait KindOfEvent {
    fn kind(&self) -> EventReply;
}

impl<T> KindOfEvent for Kind<WsResponse<T>> {
    fn kind(&self) -> EventReply {
        EventReply
    }
}

/// Some events, or none.
pub trait KindOfEvents {
    fn kind(&self) -> EventsReply;
}

impl<T> KindOfEvents for Kind<Option<WsResponse<T>>> {
    fn kind(&self) -> EventsReply {
        EventsReply
    }
}

impl<T> KindOfEvents for Kind<Vec<WsResponse<T>>> {
    fn kind(&self) -> EventsReply {
        EventsReply
    }
}

pub trait KindOfStream {
    fn kind(&self) -> StreamReply;
}

impl<S> KindOfStream for Kind<WsStream<S>> {
    fn kind(&self) -> StreamReply {
        StreamReply
    }
}

pub trait KindOfValue {
    fn kind(&self) -> ValueReply;
}

impl<T> KindOfValue for &Kind<T> {
    fn kind(&self) -> ValueReply {
        ValueReply
    }
}
