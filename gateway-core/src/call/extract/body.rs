//! [`Body`]: the JSON body of an HTTP request, read and refused as a message's payload is.

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::http::{self as requests, AppServices};
use crate::{
    exception::{FieldError, WsException, code},
    wire::{self, Argument},
};

/// The JSON body of an HTTP request, for axum handlers (NestJS: `@Body()`). It is read by the rules of
/// [`MessageBody`](crate::MessageBody), and `Body<Valid<T>>` also checks the rules of its type, so that a type means
/// the same over HTTP and over a socket.
///
/// A request that is refused is answered with the object that a socket would receive, `{status: "error", message, code,
/// errors: [{path, message}]}`:
///
/// | status | `code` | when |
/// |---|---|---|
/// | 422 | `VALIDATION` | the body breaks rules; every failing field is listed |
/// | 422 | `BAD_PAYLOAD` | the body is JSON, but not of the type's form |
/// | 400 | `BAD_PAYLOAD` | the body is not JSON, or broke off |
/// | 413 | `BAD_PAYLOAD` | it is longer than axum's `DefaultBodyLimit`, 2 MB unless the router sets another |
/// | 415 | `BAD_PAYLOAD` | the request does not say that it is JSON, by its `Content-Type` |
///
/// To answer otherwise, take a `Result<Body<T>, `[`BodyRejection`]`>`. A handler takes it last, because it uses up the
/// request.
///
/// ```
/// # #[cfg(feature = "validate")] {
/// use axum::{Json, Router, routing::post};
/// use garde::Validate;
/// use gateway_core::prelude::*;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, Validate)]
/// struct CreateOrder {
///     #[garde(length(chars, min = 1, max = 64))]
///     sku: String,
///     #[garde(range(min = 1, max = 1000))]
///     quantity: u32,
/// }
///
/// async fn create(Body(Valid(order)): Body<Valid<CreateOrder>>) -> Json<u32> {
///     Json(order.quantity)
/// }
///
/// let routes: Router = Router::new().route("/orders", post(create));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = BodyRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, BodyRejection> {
        let body = JsonBody::of(request, state).await?;
        body.read().map(Self)
    }
}

/// A body that is JSON.
pub(super) struct JsonBody {
    value: Argument,
    /// Whether errors repeat what the client has sent.
    pub(super) repeats: bool,
}

impl JsonBody {
    pub(super) async fn of<S: Send + Sync>(
        request: Request,
        state: &S,
    ) -> Result<Self, BodyRejection> {
        let repeats = AppServices::repeats(request.extensions());
        if !is_json(request.headers()) {
            return Err(BodyRejection::of(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send JSON, with `Content-Type: application/json`",
            ));
        }
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| match rejection.status() {
            status @ StatusCode::PAYLOAD_TOO_LARGE => BodyRejection::of(status, "it is too long"),
            _ => BodyRejection::of(StatusCode::BAD_REQUEST, "it broke off"),
        })?;
        let not_json = |field| BodyRejection::unreadable(StatusCode::BAD_REQUEST, field);
        let text = str::from_utf8(&bytes)
            .map_err(|_| not_json(FieldError::new("", "expected text in UTF-8")))?;
        let value = wire::parse(text).map_err(|error| not_json(error.field(repeats)))?;
        Ok(Self { value, repeats })
    }

    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, BodyRejection> {
        wire::from_value(&self.value).map_err(|error| {
            let field = error.field(self.repeats);
            BodyRejection::unreadable(StatusCode::UNPROCESSABLE_ENTITY, field)
        })
    }

    #[cfg(feature = "validate")]
    pub(super) fn value(&self) -> &Argument {
        &self.value
    }
}

/// `application/json`, or a format on top of it: `application/problem+json`. It must be said, because a page of any
/// other origin may post what is not: browsers ask the server first only where the type is none that forms have.
fn is_json(headers: &HeaderMap) -> bool {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = sent.and_then(|sent| sent.split(';').next()).unwrap_or_default().trim();
    let subtype = match essence.split_once('/') {
        Some((kind, subtype)) if kind.eq_ignore_ascii_case("application") => subtype,
        _ => return false,
    };
    let suffix = subtype.rsplit('+').next().unwrap_or(subtype);
    suffix.eq_ignore_ascii_case("json")
}

/// Why a [`Body`] was refused: the status, and the exception that a socket would receive.
///
/// ```
/// use axum::Json;
/// use gateway_core::{Body, BodyRejection};
///
/// async fn create(body: Result<Body<Vec<String>>, BodyRejection>) -> Json<String> {
///     match body {
///         Ok(Body(names)) => Json(names.join(", ")),
///         Err(refused) => Json(format!("{}: {}", refused.status(), refused.exception().message())),
///     }
/// }
/// # drop(create);
/// ```
#[derive(Debug, Clone)]
pub struct BodyRejection {
    status: StatusCode,
    /// Boxed, because it is the error of every extraction.
    exception: Box<WsException>,
}

impl BodyRejection {
    fn of(status: StatusCode, why: &str) -> Self {
        Self::unreadable(status, FieldError::new("", why))
    }

    fn unreadable(status: StatusCode, field: FieldError) -> Self {
        Self { status, exception: Box::new(WsException::unreadable("body", field)) }
    }

    #[cfg(feature = "validate")]
    pub(super) fn invalid(errors: impl IntoIterator<Item = FieldError>) -> Self {
        let exception = Box::new(WsException::validation(errors));
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, exception }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What the body of the answer says.
    #[must_use]
    pub fn exception(&self) -> &WsException {
        &self.exception
    }
}

