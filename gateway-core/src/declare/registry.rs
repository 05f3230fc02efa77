//! What generated code declares, collected: the only reader of `inventory`.

use std::{
    any::{Any, type_name},
    fmt,
    sync::Arc,
};

use futures_util::future::BoxFuture;

use crate::{
    auth::{AuthenticatedGateway, AuthenticatorSlot},
    call::{
        context::ExecutionContext,
        handler::{self, MethodOf, Signature},
        reply::Reply,
        route::{CallFn, HandlerFn, HookFn, Method},
    },
    declare::facts::{GatewayFacts, HookFacts, MessageFacts},
    description::BlockDescription,
    exception::WsException,
    inject::{Injectable, Key, ProvidedAs, Provider, Recipe},
    socket::event::{Event, Listed},
};

/// A gateway, for the bounds of generic code. [`#[web_socket_gateway]`](macro@crate::web_socket_gateway)
/// implements it for a struct; it is not meant to be implemented by hand.
///
/// ```
/// use gateway_core::{AppBuilder, Gateway};
///
/// /// What none of our applications goes without.
/// fn with<G: Gateway>(builder: AppBuilder) -> AppBuilder {
///     builder.expect::<G>().health_checks()
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gateway",
    label = "its struct lacks the attribute",
    note = "write `#[web_socket_gateway(namespace = \"/..\")]` above `struct {Self}`; \
            the attribute on an `impl` block only adds handlers"
)]
pub trait Gateway: Injectable + Send + Sync + 'static {
    #[doc(hidden)]
    type Authenticator: AuthenticatorSlot;
    #[doc(hidden)]
    fn facts() -> GatewayFacts;
}

impl<G: Gateway> AuthenticatedGateway for G {
    type Authenticator = <G as Gateway>::Authenticator;
}

/// The handlers of one `impl` block; the marker lets a type have several.
#[doc(hidden)]
pub trait HandlerBlock<Marker>: Sized {
    fn declare(routes: &mut Routes<Self>);

    /// For the contract.
    fn describe(_: &mut BlockDescription) {}
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
    #[cfg(feature = "contract")]
    pub(crate) describe: fn(&mut BlockDescription),
}

impl BlockRegistration {
    /// The registration of one block of `G`.
    #[must_use]
    pub const fn of<G: Gateway + HandlerBlock<Marker>, Marker>() -> Self {
        Self {
            gateway: Key::of::<G>,
            declare: || {
                let declared = Declared::default();
                let mut routes = Routes { declared, handler: bound::<G, _>, hook: bound::<G, _> };
                G::declare(&mut routes);
                routes.declared
            },
            #[cfg(feature = "contract")]
            describe: G::describe,
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

/// Everything that was linked in, in no particular order: boot sorts it.
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

/// The handlers of a block, before the gateway is built.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) messages: Vec<DeclaredMessage>,
    pub(crate) on_connection: Vec<DeclaredHook>,
    pub(crate) on_disconnect: Vec<DeclaredHook>,
    pub(crate) after_init: Vec<DeclaredHook>,
    /// The events that it emits.
    pub(crate) emits: Vec<Listed>,
}

pub(crate) struct DeclaredMessage {
    pub(crate) facts: MessageFacts,
    pub(crate) signature: Signature,
    pub(crate) bind: Bind<HandlerFn>,
}

pub(crate) struct DeclaredHook {
    pub(crate) facts: HookFacts,
    pub(crate) signature: Signature,
    pub(crate) bind: Bind<HookFn>,
}

type Bind<T> = Box<dyn FnOnce(&Instance) -> T>;

/// Takes the handlers of a block of `G`.
#[doc(hidden)]
pub struct Routes<G> {
    declared: Declared,
    /// How methods are bound to the gateway. It must be shared by threads for that, and if it cannot be, the compiler says
    /// so of the gateway, and not of each of its handlers.
    handler: fn(MethodOf<G, Reply>) -> Bind<HandlerFn>,
    hook: fn(MethodOf<G, ()>) -> Bind<HookFn>,
}

impl<G> fmt::Debug for Routes<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Routes").finish_non_exhaustive()
    }
}

/// A method with its gateway.
struct Bound<G, T> {
    gateway: Arc<G>,
    method: MethodOf<G, T>,
}

impl<G: Send + Sync, T> Method<T> for Bound<G, T> {
    fn call<'a>(&'a self, context: &'a ExecutionContext) -> BoxFuture<'a, Result<T, WsException>> {
        handler::call(self.method, &self.gateway, context)
    }
}

impl<G> Routes<G> {
    /// An event that the gateway emits.
    pub fn emits<E: Event>(&mut self) {
        let listed = Listed { name: E::NAME, of: type_name::<E>(), declared: E::PLACE };
        self.declared.emits.push(listed);
    }

    /// A handler of messages.
    pub fn message(&mut self, facts: MessageFacts, method: MethodOf<G, Reply>) {
        let (signature, bind) = (Signature::of(method), (self.handler)(method));
        self.declared.messages.push(DeclaredMessage { facts, signature, bind });
    }

    /// The hook for clients that connect.
    pub fn on_connection(&mut self, facts: HookFacts, method: MethodOf<G, ()>) {
        let hook = self.declared_hook(facts, method);
        self.declared.on_connection.push(hook);
    }

    /// The hook for clients that have left.
    pub fn on_disconnect(&mut self, facts: HookFacts, method: MethodOf<G, ()>) {
        let hook = self.declared_hook(facts, method);
        self.declared.on_disconnect.push(hook);
    }

    /// The hook for the gateway itself.
    pub fn after_init(&mut self, facts: HookFacts, method: MethodOf<G, ()>) {
        let hook = self.declared_hook(facts, method);
        self.declared.after_init.push(hook);
    }

    fn declared_hook(&self, facts: HookFacts, method: MethodOf<G, ()>) -> DeclaredHook {
        DeclaredHook { facts, signature: Signature::of(method), bind: (self.hook)(method) }
    }
}

fn bound<G: Send + Sync + 'static, T: 'static>(method: MethodOf<G, T>) -> Bind<CallFn<T>> {
    Box::new(move |instance| Box::new(Bound { gateway: own::<G>(instance), method }))
}

pub(crate) fn own<G: Send + Sync + 'static>(instance: &Instance) -> Arc<G> {
    Arc::clone(instance).downcast().expect("boot binds handlers to the gateway they are of")
}
