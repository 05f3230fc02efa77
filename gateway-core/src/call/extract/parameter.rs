//! What a handler's parameter is. Its type decides, whatever alias names it: generated code asks here,
//! where the type is concrete. (In a generic function only `wire::shape` can be asked.)

use std::{fmt, marker::PhantomData};

use super::{FromMessage, MessageBody, facts::ArgumentFacts};
use crate::{
    auth::identity::IdentityProbe,
    call::{
        ack::Ack,
        context::{ExecutionContext, Parameter},
        reply::ladder::{BesideAck, Peeled},
    },
    exception::WsException,
    wire::{Listed, Shape},
};

/// Stands for types, and holds no value of them.
type Types<T> = PhantomData<fn() -> T>;

/// A probe for the type `A` of a parameter of a method of `G` that is called on the occasion `On`.
///
/// Method resolution climbs down a ladder, as it does for replies: generated code starts with three
/// references, and each dereference reaches the next implementation.
#[doc(hidden)]
pub struct Probe<G, On, A>(Types<(G, On, A)>);

impl<G, On, A> Probe<G, On, A> {
    /// For the identity that it takes, if it takes one.
    pub fn identity(&self) -> IdentityProbe<A> {
        IdentityProbe::OF
    }
}

impl<G, On, A> fmt::Debug for Probe<G, On, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Probe")
    }
}

/// The types of a method's parameters: a list of nested pairs.
#[doc(hidden)]
pub trait Parameters<G, On> {
    /// A probe for each.
    type Probes;

    /// A probe for each.
    const PROBES: Self::Probes;
}

impl<G, On> Parameters<G, On> for () {
    type Probes = ();

    const PROBES: () = ();
}

impl<G, On, A, Rest: Parameters<G, On>> Parameters<G, On> for (A, Rest) {
    type Probes = (Probe<G, On, A>, Rest::Probes);

    const PROBES: Self::Probes = (Probe(PhantomData), Rest::PROBES);
}

/// A parameter of which `K` is known. The next ladder begins here: whether it can be extracted.
#[doc(hidden)]
pub struct Known<G, On, A, K>(Types<(G, On, A, K)>);

impl<G, On, A, K> fmt::Debug for Known<G, On, A, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Known")
    }
}

/// How arguments are extracted: all of a method's in one future, which is the same for all methods that take
/// the same. One for each argument would be compiled once more with each method.
#[doc(hidden)]
pub trait Extraction: Send + Sized {
    /// What is extracted.
    type Argument;

    /// What the start report and the table of routes should know about it.
    fn describe(facts: &mut ArgumentFacts);

    /// Extracts it.
    fn extract(
        context: &mut ExecutionContext,
    ) -> impl Future<Output = Result<Self::Argument, WsException>> + Send;

    /// Extracts all of a method's. Whichever is being extracted is noted in a context of their own.
    fn extracted(
        context: &ExecutionContext,
    ) -> impl Future<Output = Result<Self::Argument, WsException>> + Send {
        async move { Self::extract(&mut context.clone()).await }
    }
}

/// The extraction of one argument, at the place `At`.
#[doc(hidden)]
#[derive(Debug)]
pub struct One<G, On, A, K, At>(Types<(G, On, A, K, At)>);

impl<G, On, A, K, At> Extraction for One<G, On, A, K, At>
where
    A: FromMessage<G, On>,
    K: ladder::ParameterKind,
    At: ParameterPlace,
{
    type Argument = A;

    fn describe(facts: &mut ArgumentFacts) {
        A::describe(facts);
    }

    fn extract(
        context: &mut ExecutionContext,
    ) -> impl Future<Output = Result<A, WsException>> + Send {
        context.parameter = Parameter { shape: K::SHAPE, position: At::POSITION };
        A::from_message(context)
    }
}

/// Where a parameter is, if it matters.
#[doc(hidden)]
pub trait ParameterPlace {
    /// Its position after `&self`, if it has pipes of its own.
    const POSITION: Option<usize>;
}

/// The place of a parameter that has no pipes of its own.
#[doc(hidden)]
#[derive(Debug)]
pub enum Anywhere {}

impl ParameterPlace for Anywhere {
    const POSITION: Option<usize> = None;
}

/// The place of a parameter that has.
#[doc(hidden)]
#[derive(Debug)]
pub enum At<const POSITION: usize> {}

impl<const POSITION: usize> ParameterPlace for At<POSITION> {
    const POSITION: Option<usize> = Some(POSITION);
}

/// What stands for the extraction of a parameter that is no extractor, which is an error where it is made.
#[doc(hidden)]
pub struct Refused<A>(Types<A>);

impl<A> fmt::Debug for Refused<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Refused")
    }
}

impl<A> Extraction for Refused<A> {
    type Argument = A;

    fn describe(_facts: &mut ArgumentFacts) {}

