//! Facts that generated code states about gateways, handlers and hooks. Boot decides what they mean.

use std::{any::type_name, fmt, panic::Location, sync::Arc, time::Duration};

use crate::{
    auth::{Authenticator, AuthenticatorSlot, ErasedAuthenticator},
    enhancers::{EnhancerFacts, states_enhancers},
    extract::FromMessage,
    outbox::Overflow,
    presence::{Announcer, OnPresence},
    provider::{Injectable, Key, Provider, Recipe, Services},
    registry::{Gateway, Instance, own},
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

impl OptionValue<Duration> for Duration {
    fn value(self) -> Duration {
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

impl OptionValue<bool> for bool {
    fn value(self) -> bool {
        self
    }
}

impl<T: Into<String>, const N: usize> OptionValue<Vec<String>> for [T; N] {
    fn value(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<String>> OptionValue<Vec<String>> for Vec<T> {
    fn value(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
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
    pub(crate) reauthenticate: Option<Setting<String>>,
    pub(crate) cors: Option<CorsFacts>,
    pub(crate) presence: Option<PresenceFacts>,
    pub(crate) enhancers: EnhancerFacts,
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
            authenticator: G::Authenticator::facts(),
            serial: false,
            concurrency: None,
            inbox_messages: None,
            inbox_bytes: None,
            overflow: None,
            reauthenticate: None,
            cors: None,
            presence: None,
            enhancers: EnhancerFacts::default(),
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

    /// The name of the event that renews a session.
    #[must_use]
    pub fn reauthenticate(mut self, event: Setting<String>) -> Self {
        self.reauthenticate = Some(event);
        self
    }

    /// Which pages of other origins may connect.
    #[must_use]
    pub fn cors(mut self, cors: CorsFacts) -> Self {
        self.cors = Some(cors);
        self
    }

    /// That it is kept which users are there.
    #[must_use]
    pub fn presence(mut self, presence: PresenceFacts) -> Self {
        self.presence = Some(presence);
        self
    }

    /// What becomes of room emits to a socket whose queue is full.
    #[must_use]
    pub fn overflow(mut self, policy: Setting<Overflow>) -> Self {
        self.overflow = Some(policy);
        self
    }
}

impl fmt::Debug for GatewayFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GatewayFacts").field("name", &self.name).finish_non_exhaustive()
    }
}

#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct AuthenticatorFacts {
    pub(crate) name: &'static str,
    /// What it finds out.
    pub(crate) identity: Key,
    pub(crate) recipe: Recipe,
    pub(crate) build: fn(&mut Provider) -> Arc<dyn ErasedAuthenticator>,
}

impl AuthenticatorFacts {
    pub(crate) fn of<A: Authenticator + Injectable>() -> Self {
        Self {
            name: type_name::<A>(),
            identity: Key::of::<A::Identity>(),
            recipe: Recipe::of::<A>(),
            build: |provider| provider.service_or_build::<A>(),
        }
    }
}

/// `cors(..)` of a gateway.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct CorsFacts {
    pub(crate) origins: Option<Setting<Vec<String>>>,
    pub(crate) credentials: Option<Setting<bool>>,
}

impl CorsFacts {
    /// No origins yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The origins, as browsers write them: `https://example.com`, `http://localhost:4200`.
    #[must_use]
    pub fn origins(mut self, origins: Setting<Vec<String>>) -> Self {
        self.origins = Some(origins);
        self
    }

    /// Whether browsers may send cookies along.
    #[must_use]
    pub fn credentials(mut self, allow: Setting<bool>) -> Self {
        self.credentials = Some(allow);
        self
    }
}

/// `presence(..)` of a gateway.
#[doc(hidden)]
pub struct PresenceFacts {
    /// What names a user.
    pub(crate) user: Key,
    pub(crate) grace: Option<Setting<Duration>>,
    pub(crate) announcer: fn(&Instance) -> Arc<dyn Announcer>,
}

impl PresenceFacts {
    /// Of the users of `G`.
    #[must_use]
    pub fn of<G: OnPresence>() -> Self {
        let announcer = |instance: &Instance| own::<G>(instance) as Arc<dyn Announcer>;
        Self { user: Key::of::<G::User>(), grace: None, announcer }
    }

    /// How long a user without devices counts as there.
    #[must_use]
    pub fn grace(mut self, grace: Setting<Duration>) -> Self {
        self.grace = Some(grace);
        self
    }
}

impl fmt::Debug for PresenceFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PresenceFacts").field("user", &self.user).finish_non_exhaustive()
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
    pub(crate) enhancers: EnhancerFacts,
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
            enhancers: EnhancerFacts::default(),
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
    pub(crate) enhancers: EnhancerFacts,
}

impl HookFacts {
    /// The method `handler`, declared where this is called.
    #[must_use]
    #[track_caller]
    pub fn new(handler: &'static str) -> Self {
        let place = Location::caller();
        Self {
            handler,
            place,
            arguments: ArgumentFacts::default(),
            enhancers: EnhancerFacts::default(),
        }
    }

    /// The type of one argument.
    #[must_use]
    pub fn argument<G, On, A: FromMessage<G, On>>(mut self) -> Self {
        A::describe(&mut self.arguments);
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
    /// The identity it takes.
    pub(crate) identity: Option<Key>,
}

impl ArgumentFacts {
    pub(crate) fn needs<T: ?Sized + 'static>(&mut self) {
        self.services.push(Key::of::<T>());
    }
}

states_enhancers!(GatewayFacts);
states_enhancers!(MessageFacts);
states_enhancers!(HookFacts);
