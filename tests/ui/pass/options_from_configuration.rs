// An option is a literal, an expression, or computed from what was provided.
#![deny(warnings)]

use std::time::Duration;

use gateway_core::prelude::*;

pub struct Config {
    pub namespace: String,
    pub limit: usize,
    pub grace: Duration,
}

const LIMIT: usize = 10;

fn namespace() -> String {
    format!("/{}", "chat")
}

#[web_socket_gateway(
    namespace = namespace(),
    concurrency = LIMIT * 2,
    inbox(messages = LIMIT, bytes = 1024 * 1024),
    outbox_packets = LIMIT * 100,
    outbox_bytes = 1024 * 1024,
    handler_grace = Duration::from_secs(5),
    overflow = Overflow::DropNewest,
    sessions = Newest,
)]
pub struct Expressions;

#[web_socket_gateway(
    namespace = |config: &Config| config.namespace.clone(),
    concurrency = |config: &Config| config.limit,
    inbox(messages = |config: &Config| config.limit),
    outbox_packets = |config: &Config| config.limit,
    outbox_bytes = |config: &Config| config.limit * 1024,
    handler_grace = |config: &Config| config.grace,
    overflow = |config: &Config| {
        if config.limit > 5 { Overflow::Disconnect } else { Overflow::DropNewest }
    },
    sessions = |config: &Config| if config.limit == 1 { Newest } else { Sessions::All },
)]
pub struct Computed;

#[web_socket_gateway(namespace = "/", serial, overflow = Overflow::Disconnect)]
pub struct Literals;

fn main() {}
