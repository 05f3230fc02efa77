//! What `macro_rules!` hands on is taken as if it were written there, wherever something is written.
#![deny(warnings)]

use std::{sync::Arc, time::Duration};

use gateway_core::prelude::*;

#[derive(Clone)]
pub struct User;

#[injectable]
pub struct Everyone;

impl Authenticator for Everyone {
    type Identity = User;

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<User>, WsException> {
        Ok(User.into())
    }
}

#[injectable]
pub struct Open;

impl Guard for Open {
    async fn can_activate(&self, _: &ExecutionContext) -> Result<bool, WsException> {
        Ok(true)
    }
}

#[injectable]
pub struct Same;

impl Pipe for Same {
    async fn transform(
        &self,
        value: Argument,
        _: &ArgumentMetadata<'_>,
    ) -> Result<Argument, WsException> {
        Ok(value)
    }
}

pub trait Clock: Send + Sync {}

pub struct Config {
    pub outbox: usize,
}

pub struct Needs(pub &'static str);

// rustfmt moves what stands in an attribute further to the right each time.
#[rustfmt::skip]
macro_rules! gateway {
    (
        $name:ident, $namespace:literal, $authenticator:ty, $origin:expr, $grace:expr, $packets:expr,
        $guard:ty, $listed:expr, $path:path, $pipe:expr, $metadata:expr, $field:ty, $init:expr,
        $event:literal, $constant:expr, $body:ty, $returns:ty, $service:ident as $provides:ty,
        $core:path, $own:ty, #[$attribute:meta]
    ) => {
        #[web_socket_gateway(
            namespace = $namespace,
            authenticate = $authenticator,
            cors(origins = [$origin]),
            presence(grace = $grace),
            outbox_packets = $packets,
            crate = $core,
        )]
        #[use_guards($guard, $listed, $path)]
        #[set_metadata($metadata)]
        pub struct $name {
            field: $field,
            #[init($init)]
            number: u32,
        }

        impl OnPresence for $name {
            type User = String;
        }

        #[web_socket_gateway(crate = $core)]
        impl $own {
            #[subscribe_message($event)]
            async fn literal(&self, #[use_pipes($pipe)] body: $body) -> $returns {
                let _ = (&self.field, self.number);
                body.0
            }

            #[subscribe_message($constant, serial)]
            async fn constant(&self) {}

            #[$attribute]
            async fn with_attribute(&self) {}
        }

        #[injectable(as $provides)]
        pub struct $service;

        impl Clock for $service {}
    };
}

mod events {
    pub const MOVED: &str = "moved";
}

gateway!(
    ChatGateway, "/chat", Everyone, "https://example.com", Duration::from_secs(3),
    |config: &Config| config.outbox,
    Open, Roles::any(["admin"]), Open, Same, Needs("member"), Arc<Everyone>, 1 + 1,
    "say", events::MOVED, MessageBody<String>, String, System as dyn Clock,
    gateway_core, ChatGateway, #[subscribe_message("meta")]
);

fn main() {}
