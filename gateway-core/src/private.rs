//! All that generated code may name. No part of the public interface.

pub use std::{default::Default, sync::Arc};

pub use inventory;

pub use crate::{
    auth::Inherited,
    context::ExecutionContext as Call,
    enhancers::{FilterFacts, GuardFacts, InterceptorFacts, PipeFacts},
    extract::{
        extract, extract_at,
        occasion::{Connection, Disconnection, Init, Message},
    },
    facts::{CorsFacts, GatewayFacts, HookFacts, MessageFacts, PresenceFacts, Setting},
    provider::{Dependencies, Injectable, Injected, Provider},
    registry::{
        AliasRegistration, BlockRegistration, Gateway, GatewayRegistration, HandlerBlock,
        InjectableRegistration, ProvidedAs, Routes,
    },
    reply::{Kind, Peel, finish_hook, ladder as reply_ladder},
};
