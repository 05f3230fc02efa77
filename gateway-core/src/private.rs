//! All that generated code may name. No part of the public interface.

pub use std::{default::Default, sync::Arc};

pub use inventory;

pub use crate::{
    auth::NoAuthenticator,
    context::ExecutionContext as Call,
    extract::{
        extract,
        occasion::{Connection, Disconnection, Init, Message},
    },
    facts::{FilterFacts, GatewayFacts, HookFacts, MessageFacts, Setting},
    provider::{Dependencies, Injectable, Injected, Provider},
    registry::{
        AliasRegistration, BlockRegistration, Gateway, GatewayRegistration, HandlerBlock,
        InjectableRegistration, ProvidedAs, Routes,
    },
    reply::{Kind, Peel, finish_hook, ladder as reply_ladder},
};
