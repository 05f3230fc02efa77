//! Injection: what a service needs, and how it is built from that. Every service is built once.

pub(crate) mod factory;

use std::{
    any::{Any, TypeId, type_name},
    collections::{HashMap, VecDeque},
    panic::Location,
    sync::Arc,
};

use self::factory::{Failed, Maker, Making};

/// A type that is built from its dependencies, for the bounds of generic code.
/// [`#[injectable]`](macro@crate::injectable) and [`#[web_socket_gateway]`](macro@crate::web_socket_gateway)
/// implement it; it is not meant to be implemented by hand.
///
/// ```
/// use gateway_core::{AppBuilder, Authenticator, Injectable};
///
/// fn closed_to_strangers<A: Authenticator + Injectable>(builder: AppBuilder) -> AppBuilder {
///     builder.authenticate::<A>().include_cause(false)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be built by injection",
    label = "named by its type, so it would be built by injection",
    note = "write `#[injectable]` above `struct {Self}`; what `#[use_..(..)]` lists may \
            also be given as a value, by an expression such as `{Self}::new()`"
)]
pub trait Injectable: Sized {
    #[doc(hidden)]
    fn dependencies() -> Dependencies;
    #[doc(hidden)]
    fn build(provider: &mut Provider) -> Self;
}

/// The type of a field that injection can fill.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` cannot be injected",
    label = "not an `Arc<..>`, not a `Server<..>`, and not the gateway's `Server` or `Presence<..>`",
    note = "inject a service as `Arc<{Self}>`, or as `Option<Arc<{Self}>>` if it may be missing; a \
            field that belongs to the struct alone has `#[init]` (its default) or \
            `#[init(expression)]`"
)]
#[doc(hidden)]
pub trait Injected: Sized + 'static {
    fn need() -> Need;
    fn resolve(provider: &mut Provider) -> Self;
}

/// What a field asks for.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// An `Arc` of a type.
    Service(Key),
    /// The same, if something provides it.
    Optional(Key),
    /// The server of the gateway's own namespace.
    Server,
    /// The server of this gateway.
    ServerOf(Key),
    /// The same, of a gateway that knows its users.
    UsersOf(Key),
    /// The presence of users in the gateway's own namespace, and the type that identifies a user.
    Presence(Key),
}

/// A type, which may be `dyn`, with its id and its name.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Key {
    id: TypeId,
    pub(crate) name: &'static str,
}

impl Key {
    pub(crate) fn of<T: ?Sized + 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: type_name::<T>() }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Key {}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl<T: ?Sized + Send + Sync + 'static> Injected for Arc<T> {
    fn need() -> Need {
        Need::Service(Key::of::<T>())
    }

    fn resolve(provider: &mut Provider) -> Self {
        provider.service::<T>()
    }
}

/// A service that the application can do without: `None` if nothing provides it.
impl<T: ?Sized + Send + Sync + 'static> Injected for Option<Arc<T>> {
    fn need() -> Need {
        Need::Optional(Key::of::<T>())
    }

    fn resolve(provider: &mut Provider) -> Self {
        provider.service_if_any::<T>()
    }
}

/// Implemented by no type: a `Box` counts as an injected field only so that the compiler says what to write
/// instead.
#[diagnostic::on_unimplemented(
    message = "a `Box` cannot be injected: it has one owner, and a service has many",
    label = "write `Arc<{Self}>`",
    note = "a box that belongs to the struct alone has `#[init]` (its default) or \
            `#[init(expression)]`"
)]
#[doc(hidden)]
pub trait HasOneOwner {}

impl<T: ?Sized + HasOneOwner + 'static> Injected for Box<T> {
    fn need() -> Need {
        unreachable!("no type has one owner")
    }

    fn resolve(_: &mut Provider) -> Self {
        unreachable!("no type has one owner")
    }
}

/// The fields of a struct that are injected.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct Dependencies {
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) need: Need,
    pub(crate) place: &'static Location<'static>,
    pub(crate) role: Role,
    /// What to provide for it, if the type alone does not say it.
    pub(crate) remedy: Option<&'static str>,
    resolve: fn(&mut Provider) -> Box<dyn Any>,
}

