//! Everything that generated code may name. Not part of the public interface.

pub use std::{default::Default, sync::Arc};

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
    auth::{Inherited, identity::IdentityProbe},
    call::{
        enhancers::{FilterFacts, GuardFacts, InterceptorFacts, PipeFacts},
        extract::occasion::{Connection, Disconnection, Init, Message},
        handler::{Answered, Asked},
        reply::{Reply, finish_hook, ladder::Kind},
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

pub mod ladders {
    //! The traits by which generated code learns what a type is. It imports all of them, without names, which are the
    //! application's to give.

    pub use crate::{
        auth::identity::ladder::{IsNotWritten as _, IsWritten as _},
        call::{
            extract::parameter::ladder::{
                BesideAnythingElse as _, BesideTheAck as _, IsAnything as _, IsExtractor as _,
                IsList as _, IsNotAnExtractor as _, IsPayload as _,
            },
            reply::ladder::{
                KindOfEvent as _, KindOfEvents as _, KindOfStream as _, KindOfValue as _,
                PeelMistake as _, PeelPlain as _, PeelResult as _, PeelWrapped as _,
            },
        },
    };
}
