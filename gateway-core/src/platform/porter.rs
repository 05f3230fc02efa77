//! What the application has to say of a handshake: whether there is to be a session, and what its answer carries.

use std::{fmt, sync::Arc};

use axum::response::Response;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, header};

use super::request::RequestHead;
use crate::log_limiter::LogLimiter;

/// Says whether a request may begin a session.
///
/// # Errors
/// The answer to one that may not.
pub(crate) type Allow =
    dyn Fn(Arc<RequestHead>) -> BoxFuture<'static, Result<(), Response>> + Send + Sync;

/// Adds to the headers of a handshake's answer.
pub(crate) type Greet = dyn Fn(Arc<RequestHead>, &mut HeaderMap) + Send + Sync;

/// Stands before the [reception](super::reception::Reception), as far as the application has given it something to
/// do. Nothing is free.
#[derive(Clone, Default)]
pub(crate) struct Porter {
    pub(crate) allow: Option<Arc<Allow>>,
    pub(crate) greet: Option<Arc<Greet>>,
}

impl Porter {
    pub(super) async fn admit(&self, head: &Arc<RequestHead>) -> Result<(), Response> {
        match &self.allow {
            Some(allow) => allow(Arc::clone(head)).await,
            None => Ok(()),
        }
    }

    pub(super) fn greet(&self, head: &Arc<RequestHead>, response: &mut Response) {
        let Some(greet) = &self.greet else { return };
        let mut greeting = HeaderMap::new();
        greet(Arc::clone(head), &mut greeting);
        let headers = response.headers_mut();
        let mut last = None;
        for (name, value) in greeting {
            // Of several values, only the first comes with the name.
            last = name.or(last);
            let Some(name) = &last else { continue };
            if is_of_protocol(name) {
                told(name);
            } else {
                headers.append(name, value);
            }
        }
    }
}

impl fmt::Debug for Porter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Porter")
            .field("allow", &self.allow.is_some())
            .field("greet", &self.greet.is_some())
            .finish()
    }
}

/// Whether the answer could not be read with another value.
fn is_of_protocol(name: &HeaderName) -> bool {
    const OWN: [HeaderName; 6] = [
        header::CONNECTION,
        header::UPGRADE,
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CACHE_CONTROL,
    ];
    OWN.contains(name) || name.as_str().starts_with("sec-websocket-")
}

#[cold]
fn told(header: &HeaderName) {
    static LINES: LogLimiter = LogLimiter::new();
    if let Some(times) = LINES.count() {
        tracing::error!(
            %header,
            times,
            "a header of `.handshake_headers(..)` was left out: it is the protocol's own"
        );
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use http::{HeaderValue, StatusCode};

    use super::*;

    #[test]
    fn the_protocols_own_headers_stay_what_they_are() {
        let greet: Arc<Greet> = Arc::new(|_: Arc<RequestHead>, headers: &mut HeaderMap| {
            for name in ["connection", "sec-websocket-accept", "content-type", "cache-control"] {
                headers.insert(name, HeaderValue::from_static("forged"));
            }
            for cookie in ["a=1", "b=2"] {
                headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
            }
        });
        let porter = Porter { allow: None, greet: Some(greet) };
        let mut response = (StatusCode::OK, [(header::CONNECTION, "Upgrade")]).into_response();
        porter.greet(&Arc::default(), &mut response);
        let headers = response.headers();
        assert_eq!(headers[header::CONNECTION], "Upgrade");
        let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(headers.len(), 3, "{headers:?}");
    }
}
