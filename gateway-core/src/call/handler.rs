//! How a method of a gateway is called, and what is known of it.
//!
//! Generated code makes a plain function of each method. rustc checks it again whenever an edit moves the method, so it
//! is as short as can be: no future of its own, and no type that nobody else has. What surrounds the method is generic,
//! and is checked once, here.

use std::{any::type_name, fmt, future::Future, marker::PhantomData};

use futures_util::future::BoxFuture;

use super::{
    context::ExecutionContext,
    extract::{
        facts::ArgumentFacts,
        parameter::{Extraction, Parameters},
    },
    reply::{Finish, ladder::Peel},
};
use crate::{auth::identity::IdentityCodec, exception::WsException};

/// What the function of a method is asked.
#[doc(hidden)]
pub struct Asked<'a, G>(Question<'a, G>);

enum Question<'a, G> {
    /// What it takes and returns.
    Signature(&'a mut Signature),
    /// To call the method.
    Call(&'a G, &'a ExecutionContext),
}

/// What a method takes and returns.
#[derive(Debug, Default)]
pub(crate) struct Signature {
    pub(crate) arguments: ArgumentFacts,
    /// The name of the type it returns.
    pub(crate) output: &'static str,
}

/// The function of a method: all of a gateway's have the same type, and nothing around them is compiled once for each.
pub(crate) type MethodOf<G, T> = for<'a> fn(Asked<'a, G>) -> Answered<'a, T>;

impl Signature {
    pub(crate) fn of<G, T>(method: MethodOf<G, T>) -> Self {
        let mut signature = Self::default();
        method(Asked(Question::Signature(&mut signature)));
        signature
    }
}

/// Calls a method. Nothing happens before the future is polled.
pub(crate) fn call<'a, G, T>(
    method: MethodOf<G, T>,
    gateway: &'a G,
    context: &'a ExecutionContext,
) -> BoxFuture<'a, Result<T, WsException>> {
    let Answered(called) = method(Asked(Question::Call(gateway, context)));
    called.expect("who is asked to call answers with a call")
}

impl<'a, G> Asked<'a, G> {
    /// A probe for each of its parameters, whose types are a list of nested pairs.
    pub fn parameters<On, P: Parameters<G, On>>(&self) -> P::Probes {
        P::PROBES
    }

    /// How an identity that it takes is told to other processes, if it can be.
    #[must_use]
    pub fn codec(mut self, codec: Option<IdentityCodec>) -> Self {
        if let Question::Signature(signature) = &mut self.0 {
            signature.arguments.codecs.extend(codec);
        }
        self
    }

    /// The method itself, with the extraction of its arguments to which the probes have led.
    pub fn prepare<E, M, F>(self, _: E, method: M) -> Prepared<'a, G, E, M, F>
    where
        E: Extraction,
        M: FnOnce(&'a G, E::Argument) -> F,
        F: Future,
    {
        Prepared { asked: self, method, of: PhantomData }
    }
}

impl<G> fmt::Debug for Asked<'_, G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Asked").finish_non_exhaustive()
    }
}

/// A method that is ready to be called, or to be told of.
#[doc(hidden)]
pub struct Prepared<'a, G, E, M, F> {
    asked: Asked<'a, G>,
    method: M,
    of: PhantomData<(E, F)>,
}

// What is required beside a future is required by one method, which is there in any case: otherwise one mistake would
// be several errors.
impl<'a, G, E, M, F: Future + 'a> Prepared<'a, G, E, M, F> {
    /// A probe for the type of its output.
    pub fn output(&self) -> Peel<F::Output> {
        Peel::OF
    }

    /// Answers what was asked. `finish` is what becomes of the method's output.
    pub fn answer<T: 'a>(self, finish: Finish<F::Output, T>) -> Answered<'a, T>
    where
        G: Sync,
        E: Extraction + 'a,
        M: FnOnce(&'a G, E::Argument) -> F + Send + 'a,
        F: Send,
    {
        match self.asked.0 {
            Question::Signature(signature) => {
                E::describe(&mut signature.arguments);
                signature.output = type_name::<F::Output>();
                Answered(None)
            }
            Question::Call(gateway, context) => Answered(Some(Box::pin(async move {
                let arguments = E::extracted(context).await?;
                let output = (self.method)(gateway, arguments).await;
                finish(output, context)
            }))),
        }
    }
}

impl<G, E, M, F> fmt::Debug for Prepared<'_, G, E, M, F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Prepared").finish_non_exhaustive()
    }
}

/// The answer to what was asked: the call, if that was it.
#[doc(hidden)]
pub struct Answered<'a, T>(Option<BoxFuture<'a, Result<T, WsException>>>);

impl<T> fmt::Debug for Answered<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answered").finish_non_exhaustive()
    }
}
