//! `Server<G>`: the server of a gateway that is named, wherever it is wanted.

use std::any::type_name;

use axum::{extract::FromRequestParts, response::Response};
use http::request::Parts;

use crate::{
    call::{
        context::ExecutionContext,
        extract::{FromMessage, facts::ArgumentFacts, http as requests},
    },
    declare::registry::Gateway,
    exception::WsException,
    excerpt,
    inject::{Injected, Key, Need, Provider},
    log_limiter::LogLimiter,
    socket::server::{Namespaces, Server},
    type_names::short,
};

impl<G: Gateway> Injected for Server<G> {
    fn need() -> Need {
        Need::ServerOf(Key::of::<G>())
    }

    fn resolve(provider: &mut Provider) -> Self {
        let namespaces = provider.service::<Namespaces>();
        namespaces.server_of().expect("boot checked that there is such a gateway")
    }
}

impl<H, On, G: Gateway> FromMessage<H, On> for Server<G> {
    async fn from_message(context: &mut ExecutionContext) -> Result<Self, WsException> {
        let namespaces = context.gateway_info().services.get::<Namespaces>();
        let server = namespaces.and_then(|namespaces| namespaces.server_of());
        server.ok_or_else(WsException::internal_error)
    }

    fn describe(facts: &mut ArgumentFacts) {
        facts.servers.push(Key::of::<G>());
    }
}

impl<S: Sync, G: Gateway> FromRequestParts<S> for Server<G> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let services = requests::AppServices::of(parts).ok_or_else(requests::internal_error)?;
        let namespaces = services.get::<Namespaces>();
        namespaces.and_then(|namespaces| namespaces.server_of()).ok_or_else(|| {
            static LINES: LogLimiter = LogLimiter::of(10);
            if let Some(times) = LINES.count() {
                tracing::error!(
                    path = excerpt::logged(parts.uri.path()),
                    gateway = short(type_name::<G>()),
                    times,
                    "a handler takes the server of a gateway that the application does not have"
                );
            }
            requests::internal_error()
        })
    }
}
