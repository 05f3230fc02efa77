//! Injection: what a service needs, and how it is made of it. Every service is made once.

use std::{
    any::{Any, TypeId, type_name},
    collections::{HashMap, VecDeque},
    panic::Location,
    sync::Arc,
};

use crate::{namespace::Namespace, presence::PresenceStore, registry::ProvidedAs, server::Server};

/// A type that is made of its dependencies: what `#[injectable]` and `#[web_socket_gateway]`
/// implement for a struct.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be built by injection",
    label = "named by its type, so it would be built by injection",
    note = "write `#[injectable]` above `struct {Self}`; what `#[use_..(..)]` lists may \
            also be given as a value, by an expression such as `{Self}::new()`"
)]
#[doc(hidden)]
pub trait Injectable: Sized {
    fn dependencies() -> Dependencies;
    fn build(provider: &mut Provider) -> Self;
}

/// A field that injection can fill.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` cannot be injected",
    label = "not an `Arc<..>`, and not the gateway's `Server` or `Presence<..>`",
    note = "inject a service as `Arc<{Self}>`; a field that is only the struct's own starts with \
            `#[init]` (its default) or `#[init(expression)]`"
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
    /// The server of the gateway's own namespace.
    Server,
    /// Who is there, in the gateway's own namespace, by what names a user.
    Presence(Key),
}

/// A type that may be `dyn`, by id and by name.
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

impl Injected for Server {
    fn need() -> Need {
        Need::Server
    }

    fn resolve(provider: &mut Provider) -> Self {
        let namespace = provider.namespace.clone();
        Self::new(namespace.expect("boot checked that the service is a gateway"))
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
    resolve: fn(&mut Provider) -> Box<dyn Any>,
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
    pub fn field<T: Injected>(mut self, name: &'static str) -> Self {
        self.fields.push(Field {
            name,
            need: T::need(),
            place: Location::caller(),
            resolve: |provider| Box::new(T::resolve(provider)),
        });
        self
    }
}

/// How a service is made, when somebody needs it.
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
                let values = fields.iter().map(|field| (field.resolve)(provider)).collect();
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

/// Builds services of their dependencies, each once.
#[doc(hidden)]
#[derive(Default)]
pub struct Provider {
    services: Services,
    recipes: HashMap<Key, Recipe>,
    /// Of the struct that is being built.
    fields: VecDeque<Box<dyn Any>>,
    /// Of the gateway that is being built.
    namespace: Option<Arc<Namespace>>,
    /// The namespaces of gateways, which are services too.
    namespaces: HashMap<Key, Arc<Namespace>>,
}

impl Provider {
    /// The value of the next field, in the order of [`Dependencies`].
    ///
    /// Without a bound: `Dependencies::field` has it, and a field of a wrong type is one error.
    pub fn take<T: 'static>(&mut self) -> T {
        let value = self.fields.pop_front().and_then(|value| value.downcast().ok());
        *value.expect("a struct takes the fields it has declared, in the same order")
    }

    pub(crate) fn new(services: Services, recipes: HashMap<Key, Recipe>) -> Self {
        Self { services, recipes, ..Self::default() }
    }

    pub(crate) fn set_namespace(&mut self, gateway: Key, namespace: Arc<Namespace>) {
        self.namespaces.insert(gateway, namespace);
    }

    /// Of the gateway that is being built.
    pub(crate) fn presence(&self) -> Option<Arc<dyn PresenceStore>> {
        self.namespace.as_ref()?.presence().cloned()
    }

    /// The service, built now if nobody has needed it before.
    pub(crate) fn service<T: ?Sized + Send + Sync + 'static>(&mut self) -> Arc<T> {
        let key = Key::of::<T>();
        if let Some(service) = self.services.get() {
            return service;
        }
        self.build(key);
        self.services.get().expect("a recipe makes what it is the recipe of")
    }

    fn build(&mut self, key: Key) {
        let recipe = *self.recipes.get(&key).expect("boot checked that everything is provided");
        let outer = std::mem::replace(&mut self.namespace, self.namespaces.get(&key).cloned());
        let service = (recipe.build)(self);
        self.namespace = outer;
        self.services.0.insert(key, service);
    }

    /// The service, made by its own rules even when no `#[injectable]` of it was linked in.
    pub(crate) fn service_or_build<T: Injectable + Send + Sync + 'static>(&mut self) -> Arc<T> {
        self.recipes.entry(Key::of::<T>()).or_insert_with(Recipe::of::<T>);
        self.service()
    }

    /// Builds what nobody has needed yet.
    pub(crate) fn build_all(&mut self) {
        let keys: Vec<Key> = self.recipes.keys().copied().collect();
        for key in keys {
            if !self.services.contains(key) {
                self.build(key);
            }
        }
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

/// The services there are, each an `Arc<T>` under the key of its `T`.
#[derive(Default)]
pub(crate) struct Services(HashMap<Key, Box<dyn Any + Send + Sync>>);

impl Services {
    /// Adds one; says whether there was one of the type already.
    pub(crate) fn insert<T: ?Sized + Send + Sync + 'static>(&mut self, service: Arc<T>) -> bool {
        self.0.insert(Key::of::<T>(), Box::new(service)).is_some()
    }

    pub(crate) fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get(&Key::of::<T>())?.downcast_ref::<Arc<T>>().cloned()
    }

    pub(crate) fn contains(&self, key: Key) -> bool {
        self.0.contains_key(&key)
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys().map(|key| key.name)).finish()
    }
}
