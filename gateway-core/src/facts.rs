//! Facts that generated code states about gateways, handlers and hooks. Boot decides what they mean.

use std::{
    any::{TypeId, type_name},
    fmt,
    panic::Location,
    sync::Arc,
};

use crate::{
    auth::{Authenticator, ErasedAuthenticator, NoAuthenticator},
    extract::FromMessage,
    filter::{ErasedFilter, ExceptionFilter},
    outbox::Overflow,
    provider::{Dependencies, Injectable, Key, Provider, Recipe, Services},
    registry::Gateway,
};

/// The value of an option: fixed, or computed from what the application provides.
#[doc(hidden)]
pub struct Setting<T>(Resolve<T>);

type Resolve<T> = Box<dyn FnOnce(&Services) -> Result<T, Key>>;

/// A value an option takes. One implementation a type, and no `Into`: so that an integer literal is
/// inferred to be a `usize`.
#[diagnostic::on_unimplemented(
    message = "this option takes a `{T}`, not a `{Self}`",
    label = "expected `{T}`"
)]
#[doc(hidden)]
pub trait OptionValue<T> {
    fn value(self) -> T;
}

impl OptionValue<usize> for usize {
    fn value(self) -> usize {
        self
    }
}

impl OptionValue<Overflow> for Overflow {
    fn value(self) -> Overflow {
        self
    }
}

impl OptionValue<String> for String {
    fn value(self) -> String {
        self
    }
}

impl OptionValue<String> for &str {
    fn value(self) -> String {
        self.to_owned()
    }
}

impl<T: 'static> Setting<T> {
    /// This value.
    pub fn fixed(value: impl OptionValue<T>) -> Self {
        let value = value.value();
        Self(Box::new(move |_| Ok(value)))
    }

    /// What `compute` makes of the provided `C`.
    pub fn from_provider<C: Send + Sync + 'static, V: OptionValue<T>>(
        compute: impl FnOnce(&C) -> V + 'static,
    ) -> Self {
        Self(Box::new(move |services| match services.get::<C>() {
            Some(config) => Ok(compute(&config).value()),
            None => Err(Key::of::<C>()),
        }))
    }

    /// The value, or the service that is missing.
    pub(crate) fn resolve(self, services: &Services) -> Result<T, Key> {
        (self.0)(services)
    }
}

impl<T> fmt::Debug for Setting<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Setting")
    }
}

/// A gateway's struct.
#[doc(hidden)]
pub struct GatewayFacts {
    pub(crate) name: &'static str,
    pub(crate) place: &'static Location<'static>,
    pub(crate) namespace: Option<Setting<String>>,
    pub(crate) authenticator: Option<AuthenticatorFacts>,
    pub(crate) serial: bool,
    pub(crate) concurrency: Option<Setting<usize>>,
    pub(crate) inbox_messages: Option<Setting<usize>>,
    pub(crate) inbox_bytes: Option<Setting<usize>>,
    pub(crate) overflow: Option<Setting<Overflow>>,
    pub(crate) filters: Vec<FilterFacts>,
}

impl GatewayFacts {
    /// The gateway `name`, declared where this is called.
    #[must_use]
    #[track_caller]
    pub fn new<G: Gateway>(name: &'static str) -> Self {
        Self {
            name,
            place: Location::caller(),
            namespace: None,
            authenticator: AuthenticatorFacts::of::<G::Authenticator>(),
            serial: false,
            concurrency: None,
            inbox_messages: None,
            inbox_bytes: None,
            overflow: None,
            filters: Vec::new(),
        }
    }

    /// Its namespace; `/` without one.
    #[must_use]
    pub fn namespace(mut self, path: Setting<String>) -> Self {
        self.namespace = Some(path);
        self
    }

    /// One message of a socket at a time.
    #[must_use]
    pub fn serial(mut self) -> Self {
        self.serial = true;
        self
    }

    /// Handlers of one socket that run at once.
    #[must_use]
    pub fn concurrency(mut self, handlers: Setting<usize>) -> Self {
        self.concurrency = Some(handlers);
        self
    }

    /// Messages of one socket that wait, at most.
    #[must_use]
    pub fn inbox_messages(mut self, messages: Setting<usize>) -> Self {
        self.inbox_messages = Some(messages);
        self
    }

    /// Bytes of one socket that wait, at most.
    #[must_use]
    pub fn inbox_bytes(mut self, bytes: Setting<usize>) -> Self {
        self.inbox_bytes = Some(bytes);
        self
    }

    /// What becomes of room emits to a socket whose queue is full.
    #[must_use]
    pub fn overflow(mut self, policy: Setting<Overflow>) -> Self {
        self.overflow = Some(policy);
        self
    }

    /// A filter for all its handlers and hooks.
    #[must_use]
    pub fn filter(mut self, filter: FilterFacts) -> Self {
        self.filters.push(filter);
        self
    }
}

impl fmt::Debug for GatewayFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GatewayFacts").field("name", &self.name).finish_non_exhaustive()
    }
}

