//! Services and identities in axum's handlers.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use serde_json::json;

use crate::{
    Identity, Inject,
    auth::ErasedAuthenticator,
    exception::WsException,
    handshake::Handshake,
    provider::{Key, Services},
};

impl<S: Sync, T: ?Sized + Send + Sync + 'static> FromRequestParts<S> for Inject<T> {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let services = parts.extensions.get::<Arc<Services>>();
        services.and_then(|services| services.get()).map(Self).ok_or_else(|| {
            tracing::error!(
                service = std::any::type_name::<T>(),
                "a handler injects a service that nothing provides, or is not one of `App::routes`"
            );
            StatusCode::INTERNAL_SERVER_ERROR
        })
    }
}

/// The application's authenticators, by what they find out.
#[derive(Clone, Default)]
pub(crate) struct HttpAuthenticators(pub(crate) Arc<HashMap<Key, Arc<dyn ErasedAuthenticator>>>);

impl<S: Sync, U: Clone + Send + Sync + 'static> FromRequestParts<S> for Identity<U> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let authenticators = parts.extensions.get::<HttpAuthenticators>().cloned();
        let authenticator =
            authenticators.and_then(|known| known.0.get(&Key::of::<U>()).map(Arc::clone));
        let Some(authenticator) = authenticator else {
            tracing::error!(
                identity = std::any::type_name::<U>(),
                "a handler takes an identity that no authenticator gives, or is not one of `App::routes`"
            );
            return Err(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        };
        let handshake = Handshake::of_request(parts);
        let session = authenticator.authenticate(&handshake).verdict().await.map_err(refuse)?;
        match session.identity::<U>() {
            Some(identity) => Ok(Self(Arc::unwrap_or_clone(identity))),
            None => Err(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        }
    }
}

fn refuse(exception: WsException) -> Response {
    let status = if exception.is_internal() {
        tracing::error!(%exception, "authentication failed");
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::UNAUTHORIZED
    };
    let body = json!({ "code": exception.code(), "message": exception.message() });
    (status, Json(body)).into_response()
}
