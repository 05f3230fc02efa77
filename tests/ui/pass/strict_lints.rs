//! Under the strictest lints a crate may choose, the expansion adds no warning.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, unused)]
#![deny(rust_2018_idioms, let_underscore, unused_qualifications, unused_results)]
#![deny(single_use_lifetimes, trivial_casts, unit_bindings, unnameable_types)]

use gateway_core::{Argument, prelude::*};
use std::sync::Arc;
use std::time::Duration;

/// Something injected.
#[derive(Debug)]
#[injectable]
pub struct Store;

/// A filter.
#[derive(Debug)]
#[injectable]
pub struct Translate;

impl ExceptionFilter for Translate {
    type Catch = WsException;
    type Body = String;

    async fn catch(
        &self,
        exception: &WsException,
        _: &ExecutionContext,
    ) -> Result<ErrorReply<String>, WsException> {
        Ok(ErrorReply::new("error", &exception.message().to_owned()))
    }
}

/// A pipe.
#[derive(Debug)]
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

/// A fact.
#[derive(Debug)]
pub struct Needs(pub &'static str);

/// A gateway.
#[web_socket_gateway(
    namespace = "/strict",
    serial,
    cors(origins = ["https://example.com"], credentials = true)
)]
#[use_filters(Translate)]
#[use_guards(Roles::any(["admin"]), Throttle::per_user(10, Duration::from_secs(1)))]
#[use_interceptors(Logging, Timeout::after(Duration::from_secs(1)))]
#[use_pipes(Same)]
#[set_metadata(Needs("member"))]
#[allow(missing_debug_implementations)]
pub struct ChatGateway {
    /// The store.
    pub store: Arc<Store>,
    /// A number.
    #[init]
    pub number: u32,
}

#[web_socket_gateway]
impl ChatGateway {
    /// Sends.
    #[subscribe_message("send-message", serial)]
    #[use_filters(Translate)]
    pub async fn send_message(
        &self,
        socket: Socket,
        #[use_pipes(Same, (Same))] MessageBody(body): MessageBody<u32>,
    ) -> Result<u32, WsException> {
        drop(socket);
        Ok(body)
    }

    /// Says nothing.
    #[subscribe_message("nothing")]
    pub async fn nothing(&self) {}

    #[on_connection]
    async fn connected(&self) -> Result<(), WsException> {
        Ok(())
    }

    #[on_disconnect]
    async fn disconnected(&self, _: Socket, _: DisconnectReason) {}
}

/// A gateway of hooks alone.
#[web_socket_gateway(namespace = "/hooks")]
#[derive(Debug)]
pub struct Hooks;

#[web_socket_gateway]
impl Hooks {
    #[after_init]
    async fn ready(&self) {}
}

/// A gateway of one handler without arguments.
#[web_socket_gateway(namespace = "/one")]
#[derive(Debug)]
pub struct One;

#[web_socket_gateway]
impl One {
    #[subscribe_message("one")]
    async fn one(&self) {}
}

fn main() {}