pub(crate) struct AuthenticatorFacts {
    pub(crate) name: &'static str,
    pub(crate) recipe: Recipe,
    pub(crate) build: fn(&mut Provider) -> Arc<dyn ErasedAuthenticator>,
}

impl AuthenticatorFacts {
    fn of<A: Authenticator + Injectable>() -> Option<Self> {
        (TypeId::of::<A>() != TypeId::of::<NoAuthenticator>()).then(|| Self {
            name: type_name::<A>(),
            recipe: Recipe::of::<A>(),
            build: |provider| provider.service_or_build::<A>(),
        })
    }
}

/// A method that handles an event.
#[doc(hidden)]
pub struct MessageFacts {
    pub(crate) event: &'static str,
    pub(crate) handler: &'static str,
    pub(crate) place: &'static Location<'static>,
    pub(crate) serial: bool,
    pub(crate) arguments: ArgumentFacts,
    pub(crate) reply: &'static str,
    pub(crate) filters: Vec<FilterFacts>,
}

impl MessageFacts {
    /// The method `handler` for `event`, declared where this is called.
    #[must_use]
    #[track_caller]
    pub fn new(event: &'static str, handler: &'static str) -> Self {
        Self {
            event,
            handler,
            place: Location::caller(),
            serial: false,
            arguments: ArgumentFacts::default(),
            reply: "()",
            filters: Vec::new(),
        }
    }

    /// One message of this event and socket at a time.
    #[must_use]
    pub fn serial(mut self) -> Self {
        self.serial = true;
        self
    }

    /// The type of one argument.
    #[must_use]
    pub fn argument<G, A: FromMessage<G, crate::occasion::Message>>(mut self) -> Self {
        A::describe(&mut self.arguments);
        self
    }

    /// The type it returns.
    #[must_use]
    pub fn returns<R>(mut self) -> Self {
        self.reply = type_name::<R>();
        self
    }

    /// The type it returns, as written: `impl Trait` has no name.
    #[must_use]
    pub fn returns_opaque(mut self, reply: &'static str) -> Self {
        self.reply = reply;
        self
    }

    /// A filter for this handler.
    #[must_use]
    pub fn filter(mut self, filter: FilterFacts) -> Self {
        self.filters.push(filter);
        self
    }
}

impl fmt::Debug for MessageFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MessageFacts")
            .field("event", &self.event)
            .field("handler", &self.handler)
            .finish_non_exhaustive()
    }
}

/// A method that is a hook.
#[doc(hidden)]
pub struct HookFacts {
    pub(crate) handler: &'static str,
    pub(crate) place: &'static Location<'static>,
    pub(crate) arguments: ArgumentFacts,
    pub(crate) filters: Vec<FilterFacts>,
}

impl HookFacts {
    /// The method `handler`, declared where this is called.
    #[must_use]
    #[track_caller]
    pub fn new(handler: &'static str) -> Self {
        let place = Location::caller();
        Self { handler, place, arguments: ArgumentFacts::default(), filters: Vec::new() }
    }

    /// The type of one argument.
    #[must_use]
    pub fn argument<G, On, A: FromMessage<G, On>>(mut self) -> Self {
        A::describe(&mut self.arguments);
        self
    }

    /// A filter for this hook.
    #[must_use]
    pub fn filter(mut self, filter: FilterFacts) -> Self {
        self.filters.push(filter);
        self
    }
}

impl fmt::Debug for HookFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HookFacts").field("handler", &self.handler).finish_non_exhaustive()
    }
}

/// What the arguments of a method say of it.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct ArgumentFacts {
    /// The type of the payload.
    pub(crate) payload: Option<&'static str>,
    /// It answers by itself.
    pub(crate) takes_ack: bool,
    /// Services it takes as arguments.
    pub(crate) services: Vec<Key>,
}

impl ArgumentFacts {
    pub(crate) fn needs<T: ?Sized + 'static>(&mut self) {
        self.services.push(Key::of::<T>());
    }
}

/// A filter in `#[use_filters(..)]`.
#[doc(hidden)]
pub struct FilterFacts {
    pub(crate) name: &'static str,
    pub(crate) dependencies: fn() -> Dependencies,
    pub(crate) build: BuildFilter,
}

type BuildFilter = Box<dyn FnOnce(&mut Provider) -> Arc<dyn ErasedFilter>>;

impl FilterFacts {
    /// Named by its type, and built by injection.
    #[must_use]
    pub fn injected<F: ExceptionFilter + Injectable>() -> Self {
        Self {
            name: type_name::<F>(),
            dependencies: F::dependencies,
            build: Box::new(|provider| provider.service_or_build::<F>()),
        }
    }

    /// Given as an expression, evaluated at the start.
    #[must_use]
    pub fn value<F: ExceptionFilter>(make: impl FnOnce() -> F + 'static) -> Self {
        Self {
            name: type_name::<F>(),
            dependencies: Dependencies::new,
            build: Box::new(|_| Arc::new(make())),
        }
    }
}

impl fmt::Debug for FilterFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FilterFacts").field("name", &self.name).finish_non_exhaustive()
    }
}