/// What the dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is the field.
    Field,
    /// The expression of the field's `#[init(..)]` takes it.
    Initializer,
    /// A factory takes it.
    Argument,
}

impl Dependencies {
    /// No fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// And one of type `T`.
    #[must_use]
    #[track_caller]
    pub fn field<T: Injected>(self, name: &'static str) -> Self {
        self.with::<T>(name, Role::Field)
    }

    /// And a `T` to compute a field from.
    #[must_use]
    #[track_caller]
    pub fn initializer<T: ?Sized + Send + Sync + 'static>(self, name: &'static str) -> Self {
        self.with::<Arc<T>>(name, Role::Initializer)
    }

    /// And a `T` that a factory takes.
    #[must_use]
    #[track_caller]
    pub(crate) fn argument<T: Send + Sync + 'static>(self) -> Self {
        self.with::<Arc<T>>("", Role::Argument)
    }

    #[track_caller]
    fn with<T: Injected>(mut self, name: &'static str, role: Role) -> Self {
        self.fields.push(Field {
            name,
            need: T::need(),
            place: Location::caller(),
            role,
            remedy: None,
            resolve: |provider| Box::new(T::resolve(provider)),
        });
        self
    }

    /// Sets what to provide for the last field, as an application would write it: for types of this crate,
    /// which applications do not build from their fields.
    #[cfg(feature = "jwt")]
    #[must_use]
    pub(crate) fn provided_as(mut self, remedy: &'static str) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.remedy = Some(remedy);
        }
        self
    }
}

/// How to build a service that something needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    pub(crate) dependencies: fn() -> Dependencies,
    build: fn(&mut Provider) -> Box<dyn Any + Send + Sync>,
}

impl Recipe {
    pub(crate) const fn of<T: Injectable + Send + Sync + 'static>() -> Self {
        Self {
            dependencies: T::dependencies,
            build: |provider| {
                let fields = T::dependencies().fields;
                let fields = fields.iter().filter(|field| field.role == Role::Field);
                let values = fields.map(|field| (field.resolve)(provider)).collect();
                let outer = std::mem::replace(&mut provider.fields, values);
                let service = T::build(provider);
                provider.fields = outer;
                Box::new(Arc::new(service))
            },
        }
    }

    /// The service `T` under the name of a trait it implements.
    pub(crate) const fn alias<T: ProvidedAs<D>, D: ?Sized + Send + Sync + 'static>() -> Self {
        Self {
            dependencies: || Dependencies::new().field::<Arc<T>>("as a trait"),
            build: |provider| Box::new(T::upcast(provider.service::<T>())),
        }
    }
}

/// How an `Arc` of a service becomes one of a trait it implements.
#[doc(hidden)]
pub trait ProvidedAs<D: ?Sized>: Injectable + Send + Sync + 'static {
    fn upcast(this: Arc<Self>) -> Arc<D>;
}

/// Builds services from their dependencies, each of them once.
#[doc(hidden)]
#[derive(Default)]
pub struct Provider {
    services: Services,
    recipes: HashMap<Key, Recipe>,
    /// The fields of the struct that is being built.
    fields: VecDeque<Box<dyn Any>>,
    /// What belongs only to the gateway that is being built.
    scope: Option<Arc<Scope>>,
    /// The scopes of gateways, which are services too.
    scopes: HashMap<Key, Arc<Scope>>,
    /// What is wrong with guards and interceptors that were built and cannot work.
    pub(crate) mistakes: Vec<String>,
}

