//! What generated code declares, collected: the only reader of `inventory`.

use std::{any::Any, fmt, future::Future, marker::PhantomData, pin::Pin, sync::Arc};

use crate::{
    auth::AuthenticatorSlot,
    context::ExecutionContext,
    exception::WsException,
    facts::{GatewayFacts, HookFacts, MessageFacts},
    gateway::{Handle, HookFn},
    pipeline,
    provider::{Injectable, Key, Provider, Recipe},
    reply::Reply,
};

/// A gateway: what `#[web_socket_gateway]` implements for a struct.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gateway",
    label = "its struct lacks the attribute",
    note = "write `#[web_socket_gateway(namespace = \"/..\")]` above `struct {Self}`; \
            the attribute on an `impl` block only adds handlers"
)]
#[doc(hidden)]
pub trait Gateway: Injectable + Send + Sync + 'static {
    type Authenticator: AuthenticatorSlot;
    fn facts() -> GatewayFacts;
}

/// The handlers of one `impl` block; the marker lets a type have several.
#[doc(hidden)]
pub trait HandlerBlock<Marker>: Sized {
    fn declare(routes: &mut Routes<Self>);
}

/// A gateway, submitted.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct GatewayRegistration {
    pub(crate) key: fn() -> Key,
    pub(crate) facts: fn() -> GatewayFacts,
    pub(crate) recipe: Recipe,
    pub(crate) instance: fn(&mut Provider) -> Instance,
}

/// A built gateway of any type.
pub(crate) type Instance = Arc<dyn Any + Send + Sync>;

impl GatewayRegistration {
    /// The registration of `G`.
    #[must_use]
    pub const fn of<G: Gateway>() -> Self {
        Self {
            key: Key::of::<G>,
            facts: G::facts,
            recipe: Recipe::of::<G>(),
            instance: |provider| provider.service::<G>(),
        }
    }
}

/// An `impl` block, submitted.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct BlockRegistration {
    pub(crate) gateway: fn() -> Key,
    pub(crate) declare: fn() -> Declared,
}

impl BlockRegistration {
    /// The registration of one block of `G`.
    #[must_use]
    pub const fn of<G: Gateway + HandlerBlock<Marker>, Marker>() -> Self {
        Self {
            gateway: Key::of::<G>,
            declare: || {
                let mut routes =
                    Routes { declared: Declared::default(), gateway: PhantomData::<G> };
                G::declare(&mut routes);
                routes.declared
            },
        }
    }
}

/// An `#[injectable]` service, submitted.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct InjectableRegistration {
    pub(crate) key: fn() -> Key,
    pub(crate) recipe: Recipe,
}

impl InjectableRegistration {
    /// The registration of `T`.
    #[must_use]
    pub const fn of<T: Injectable + Send + Sync + 'static>() -> Self {
        Self { key: Key::of::<T>, recipe: Recipe::of::<T>() }
    }
}

/// A service that is also known by a trait, submitted.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct AliasRegistration {
    pub(crate) key: fn() -> Key,
    pub(crate) recipe: Recipe,
}

/// How an `Arc` of a service becomes one of a trait it implements.
#[doc(hidden)]
pub trait ProvidedAs<D: ?Sized>: Injectable + Send + Sync + 'static {
    fn upcast(this: Arc<Self>) -> Arc<D>;
}

impl AliasRegistration {
    /// `T` under the name of `D`.
    #[must_use]
    pub const fn of<T: ProvidedAs<D>, D: ?Sized + Send + Sync + 'static>() -> Self {
        Self { key: Key::of::<D>, recipe: Recipe::alias::<T, D>() }
    }
}

inventory::collect!(GatewayRegistration);
inventory::collect!(BlockRegistration);
inventory::collect!(InjectableRegistration);
inventory::collect!(AliasRegistration);

/// Everything that was linked in. In no order: boot sorts.
pub(crate) struct Registry {
    pub(crate) gateways: Vec<GatewayRegistration>,
    pub(crate) blocks: Vec<BlockRegistration>,
    pub(crate) recipes: Vec<(Key, Recipe)>,
}

