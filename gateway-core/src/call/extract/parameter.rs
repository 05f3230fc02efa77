//! What a handler's parameter is. Its type decides, whatever alias names it: generated code asks here,
//! where the type is concrete. (In a generic function only `wire::shape` can be asked.)

use std::{fmt, marker::PhantomData};

use super::{FromMessage, MessageBody, occasion::Message};
use crate::{
    call::{
        ack::Ack,
        context::{ExecutionContext, Parameter},
        reply::ladder::BesideAck,
    },
    exception::{AsyncResult, WsException},
    wire::{Listed, Shape},
};

/// A probe for the type of a parameter.
///
/// Method resolution climbs down a ladder, as it does for replies: generated code starts with three
/// references, and each dereference reaches the next implementation.
#[doc(hidden)]
pub struct Probe<A>(PhantomData<fn() -> A>);

impl<A> Probe<A> {
    /// For parameters of this type.
    pub const OF: Self = Self(PhantomData);
}

impl<A> fmt::Debug for Probe<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Probe")
    }
}

/// A parameter of type `A`, of which `K` is known.
#[doc(hidden)]
pub struct Known<A, K>(PhantomData<fn() -> (A, K)>);

impl<A, K> Clone for Known<A, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, K> Copy for Known<A, K> {}

impl<A, K> fmt::Debug for Known<A, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Known")
    }
}

impl<A, K: ladder::ParameterKind> Known<A, K> {
    /// Extracts the argument.
    pub fn extract<G>(self, context: &mut ExecutionContext) -> impl AsyncResult<A> + Send
    where
        A: FromMessage<G, Message>,
    {
        context.parameter = Parameter { shape: K::SHAPE, position: None };
        A::from_message(context)
    }

    /// Extracts an argument that has pipes of its own, at this position.
    pub fn extract_at<G>(
        self,
        context: &mut ExecutionContext,
        position: usize,
    ) -> impl AsyncResult<A> + Send
    where
        A: FromMessage<G, Message>,
    {
        context.parameter = Parameter { shape: K::SHAPE, position: Some(position) };
        A::from_message(context)
    }
}

// What may be returned next to the parameter: if it is the `Ack`, nothing that would need the same
// acknowledgement. Four methods instead of one with a bound, so that the compiler's error names the bound
// that matters.

impl<A> Known<A, ladder::Acknowledgement> {
    /// Only what needs no acknowledgement.
    pub fn beside<T: BesideAck>(self, _output: &Result<T, WsException>) {}
}

impl<A> Known<A, ladder::AllArguments> {
    /// Anything.
    pub fn beside<T>(self, _output: &Result<T, WsException>) {}
}

impl<A> Known<A, ladder::FirstArgument> {
    /// Anything.
    pub fn beside<T>(self, _output: &Result<T, WsException>) {}
}

impl<A> Known<A, ladder::Anything> {
    /// Anything.
    pub fn beside<T>(self, _output: &Result<T, WsException>) {}
}

#[doc(hidden)]
pub mod ladder {
    //! The traits of the ladder; generated code has them in scope.

    use super::*;

    #[doc(hidden)]
    pub trait ParameterKind {
        /// How the payload maps to the arguments that were sent, if the type decides it.
        const SHAPE: Option<Shape> = None;
    }

    /// The payload: the list of arguments.
    #[derive(Debug)]
    pub enum AllArguments {}

    impl ParameterKind for AllArguments {
        const SHAPE: Option<Shape> = Some(Shape::List);
    }

    /// The payload: the first argument.
    #[derive(Debug)]
    pub enum FirstArgument {}

    impl ParameterKind for FirstArgument {
        const SHAPE: Option<Shape> = Some(Shape::One);
    }

    /// The acknowledgement.
    #[derive(Debug)]
    pub enum Acknowledgement {}

    impl ParameterKind for Acknowledgement {}

    /// Anything else, including custom extractors. Whether one takes the acknowledgement is known only when it
    /// does.
    #[derive(Debug)]
    pub enum Anything {}