impl Provider {
    /// The value of the next field, in the order of [`Dependencies`].
    ///
    /// Has no bound, because `Dependencies::field` has one: a field of the wrong type is then a single error.
    ///
    /// # Panics
    /// If the struct takes other fields than it has declared, or in another order. Generated code never does.
    pub fn take<T: 'static>(&mut self) -> T {
        let value = self.fields.pop_front().and_then(|value| value.downcast().ok());
        *value.expect("a struct takes the fields it has declared, in the same order")
    }

    pub(crate) fn new(services: Services, recipes: HashMap<Key, Recipe>) -> Self {
        Self { services, recipes, ..Self::default() }
    }

    /// Gives a gateway what only its own fields may ask for.
    pub(crate) fn set_scope(&mut self, gateway: Key, scope: Scope) {
        self.scopes.insert(gateway, Arc::new(scope));
    }

    /// Adds a service of the framework's own.
    pub(crate) fn provide<T: Send + Sync + 'static>(&mut self, service: T) {
        self.services.insert(Arc::new(service));
    }

    /// Runs all factories, and returns those that have failed.
    pub(crate) fn run(&mut self, makers: Vec<Maker>) -> Vec<Failed> {
        Making::all(self, makers)
    }

    /// Keeps an `Arc` of the service that the key is of.
    fn keep(&mut self, key: Key, service: Box<dyn Any + Send + Sync>) {
        self.services.0.insert(key, service);
    }

    /// What the service is built from; nothing if it is there already.
    fn dependencies_of(&self, key: Key) -> Dependencies {
        let recipe = self.recipes.get(&key).filter(|_| !self.services.contains(key));
        recipe.map(|recipe| (recipe.dependencies)()).unwrap_or_default()
    }

    /// The `T` of the gateway that is being built.
    pub(crate) fn scoped<T: Clone + 'static>(&self) -> Option<T> {
        self.scope.as_ref()?.0.iter().find_map(|value| value.downcast_ref()).cloned()
    }

    /// The service, built now if nothing has needed it before.
    pub(crate) fn service<T: ?Sized + Send + Sync + 'static>(&mut self) -> Arc<T> {
        let key = Key::of::<T>();
        if let Some(service) = self.services.get() {
            return service;
        }
        self.build(key);
        self.services.get().expect("a recipe makes what it is the recipe of")
    }

    /// The same, if there is one.
    fn service_if_any<T: ?Sized + Send + Sync + 'static>(&mut self) -> Option<Arc<T>> {
        let key = Key::of::<T>();
        let is_known = self.services.contains(key) || self.recipes.contains_key(&key);
        is_known.then(|| self.service())
    }

    fn build(&mut self, key: Key) {
        let recipe = *self.recipes.get(&key).expect("boot checked that everything is provided");
        let outer = std::mem::replace(&mut self.scope, self.scopes.get(&key).cloned());
        let service = (recipe.build)(self);
        self.scope = outer;
        self.keep(key, service);
    }

    /// The service, built by its own rules even if no `#[injectable]` for it was linked in.
    pub(crate) fn service_or_build<T: Injectable + Send + Sync + 'static>(&mut self) -> Arc<T> {
        self.recipes.entry(Key::of::<T>()).or_insert_with(Recipe::of::<T>);
        self.service()
    }

    /// Builds what nothing has needed yet.
    pub(crate) fn build_all(&mut self) {
        let keys: Vec<Key> = self.recipes.keys().copied().collect();
        for key in keys {
            if !self.services.contains(key) {
                self.build(key);
            }
        }
    }

    #[cfg(feature = "jwt")]
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    pub(crate) fn into_services(self) -> Services {
        self.services
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Provider").field("services", &self.services).finish_non_exhaustive()
    }
}

/// What belongs to one gateway alone; each value is found by its type.
#[derive(Default)]
pub(crate) struct Scope(Vec<Box<dyn Any + Send + Sync>>);

impl Scope {
    pub(crate) fn with<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.0.push(Box::new(value));
        self
    }
}

/// The services that exist, each an `Arc<T>` under the key of its `T`.
#[derive(Default)]
pub(crate) struct Services(HashMap<Key, Box<dyn Any + Send + Sync>>);

impl Services {
    /// Adds one; says whether there already was one of its type.
    pub(crate) fn insert<T: ?Sized + Send + Sync + 'static>(&mut self, service: Arc<T>) -> bool {
        self.0.insert(Key::of::<T>(), Box::new(service)).is_some()
    }

    pub(crate) fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get(&Key::of::<T>())?.downcast_ref::<Arc<T>>().cloned()
    }

    pub(crate) fn contains(&self, key: Key) -> bool {
        self.0.contains_key(&key)
    }

    /// Whether the service is there, but wrapped in one `Arc` too many: `.provide(Arc::new(..))`.
    pub(crate) fn contains_arc_of(&self, key: Key) -> bool {
        let name = type_name::<Arc<()>>().replace("()", key.name);
        self.0.keys().any(|known| known.name == name)
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys().map(|key| key.name)).finish()
    }
}