impl IntoResponse for BodyRejection {
    fn into_response(self) -> Response {
        requests::answer_with(self.status, &self.exception)
    }
}

/// An exception as the answer to an HTTP request, so that an axum handler can return `Result<_, WsException>` and use
/// `?` as handlers of messages do: the object that a socket would receive, with the status that fits its code. An
/// internal one is logged.
///
/// | `code` | status |
/// |---|---|
/// | `BAD_PAYLOAD`, `EXCEPTION` and codes of your own | 400 |
/// | `UNAUTHORIZED`, `TOKEN_EXPIRED`, `REPLACED` | 401 |
/// | `FORBIDDEN` | 403 |
/// | `VALIDATION` | 422 |
/// | `THROTTLED` | 429, with `Retry-After` |
/// | `INTERNAL` | 500 |
/// | `TIMEOUT`, `OVERLOADED`, `SHUTTING_DOWN`, `UNAVAILABLE` | 503 |
///
/// For another status, return it beside the exception: `(StatusCode::NOT_FOUND, exception)`.
///
/// The answer has the exception among its extensions, for a layer that says it in other words, as an
/// [`ExceptionFilter`](crate::ExceptionFilter) does to sockets:
///
/// ```
/// use axum::{Router, extract::Request, middleware, response::{IntoResponse, Response}};
/// use gateway_core::WsException;
///
/// async fn plainly(request: Request, next: middleware::Next) -> Response {
///     let response = next.run(request).await;
///     match response.extensions().get::<WsException>() {
///         Some(exception) => (response.status(), exception.message().to_owned()).into_response(),
///         None => response,
///     }
/// }
///
/// let routes: Router = Router::new().layer(middleware::from_fn(plainly));
/// ```
impl IntoResponse for WsException {
    fn into_response(self) -> Response {
        requests::log_internal(&self, "a request failed");
        requests::answer_with(status_of(&self), &self)
    }
}

fn status_of(exception: &WsException) -> StatusCode {
    match exception.code() {
        code::UNAUTHORIZED | code::TOKEN_EXPIRED | code::REPLACED => StatusCode::UNAUTHORIZED,
        code::VALIDATION => StatusCode::UNPROCESSABLE_ENTITY,
        _ => requests::status_of_refusal(exception).unwrap_or(StatusCode::BAD_REQUEST),
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body, routing::post};
    use serde::Deserialize;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Order {
        sku: String,
        unit_price: u32,
    }

    async fn take(Body(order): Body<Order>) -> String {
        format!("{} {}", order.sku, order.unit_price)
    }

    async fn fail() -> WsException {
        WsException::new("sold out").with_code("SOLD_OUT")
    }

    async fn send(
        path: &str,
        content_type: Option<&str>,
        body: impl Into<body::Body>,
    ) -> (u16, Value) {
        let router = Router::new()
            .route("/orders", post(take))
            .route("/fail", post(fail))
            .layer(axum::extract::DefaultBodyLimit::max(100));
        let mut request = Request::post(path);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let response = router.oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    #[tokio::test]
    async fn a_body_is_read_as_a_payload_is() {
        let json = r#"{"sku": "A1", "unitPrice": 7.0, "more": true}"#;
        for content_type in
            ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"]
        {
            let (status, said) = send("/orders", Some(content_type), json).await;
            assert_eq!((status, said), (200, json!("A1 7")), "{content_type}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused_by_what_is_wrong_with_it() {
        let json = Some("application/json");
        let long = format!("\"{}\"", "x".repeat(200));
        for (content_type, body, status, path) in [
            (json, r#"{"sku": "A1"}"#, 422, ""),
            (json, r#"{"sku": "A1", "unitPrice": "7"}"#, 422, "unitPrice"),
            (json, "[]", 422, ""),
            (json, "{", 400, ""),
            (json, "", 400, ""),
            (json, &*long, 413, ""),
            (None, r#"{"sku": "A1", "unitPrice": 7}"#, 415, ""),
            (Some("text/plain"), r#"{"sku": "A1", "unitPrice": 7}"#, 415, ""),
            (Some("text/json"), r#"{"sku": "A1", "unitPrice": 7}"#, 415, ""),
        ] {
            let (answered, said) = send("/orders", content_type, body.to_owned()).await;
            assert_eq!(answered, status, "{body}: {said}");
            assert_eq!(said["code"], "BAD_PAYLOAD", "{body}");
            assert_eq!(said["status"], "error", "{body}");
            assert_eq!(said["errors"][0]["path"], path, "{body}: {said}");
        }
        let (status, _) = send("/orders", json, vec![b'"', 0xff, b'"']).await;
        assert_eq!(status, 400);
    }

    #[tokio::test]
    async fn an_exception_is_an_answer() {
        let (status, said) = send("/fail", None, "").await;
        assert_eq!(status, 400);
        assert_eq!(said, json!({"status": "error", "message": "sold out", "code": "SOLD_OUT"}));
        for (code, status) in [
            (code::UNAUTHORIZED, 401),
            (code::TOKEN_EXPIRED, 401),
            (code::FORBIDDEN, 403),
            (code::VALIDATION, 422),
            (code::THROTTLED, 429),
            (code::INTERNAL, 500),
            (code::UNAVAILABLE, 503),
        ] {
            let exception = WsException::new("no").with_code(code);
            assert_eq!(status_of(&exception).as_u16(), status, "{code}");
        }
    }
}