    impl ParameterKind for Anything {}

    /// What takes the payload as a list.
    pub trait TakesList {}

    impl<T: Listed> TakesList for MessageBody<T> {}
    impl<A: TakesList> TakesList for Option<A> {}
    impl<A: TakesList> TakesList for Result<A, WsException> {}

    /// What takes the payload.
    pub trait TakesPayload {}

    impl<T> TakesPayload for MessageBody<T> {}
    impl<A: TakesPayload> TakesPayload for Option<A> {}
    impl<A: TakesPayload> TakesPayload for Result<A, WsException> {}

    /// What takes the acknowledgement.
    pub trait TakesAck {}

    impl TakesAck for Ack {}
    impl<A: TakesAck> TakesAck for Option<A> {}
    impl<A: TakesAck> TakesAck for Result<A, WsException> {}

    pub trait IsList<A> {
        fn known(&self) -> Known<A, AllArguments>;
    }

    impl<A: TakesList> IsList<A> for &&Probe<A> {
        fn known(&self) -> Known<A, AllArguments> {
            Known(PhantomData)
        }
    }

    pub trait IsPayload<A> {
        fn known(&self) -> Known<A, FirstArgument>;
    }

    impl<A: TakesPayload> IsPayload<A> for &Probe<A> {
        fn known(&self) -> Known<A, FirstArgument> {
            Known(PhantomData)
        }
    }

    pub trait IsAck<A> {
        fn known(&self) -> Known<A, Acknowledgement>;
    }

    impl<A: TakesAck> IsAck<A> for &Probe<A> {
        fn known(&self) -> Known<A, Acknowledgement> {
            Known(PhantomData)
        }
    }

    pub trait IsAnything<A> {
        fn known(&self) -> Known<A, Anything>;
    }

    impl<A> IsAnything<A> for Probe<A> {
        fn known(&self) -> Known<A, Anything> {
            Known(PhantomData)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ladder::*, *};
    use crate::{call::extract::Event, wire::Arguments};

    type Pair = (u8, String);
    type Body<T> = MessageBody<T>;
    struct Newtype(#[allow(dead_code)] Pair);
    struct Own;

    fn shape<A, K: ParameterKind>(_: Known<A, K>) -> Option<Shape> {
        K::SHAPE
    }

    /// As generated code asks.
    macro_rules! shape {
        ($ty:ty) => {
            shape((&&&Probe::<$ty>::OF).known())
        };
    }

    #[test]
    fn a_tuple_is_a_list_by_any_name() {
        for shape in [
            shape!(MessageBody<(u8,)>),
            shape!(Body<Pair>),
            shape!(Option<Body<Pair>>),
            shape!(Result<Option<MessageBody<Pair>>, WsException>),
            shape!(MessageBody<Arguments>),
            shape!(MessageBody<(u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8)>),
        ] {
            assert_eq!(shape, Some(Shape::List));
        }
    }

    #[test]
    fn any_other_payload_is_the_first_argument() {
        for shape in [
            shape!(MessageBody<()>),
            shape!(MessageBody<Newtype>),
            shape!(MessageBody<[u8; 2]>),
            shape!(Option<MessageBody<Vec<Pair>>>),
            shape!(MessageBody<Option<Pair>>),
        ] {
            assert_eq!(shape, Some(Shape::One));
        }
    }

    #[test]
    fn what_is_no_payload_has_no_shape() {
        assert_eq!(shape!(Own), None);
        assert_eq!(shape!(Event), None);
        assert_eq!(shape!(Option<Ack>), None);
    }

    #[cfg(feature = "validate")]
    #[test]
    fn rules_change_no_shape() {
        use crate::Valid;
        assert_eq!(shape!(MessageBody<Valid<Pair>>), Some(Shape::List));
        assert_eq!(shape!(Option<MessageBody<Valid<Own>>>), Some(Shape::One));
    }
}
