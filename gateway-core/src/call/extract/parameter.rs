//! What a handler's parameter is. Its type decides, whatever alias names it: generated code asks here,
//! where the type is concrete. (In a generic function only `wire::shape` can be asked.)

use std::{fmt, marker::PhantomData, sync::Arc};

use super::{FromMessage, MessageBody, occasion::Message};
use crate::{
    call::{
        ack::Ack,
        context::{ExecutionContext, Parameter},
        reply::ladder::BesideAck,
    },
    exception::WsException,
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

/// A parameter of type `A` of a handler of `G`, of which `K` is known. The next ladder begins here: whether it
/// can be extracted.
#[doc(hidden)]
pub struct Known<G, A, K>(PhantomData<Types<G, A, K>>);

type Types<G, A, K> = fn() -> (G, A, K);

impl<G, A, K> Clone for Known<G, A, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<G, A, K> Copy for Known<G, A, K> {}

impl<G, A, K> fmt::Debug for Known<G, A, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Known")
    }
}

/// How arguments are extracted: all of a handler's in one future, which is the same for all handlers that take
/// the same. One for each argument would be compiled once more with each handler.
#[doc(hidden)]
pub trait Extraction: Send + Sized {
    /// What is extracted.
    type Argument;

    /// Extracts it.
    fn extract(
        self,
        context: &mut ExecutionContext,
    ) -> impl Future<Output = Result<Self::Argument, WsException>> + Send;

    /// Extracts all of a handler's. Whichever is being extracted is noted in a context of their own.
    fn extracted(
        self,
        context: &ExecutionContext,
    ) -> impl Future<Output = Result<Self::Argument, WsException>> + Send {
        async move { self.extract(&mut context.clone()).await }
    }
}

/// The extraction of one argument.
#[doc(hidden)]
#[derive(Debug)]
pub struct One<G, A, K> {
    /// Where the parameter is, if it has pipes of its own.
    position: Option<usize>,
    of: PhantomData<Types<G, A, K>>,
}

impl<G, A: FromMessage<G, Message>, K: ladder::ParameterKind> Extraction for One<G, A, K> {
    type Argument = A;

    fn extract(
        self,
        context: &mut ExecutionContext,
    ) -> impl Future<Output = Result<A, WsException>> + Send {
        context.parameter = Parameter { shape: K::SHAPE, position: self.position };
        A::from_message(context)
    }
}

/// What stands for the extraction of a parameter that is no extractor. The facts about the handler need it to be
/// one, and the compiler says so there, and only there.
#[doc(hidden)]
pub struct Refused<A>(PhantomData<fn() -> A>);

impl<A> fmt::Debug for Refused<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Refused")
    }
}

impl<A> Extraction for Refused<A> {
    type Argument = A;

    async fn extract(self, _context: &mut ExecutionContext) -> Result<A, WsException> {
        Err(WsException::internal_error())
    }
}

/// The extraction of an argument, and of those after it.
impl<First: Extraction<Argument: Send>, Rest: Extraction> Extraction for (First, Rest) {
    type Argument = (First::Argument, Rest::Argument);

    async fn extract(self, context: &mut ExecutionContext) -> Result<Self::Argument, WsException> {
        let (first, rest) = self;
        let first = first.extract(context).await?;
        Ok((first, rest.extract(context).await?))
    }
}

// What may be returned next to the parameter: if it is the `Ack`, nothing that would need the same
// acknowledgement. Four methods instead of one with a bound, so that the compiler's error names the bound
// that matters.

impl<G, A> Known<G, A, ladder::Acknowledgement> {
    /// Only what needs no acknowledgement.
    pub fn beside<T: BesideAck>(self, _output: &Result<T, WsException>) {}
}

impl<G, A> Known<G, A, ladder::AllArguments> {
    /// Anything.
    pub fn beside<T>(self, _output: &Result<T, WsException>) {}
}

impl<G, A> Known<G, A, ladder::FirstArgument> {
    /// Anything.
    pub fn beside<T>(self, _output: &Result<T, WsException>) {}
}

impl<G, A> Known<G, A, ladder::Anything> {
    /// Anything.
    pub fn beside<T>(self, _output: &Result<T, WsException>) {}
}

#[doc(hidden)]
pub mod ladder {
    //! The traits of the ladder; generated code has them in scope.

    pub use super::Extraction;
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
        fn known<G>(&self, _gateway: &Arc<G>) -> Known<G, A, AllArguments>;
    }

    impl<A: TakesList> IsList<A> for &&Probe<A> {
        fn known<G>(&self, _gateway: &Arc<G>) -> Known<G, A, AllArguments> {
            Known(PhantomData)
        }
    }

    pub trait IsPayload<A> {
        fn known<G>(&self, _gateway: &Arc<G>) -> Known<G, A, FirstArgument>;
    }

    impl<A: TakesPayload> IsPayload<A> for &Probe<A> {
        fn known<G>(&self, _gateway: &Arc<G>) -> Known<G, A, FirstArgument> {
            Known(PhantomData)
        }
    }

    pub trait IsAck<A> {
        fn known<G>(&self, _gateway: &Arc<G>) -> Known<G, A, Acknowledgement>;
    }

    impl<A: TakesAck> IsAck<A> for &Probe<A> {
        fn known<G>(&self, _gateway: &Arc<G>) -> Known<G, A, Acknowledgement> {
            Known(PhantomData)
        }
    }

    /// What can be extracted.
    pub trait IsExtractor<G, A, K> {
        fn sought(&self) -> One<G, A, K>;
        /// For a parameter that has pipes of its own.
        fn sought_at(&self, position: usize) -> One<G, A, K>;
    }

    impl<G, A: FromMessage<G, Message>, K> IsExtractor<G, A, K> for &Known<G, A, K> {
        fn sought(&self) -> One<G, A, K> {
            One { position: None, of: PhantomData }
        }

        fn sought_at(&self, position: usize) -> One<G, A, K> {
            One { position: Some(position), of: PhantomData }
        }
    }

    /// What cannot.
    pub trait IsNoExtractor<A> {
        fn sought(&self) -> Refused<A>;
        fn sought_at(&self, position: usize) -> Refused<A>;
    }

    impl<G, A, K> IsNoExtractor<A> for Known<G, A, K> {
        fn sought(&self) -> Refused<A> {
            Refused(PhantomData)
        }

        fn sought_at(&self, _position: usize) -> Refused<A> {
            Refused(PhantomData)
        }
    }

    pub trait IsAnything<A> {
        fn known<G>(&self, _gateway: &Arc<G>) -> Known<G, A, Anything>;
    }

    impl<A> IsAnything<A> for Probe<A> {
        fn known<G>(&self, _gateway: &Arc<G>) -> Known<G, A, Anything> {
            Known(PhantomData)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ladder::*, *};
    use crate::{call::extract::EventName, wire::Arguments};

    type Pair = (u8, String);
    type Body<T> = MessageBody<T>;
    struct Newtype(#[allow(dead_code)] Pair);
    struct Own;

    fn shape<A, K: ParameterKind>(_: Known<(), A, K>) -> Option<Shape> {
        K::SHAPE
    }

    /// As generated code asks.
    macro_rules! shape {
        ($ty:ty) => {
            shape((&&&Probe::<$ty>::OF).known(&Arc::new(())))
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
        assert_eq!(shape!(EventName), None);
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