impl Registry {
    pub(crate) fn collect() -> Self {
        let services = inventory::iter::<InjectableRegistration>
            .into_iter()
            .map(|service| ((service.key)(), service.recipe));
        let aliases = inventory::iter::<AliasRegistration>
            .into_iter()
            .map(|alias| ((alias.key)(), alias.recipe));
        Self {
            gateways: inventory::iter::<GatewayRegistration>.into_iter().copied().collect(),
            blocks: inventory::iter::<BlockRegistration>.into_iter().copied().collect(),
            recipes: services.chain(aliases).collect(),
        }
    }
}

/// What the handlers of a block are, before the gateway is built.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) messages: Vec<DeclaredMessage>,
    pub(crate) on_connection: Vec<DeclaredHook>,
    pub(crate) on_disconnect: Vec<DeclaredHook>,
    pub(crate) after_init: Vec<DeclaredHook>,
}

pub(crate) struct DeclaredMessage {
    pub(crate) facts: MessageFacts,
    pub(crate) bind: Bind<Box<dyn Handle>>,
}

pub(crate) struct DeclaredHook {
    pub(crate) facts: HookFacts,
    pub(crate) bind: Bind<HookFn>,
}

type Bind<T> = Box<dyn FnOnce(&Instance) -> T>;

/// Takes the handlers of a block of `G`.
#[doc(hidden)]
pub struct Routes<G> {
    declared: Declared,
    gateway: PhantomData<G>,
}

impl<G> fmt::Debug for Routes<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Routes").finish_non_exhaustive()
    }
}

impl<G: Send + Sync + 'static> Routes<G> {
    /// A handler of messages.
    pub fn message<H, F>(&mut self, facts: MessageFacts, handler: H)
    where
        H: Fn(Arc<G>, ExecutionContext) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Result<Reply, WsException>> + Send + 'static,
    {
        let bind: Bind<Box<dyn Handle>> =
            Box::new(move |instance| Box::new(Bound { gateway: own(instance), handler }));
        self.declared.messages.push(DeclaredMessage { facts, bind });
    }

    /// The hook for clients that come in.
    pub fn on_connection<H, F>(&mut self, facts: HookFacts, handler: H)
    where
        H: Fn(Arc<G>, ExecutionContext) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), WsException>> + Send + 'static,
    {
        self.declared.on_connection.push(Self::hook(facts, handler));
    }

    /// The hook for clients that have gone.
    pub fn on_disconnect<H, F>(&mut self, facts: HookFacts, handler: H)
    where
        H: Fn(Arc<G>, ExecutionContext) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), WsException>> + Send + 'static,
    {
        self.declared.on_disconnect.push(Self::hook(facts, handler));
    }

    /// The hook for the gateway itself.
    pub fn after_init<H, F>(&mut self, facts: HookFacts, handler: H)
    where
        H: Fn(Arc<G>, ExecutionContext) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), WsException>> + Send + 'static,
    {
        self.declared.after_init.push(Self::hook(facts, handler));
    }

    fn hook<H, F>(facts: HookFacts, handler: H) -> DeclaredHook
    where
        H: Fn(Arc<G>, ExecutionContext) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), WsException>> + Send + 'static,
    {
        let bind: Bind<HookFn> = Box::new(|instance| {
            let gateway = own::<G>(instance);
            Box::new(move |context| Box::pin(handler(Arc::clone(&gateway), context)))
        });
        DeclaredHook { facts, bind }
    }
}

pub(crate) fn own<G: Send + Sync + 'static>(instance: &Instance) -> Arc<G> {
    Arc::clone(instance).downcast().expect("boot binds handlers to the gateway they are of")
}

/// A handler and the gateway it is a method of.
struct Bound<G, H> {
    gateway: Arc<G>,
    handler: H,
}

impl<G, H, F> Handle for Bound<G, H>
where
    G: Send + Sync + 'static,
    H: Fn(Arc<G>, ExecutionContext) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Reply, WsException>> + Send + 'static,
{
    fn start(&self, context: ExecutionContext) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (gateway, handler) = (Arc::clone(&self.gateway), self.handler);
        Box::pin(pipeline::run(context, move |context| handler(gateway, context)))
    }
}
