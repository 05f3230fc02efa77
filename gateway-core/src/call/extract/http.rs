//! Services and identities in axum's handlers.

use std::{fmt, sync::Arc};

use axum::{
    Extension, Json,
    extract::FromRequestParts,
    middleware::AddExtension,
    response::{IntoResponse, Response},
};
use http::{Extensions, StatusCode, header, request::Parts};
use serde_json::{Value, json};
use tower::Layer;

use crate::{
    auth::{handshake::Handshake, http::HttpAuthenticators, session::Session},
    call::extract::{Identity, Inject},
    exception::{WsException, code},
    excerpt,
    inject::{Key, Services},
    log_limiter::LogLimiter,
    platform::TrustedProxies,
};

/// An application's services, as a layer for a router whose handlers take [`Inject`] or [`Identity`].
/// Returned by [`App::services`](crate::App::services).
#[derive(Clone)]
pub struct AppServices {
    services: Arc<Services>,
    authenticators: HttpAuthenticators,
    proxies: TrustedProxies,
    /// Whether errors repeat what the client has sent.
    include_cause: bool,
}

impl AppServices {
    pub(crate) fn new(
        services: Arc<Services>,
        authenticators: HttpAuthenticators,
        proxies: TrustedProxies,
        include_cause: bool,
    ) -> Self {
        Self { services, authenticators, proxies, include_cause }
    }

    pub(crate) fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.services.get()
    }

    /// Whether errors of this request repeat what it has sent.
    pub(super) fn repeats(extensions: &Extensions) -> bool {
        extensions.get().is_none_or(|services: &Self| services.include_cause)
    }

    /// Those of the router that a request has come through.
    pub(crate) fn of(parts: &Parts) -> Option<&Self> {
        let services = parts.extensions.get();
        static LINES: LogLimiter = LogLimiter::new();
        if services.is_none()
            && let Some(times) = LINES.count()
        {
            tracing::error!(
                path = excerpt::logged(parts.uri.path()),
                times,
                "a handler takes a service or an identity, but its router has none: pass the router to \
                 `App::builder().routes(..)`, or add `.layer(app.services())` to it"
            );
        }
        services
    }
}

impl<S> Layer<S> for AppServices {
    type Service = AddExtension<S, Self>;

    fn layer(&self, inner: S) -> Self::Service {
        Extension(self.clone()).layer(inner)
    }
}

impl fmt::Debug for AppServices {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("AppServices").field(&self.services).finish()
    }
}

impl<S: Sync, T: ?Sized + Send + Sync + 'static> FromRequestParts<S> for Inject<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let services = AppServices::of(parts).ok_or_else(internal_error)?;
        services.get().map(Self).ok_or_else(|| {
            static LINES: LogLimiter = LogLimiter::of(10);
            if let Some(times) = LINES.count() {
                tracing::error!(
                    path = excerpt::logged(parts.uri.path()),
                    service = std::any::type_name::<T>(),
                    times,
                    "a handler injects a service that nothing provides: add `.provide(..)` to the \
                     `App::builder()`, or write `#[injectable]` above it"
                );
            }
            internal_error()
        })
    }
}

impl<S: Sync, U: Clone + Send + Sync + 'static> FromRequestParts<S> for Identity<U> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let (session, _) = authenticated(parts, Key::of::<U>()).await?;
        match session.identity::<U>() {
            Some(identity) => Ok(Self(Arc::unwrap_or_clone(identity))),
            None => Err(internal_error()),
        }
    }
}

/// Asks the authenticator that gives this type of identity who has sent a request.
///
/// # Errors
/// The answer for whom it does not let in.
pub(crate) async fn authenticated(
    parts: &mut Parts,
    identity: Key,
) -> Result<(Session, Handshake), Response> {
    let services = AppServices::of(parts).ok_or_else(internal_error)?;
    let HttpAuthenticators { known, timeout } = services.authenticators.clone();
    let Some(authenticator) = known.get(&identity) else {
        static LINES: LogLimiter = LogLimiter::of(10);
        if let Some(times) = LINES.count() {
            tracing::error!(
                path = excerpt::logged(parts.uri.path()),
                identity = identity.name,
                times,
                "a handler takes an identity that no authenticator gives: add `.authenticate::<..>()` \
                 to the `App::builder()`, or `authenticate = ..` to a gateway"
            );
        }
        return Err(internal_error());
    };
    // In a router that is not ours, nothing has looked past the proxies yet.
    services.proxies.clone().see(&mut parts.extensions, &parts.headers);
    let handshake = Handshake::of_request(parts);
    let session = authenticator.authenticate(&handshake).verdict(timeout, "HTTP").await;
    let session = session.map_err(refuse)?;
    Ok((session, handshake))
}

fn refuse(exception: WsException) -> Response {
    log_internal(&exception, "authentication failed");
    answer(status_of_refusal(&exception).unwrap_or(StatusCode::UNAUTHORIZED), &exception)
}

/// What the client is told nothing about.
pub(super) fn log_internal(exception: &WsException, what: &str) {
    static LINES: LogLimiter = LogLimiter::of(10);
    if exception.is_internal()
        && let Some(times) = LINES.count()
    {
        tracing::error!(exception = exception.logged(), times, "{what}");
    }
}

pub(crate) fn internal_error() -> Response {
    answer(StatusCode::INTERNAL_SERVER_ERROR, &WsException::internal_error())
}

fn answer(status: StatusCode, exception: &WsException) -> Response {
    let body = json!({ "code": exception.code(), "message": exception.message() });
    respond(status, exception, body)
}

/// With the object that a socket would receive.
pub(super) fn answer_with(status: StatusCode, exception: &WsException) -> Response {
    respond(status, exception, exception.body())
}

fn respond(status: StatusCode, exception: &WsException, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.extensions_mut().insert(exception.clone());
    // An exception that does not say how long means a moment.
    let moment = (exception.code() == code::THROTTLED).then_some(1);
    if let Some(seconds) = exception.retry_after().or(moment) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The status of those codes that mean the same whoever refuses.
pub(super) fn status_of_refusal(exception: &WsException) -> Option<StatusCode> {
    Some(match exception.code() {
        code::INTERNAL => StatusCode::INTERNAL_SERVER_ERROR,
        code::FORBIDDEN => StatusCode::FORBIDDEN,
        code::THROTTLED => StatusCode::TOO_MANY_REQUESTS,
        // Says nothing against the token.
        code::TIMEOUT | code::OVERLOADED | code::SHUTTING_DOWN | code::UNAVAILABLE => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => return None,
    })
}
