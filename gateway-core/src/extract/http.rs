//! Services in axum's handlers: [`Inject`] as an extractor of requests.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};

use crate::{Inject, provider::Services};

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