    async fn extract(_context: &mut ExecutionContext) -> Result<A, WsException> {
        Err(WsException::internal_error())
    }
}

/// The end of a list.
impl Extraction for () {
    type Argument = ();

    fn describe(_facts: &mut ArgumentFacts) {}

    async fn extract(_context: &mut ExecutionContext) -> Result<(), WsException> {
        Ok(())
    }

    async fn extracted(_context: &ExecutionContext) -> Result<(), WsException> {
        Ok(())
    }
}

/// The extraction of an argument, and of those after it.
impl<First: Extraction<Argument: Send>, Rest: Extraction> Extraction for (First, Rest) {
    type Argument = (First::Argument, Rest::Argument);

    fn describe(facts: &mut ArgumentFacts) {
        First::describe(facts);
        Rest::describe(facts);
    }

    async fn extract(context: &mut ExecutionContext) -> Result<Self::Argument, WsException> {
        let first = First::extract(context).await?;
        Ok((first, Rest::extract(context).await?))
    }
}

#[doc(hidden)]
pub(crate) mod ladder {
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

    /// Anything else.
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

    pub trait IsList<G, On, A> {
        fn known(&self) -> Known<G, On, A, AllArguments>;
    }

    impl<G, On, A: TakesList> IsList<G, On, A> for &&Probe<G, On, A> {
        fn known(&self) -> Known<G, On, A, AllArguments> {
            Known(PhantomData)
        }
    }

    pub trait IsPayload<G, On, A> {
        fn known(&self) -> Known<G, On, A, FirstArgument>;
    }

    impl<G, On, A: TakesPayload> IsPayload<G, On, A> for &Probe<G, On, A> {
        fn known(&self) -> Known<G, On, A, FirstArgument> {
            Known(PhantomData)
        }
    }

    pub trait IsAnything<G, On, A> {
        fn known(&self) -> Known<G, On, A, Anything>;
    }

    impl<G, On, A> IsAnything<G, On, A> for Probe<G, On, A> {
        fn known(&self) -> Known<G, On, A, Anything> {
            Known(PhantomData)
        }
    }

    /// What can be extracted.
    pub trait IsExtractor<G, On, A, K> {
        fn sought(&self) -> One<G, On, A, K, Anywhere>;
        /// For a parameter that has pipes of its own.
        fn sought_at<const POSITION: usize>(&self) -> One<G, On, A, K, At<POSITION>>;
    }

    impl<G, On, A: FromMessage<G, On>, K> IsExtractor<G, On, A, K> for &Known<G, On, A, K> {
        fn sought(&self) -> One<G, On, A, K, Anywhere> {
            One(PhantomData)
        }

        fn sought_at<const POSITION: usize>(&self) -> One<G, On, A, K, At<POSITION>> {
            One(PhantomData)
        }
    }

    /// What cannot: the compiler says why.
    pub trait IsNotAnExtractor<G, On, A> {
        fn sought(&self) -> Refused<A>
        where
            A: FromMessage<G, On>;
        fn sought_at<const POSITION: usize>(&self) -> Refused<A>
        where
            A: FromMessage<G, On>;
    }

    impl<G, On, A, K> IsNotAnExtractor<G, On, A> for Known<G, On, A, K> {
        fn sought(&self) -> Refused<A>
        where
            A: FromMessage<G, On>,
        {
            Refused(PhantomData)
        }

        fn sought_at<const POSITION: usize>(&self) -> Refused<A>
        where
            A: FromMessage<G, On>,
        {
            Refused(PhantomData)
        }
    }

    /// Beside the `Ack`, only what needs no acknowledgement is returned. Whether a custom extractor takes it is known
    /// only when it does.
    pub trait BesideTheAck {
        fn admits<O, T: BesideAck, P>(&self, _peeled: &Peeled<O, T, P>) {}
    }

    impl<G, On, A: TakesAck> BesideTheAck for &Probe<G, On, A> {}

    pub trait BesideAnythingElse {
        fn admits<O, T, P>(&self, _peeled: &Peeled<O, T, P>) {}
    }

    impl<G, On, A> BesideAnythingElse for Probe<G, On, A> {}
}

#[cfg(test)]
mod tests {
    use super::{ladder::*, *};
    use crate::{
        call::extract::{EventName, occasion::Message},
        wire::Arguments,
    };

    type Pair = (u8, String);
    type Body<T> = MessageBody<T>;
    struct Newtype(#[allow(dead_code)] Pair);
    struct Own;

    fn shape<A, K: ParameterKind>(_: Known<(), Message, A, K>) -> Option<Shape> {
        K::SHAPE
    }

    /// As generated code asks.
    macro_rules! shape {
        ($ty:ty) => {
            shape((&&&Probe::<(), Message, $ty>(PhantomData)).known())
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
