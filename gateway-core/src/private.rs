//! Everything that generated code may name. Not part of the public interface.

pub use std::{boxed::Box, default::Default, sync::Arc};

pub use inventory;

pub use crate::{
    auth::Inherited,
    call::{
        context::ExecutionContext as Call,
        enhancers::{FilterFacts, GuardFacts, InterceptorFacts, PipeFacts},
        extract::{
            extract,
            occasion::{Connection, Disconnection, Init},
            parameter::{Probe, ladder as parameter_ladder},
        },
        reply::{Kind, Peel, finish_hook, ladder as reply_ladder},
    },
    declare::{
        facts::{GatewayFacts, HookFacts, MessageFacts, PresenceFacts},
        registry::{
            AliasRegistration, BlockRegistration, Gateway, GatewayRegistration, HandlerBlock,
            InjectableRegistration, Routes,
        },
    },
    exception::{DerivedError, ErrorRegistration, WsError, WsException, unsaid},
    inject::{Dependencies, Injectable, Injected, ProvidedAs, Provider},
    options::Setting,
};
