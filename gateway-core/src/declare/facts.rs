//! Facts that generated code states about gateways, handlers and hooks. Boot decides what they mean.

use std::{fmt, panic::Location, sync::Arc, time::Duration};

use crate::{
    auth::{AuthenticatorFacts, AuthenticatorSlot, identity::IdentityCodec},
    call::enhancers::{EnhancerFacts, states_enhancers},
    declare::registry::{Gateway, Instance, own},
    inject::Key,
    options::{Overflow, Sessions, Setting, StatedOptions, gateway_options},
    presence::{Announcer, OnPresence},
};

/// A gateway's struct.
#[doc(hidden)]
pub struct GatewayFacts {
    pub(crate) name: &'static str,
    pub(crate) place: &'static Location<'static>,
    pub(crate) authenticator: Option<AuthenticatorFacts>,
    pub(crate) options: StatedOptions,
    pub(crate) presence: Option<PresenceFacts>,
    /// How the identity that its authenticator gives is told to other processes, if it can be.
    pub(crate) codec: Option<IdentityCodec>,
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
            authenticator: G::Authenticator::facts(),
            options: StatedOptions::default(),
            presence: None,
            codec: None,
            enhancers: EnhancerFacts::default(),
        }
    }

    /// How the identity of the gateway's clients is told to other processes, if it can be.
    #[must_use]
    pub fn codec(mut self, codec: Option<IdentityCodec>) -> Self {
        self.codec = codec;
        self
    }

    /// The gateway keeps presence.
    #[must_use]
    pub fn presence(mut self, presence: PresenceFacts) -> Self {
        self.presence = Some(presence);
        self
    }
}

impl fmt::Debug for GatewayFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GatewayFacts").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The methods by which generated code states the options of a gateway.
macro_rules! states_options {
    ($(
        $(#[$doc:meta])*
        $name:ident: $ty:ty, or $default:ident: $default_ty:ty = $value:expr
            $(, never zero, $help:literal)?;
    )*) => {
        impl GatewayFacts {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self, value: Setting<$ty>) -> Self {
                    self.options.$name(value);
                    self
                }
            )*
        }
    };
}

gateway_options!(states_options);

/// `presence` of a gateway.
#[doc(hidden)]
pub struct PresenceFacts {
    /// The type that identifies a user.
    pub(crate) user: Key,
    pub(crate) announcer: fn(&Instance) -> Arc<dyn Announcer>,
}

impl PresenceFacts {
    /// The presence of `G`'s users.
    #[must_use]
    pub fn of<G: OnPresence>() -> Self {
        let announcer = |instance: &Instance| own::<G>(instance) as Arc<dyn Announcer>;
        Self { user: Key::of::<G::User>(), announcer }
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
    /// `None` for all events that have no handler of their own.
    pub(crate) event: Option<&'static str>,
    pub(crate) handler: &'static str,
    pub(crate) place: &'static Location<'static>,
    pub(crate) serial: bool,
    /// What it returns, if that has no name of its own.
    pub(crate) reply: Option<&'static str>,
    pub(crate) enhancers: EnhancerFacts,
}

impl MessageFacts {
    /// The method `handler` for `event`, declared where this is called.
    #[must_use]
    #[track_caller]
    pub fn new(event: &'static str, handler: &'static str) -> Self {
        Self::of(Some(event), handler)
    }

    /// The method `handler` for all events that have no handler of their own, declared where this is called.
    #[must_use]
    #[track_caller]
    pub fn of_others(handler: &'static str) -> Self {
        Self::of(None, handler)
    }

    #[track_caller]
    fn of(event: Option<&'static str>, handler: &'static str) -> Self {
        Self {
            event,
            handler,
            place: Location::caller(),
            serial: false,
            reply: None,
            enhancers: EnhancerFacts::default(),
        }
    }

    /// One message of this event and socket at a time.
    #[must_use]
    pub fn serial(mut self) -> Self {
        self.serial = true;
        self
    }

    /// The type it returns, as written: `impl Trait` has a name that says nothing.
    #[must_use]
    pub fn returns(mut self, reply: &'static str) -> Self {
        self.reply = Some(reply);
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
    pub(crate) enhancers: EnhancerFacts,
}

impl HookFacts {
    /// The method `handler`, declared where this is called.
    #[must_use]
    #[track_caller]
    pub fn new(handler: &'static str) -> Self {
        let place = Location::caller();
        Self { handler, place, enhancers: EnhancerFacts::default() }
    }
}

impl fmt::Debug for HookFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HookFacts").field("handler", &self.handler).finish_non_exhaustive()
    }
}

states_enhancers!(GatewayFacts);
states_enhancers!(MessageFacts);
states_enhancers!(HookFacts);
