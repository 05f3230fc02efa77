// `cors(..)` with literals, expressions, and from what was provided; the event that renews a session.
#![deny(warnings)]

use gateway_core::prelude::*;

pub struct Config {
    pub origins: Vec<String>,
    pub cookies: bool,
}

const FRONTEND: &str = "http://localhost:4200";

fn origins() -> Vec<&'static str> {
    vec![FRONTEND]
}

#[web_socket_gateway(
    namespace = "/literals",
    cors(origins = ["http://localhost:4200", "https://example.com"], credentials = true),
    reauthenticate = "renew",
)]
pub struct Literals;

#[web_socket_gateway(
    namespace = "/expressions",
    cors(origins = origins(), credentials = !cfg!(debug_assertions)),
    reauthenticate = format!("renew-{}", 2),
)]
pub struct Expressions;

#[web_socket_gateway(
    namespace = "/computed",
    cors(
        credentials = |config: &Config| config.cookies,
        origins = |config: &Config| config.origins.clone(),
    ),
    reauthenticate = |config: &Config| if config.cookies { "renew" } else { "again" },
)]
pub struct Computed;

#[web_socket_gateway(namespace = "/constant", cors(origins = [FRONTEND]))]
pub struct Constant;

#[web_socket_gateway(namespace = "/anyone", cors(origins = ["*"]))]
pub struct Anyone;

fn main() {}
