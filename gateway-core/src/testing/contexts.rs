//! Contexts for unit tests: of a message that a client has sent to a gateway that is there for nothing else.

use std::{future::ready, marker::PhantomData, sync::Arc};

use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{
    AppBuilder, Argument, ArgumentMetadata, Authenticated, Authenticator, ExecutionContext,
    Handshake, Next, Payload, Reply, WsException,
    auth::{AuthenticatorFacts, Inherited},
    boot::overrides::Stage,
    call::extract::{facts::ArgumentFacts, parameter::Extraction},
    declare::{
        facts::{GatewayFacts, MessageFacts},
        registry::{BlockRegistration, Gateway, GatewayRegistration, HandlerBlock, Routes},
    },
    inject::{Dependencies, Injectable, Provider},
    options::Setting,
};

/// The namespace of the gateway that is there only to be sent a message.
pub const NAMESPACE: &str = "/";

/// What arrives of the messages: their contexts.
pub type Contexts = mpsc::UnboundedReceiver<ExecutionContext>;

/// Makes this an application with one gateway, which passes the contexts of its messages on.
pub fn stage(builder: &mut AppBuilder, event: &str) -> Contexts {
    let (sender, contexts) = mpsc::unbounded_channel();
    let overrides = builder.overrides();
    overrides.provide_arc(Arc::new(Caught(sender)));
    overrides.stage = Some(Stage {
        gateway: GatewayRegistration::of::<Stand>(),
        block: BlockRegistration::of::<Stand, ()>(),
        // Events are named in attributes, and last as long as the program.
        event: event.to_owned().leak(),
        metadata: Vec::new(),
        authenticator: None,
    });
    contexts
}

/// Says as what the clients are known.
pub fn stage_identity<I: Clone + Send + Sync + 'static>(builder: &mut AppBuilder) {
    let overrides = builder.overrides();
    overrides.provide_arc(Arc::new(Strangers::<I>(PhantomData)));
    if let Some(stage) = &mut overrides.stage {
        stage.authenticator = Some(AuthenticatorFacts::of_service::<Strangers<I>>());
    }
}

/// Puts a value on the handler, as `#[set_metadata(..)]` does.
pub fn stage_metadata<T: Send + Sync + 'static>(builder: &mut AppBuilder, value: T) {
    if let Some(stage) = &mut builder.overrides().stage {
        stage.metadata.push(Arc::new(value));
    }
}

/// What a pipe is told of the argument at `index` of `event`, which will be read as a `T`.
#[must_use]
pub fn argument<T>(event: &str, index: usize) -> ArgumentMetadata<'_> {
    ArgumentMetadata { index, event, type_name: std::any::type_name::<T>() }
}

/// What comes after an interceptor, and answers this.
pub fn next(context: &ExecutionContext, answer: Result<impl Payload, WsException>) -> Next<'_> {
    let reply = answer.and_then(|answer| Reply::new(context, answer));
    Next::new(&[], context, async { reply }.boxed())
}

/// What a reply acknowledges a message with; `None` if with nothing.
///
/// # Errors
/// What has gone wrong when it was changed on its way.
pub fn acknowledgement(
    reply: Reply,
    context: &ExecutionContext,
) -> Result<Option<Value>, WsException> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let reply = reply.map(move |argument: Argument| {
        sender.send(argument.to::<Value>()).ok();
        argument
    });
    reply.settle(context)?;
    receiver.try_recv().ok().transpose()
}

/// Passes the contexts of its messages on.
struct Stand {
    caught: Arc<Caught>,
}

struct Caught(mpsc::UnboundedSender<ExecutionContext>);

impl Injectable for Stand {
    fn dependencies() -> Dependencies {
        Dependencies::new().field::<Arc<Caught>>("caught")
    }

    fn build(provider: &mut Provider) -> Self {
        Self { caught: provider.take() }
    }
}

impl Gateway for Stand {
    type Authenticator = Inherited;

    fn facts() -> GatewayFacts {
        GatewayFacts::new::<Self>("TestGateway").namespace(Setting::fixed(NAMESPACE.to_owned()))
    }
}

impl HandlerBlock<()> for Stand {
    fn declare(routes: &mut Routes<Self>) {
        routes.message(MessageFacts::new("", "handler"), |asked| {
            let prepared = asked.prepare((Whole, ()), |stand: &Self, (context, ())| {
                stand.caught.0.send(context).ok();
                ready(())
            });
            prepared.answer(|(), context| Reply::new(context, ()))
        });
    }
}

/// The extraction of the context itself.
struct Whole;

impl Extraction for Whole {
    type Argument = ExecutionContext;

    fn describe(_: &mut ArgumentFacts) {}

    async fn extract(context: &mut ExecutionContext) -> Result<ExecutionContext, WsException> {
        Ok(context.clone())
    }
}

/// Lets nobody in whom the test does not vouch for.
struct Strangers<I>(PhantomData<fn() -> I>);

impl<I: Clone + Send + Sync + 'static> Authenticator for Strangers<I> {
    type Identity = I;

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<I>, WsException> {
        Err(WsException::unauthorized("The test vouches for nobody"))
    }
}
