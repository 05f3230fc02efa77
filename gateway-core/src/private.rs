//! Everything that generated code may name. Not part of the public interface.

pub use std::{boxed::Box, default::Default, sync::Arc};

pub use inventory;
pub use serde::Serialize;

#[cfg(feature = "contract")]
pub use crate::contract::probe::{self, nothing};
#[doc(hidden)]
pub use crate::{
    __describe_event as describe_event, __describe_handler as describe_handler,
    __described as described,
};
pub use crate::{
    auth::{
        Inherited,
        identity::{IdentityProbe, ladder as identity_ladder},
    },
    call::{
        context::ExecutionContext as Call,
        enhancers::{FilterFacts, GuardFacts, InterceptorFacts, PipeFacts},
        extract::{
            extract,
            occasion::{Connection, Disconnection, Init},
            parameter::{Probe, ladder as parameter_ladder},
        },
        reply::{
            finish_hook,
            ladder::{self as reply_ladder, Kind, Peel},
        },
    },
    declare::{
        facts::{GatewayFacts, HookFacts, MessageFacts, PresenceFacts},
        registry::{
            AliasRegistration, BlockRegistration, Gateway, GatewayRegistration, HandlerBlock,
            InjectableRegistration, Routes,
        },
    },
    description::{BlockDescription, BodyDescription},
    exception::{DerivedError, ErrorRegistration, WsError, WsException, unsaid},
    inject::{Dependencies, Injectable, Injected, ProvidedAs, Provider, factory::Factory},
    options::Setting,
    socket::event::{Acknowledged, EmittedBy, Event, InOrder, Place, Whole, here},
    wire::Shape,
};
