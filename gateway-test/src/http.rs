//! [`Http`]: requests to the application's routes.

use std::{
    fmt,
    future::{Future, IntoFuture},
    net::SocketAddr,
    panic::Location,
    pin::Pin,
    sync::Arc,
};

use bytes::Bytes;
use gateway_core::{Authenticated, testing::VOUCHER_HEADER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::{app::Inner, client::PATIENCE, connect};

/// The application's routes, and everything else that it serves over HTTP. Returned by
/// [`TestApp::http`](crate::TestApp::http).
///
/// ```
/// # use gateway_test::TestApp;
/// # use serde_json::{Value, json};
/// # async fn order(app: TestApp) {
/// let order: Value = app
///     .http()
///     .post("/orders")
///     .bearer("s3cret")
///     .json(&json!({ "sku": "A-1" }))
///     .await
///     .assert_status(201)
///     .json();
/// assert_eq!(order["sku"], "A-1");
/// # }
/// ```
#[derive(Debug)]
pub struct Http {
    app: Arc<Inner>,
}

impl Http {
    pub(crate) fn new(app: Arc<Inner>) -> Self {
        Self { app }
    }

    /// A `GET` request. Here and below, the path may have a query.
    #[track_caller]
    pub fn get(&self, path: &str) -> HttpRequest {
        self.request(Method::GET, path)
    }

    /// A `POST` request.
    #[track_caller]
    pub fn post(&self, path: &str) -> HttpRequest {
        self.request(Method::POST, path)
    }

    /// A `PUT` request.
    #[track_caller]
    pub fn put(&self, path: &str) -> HttpRequest {
        self.request(Method::PUT, path)
    }

    /// A `DELETE` request.
    #[track_caller]
    pub fn delete(&self, path: &str) -> HttpRequest {
        self.request(Method::DELETE, path)
    }

    /// A request by any other method.
    #[track_caller]
    pub fn request(&self, method: Method, path: &str) -> HttpRequest {
        HttpRequest {
            app: Arc::clone(&self.app),
            at: Location::caller(),
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            address: None,
        }
    }
}

/// A request that is about to be sent: `.await` sends it, and waits for the whole answer.
#[must_use = "it is sent when it is awaited"]
pub struct HttpRequest {
    app: Arc<Inner>,
    at: &'static Location<'static>,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    address: Option<SocketAddr>,
}

impl HttpRequest {
    /// Adds a header.
    ///
    /// # Panics
    /// If this is no header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let (name, value) = connect::header(name, value);
        self.headers.append(name, value);
        self
    }

    /// Adds an access token: `Authorization: Bearer ..`.
    ///
    /// # Panics
    /// If the token is no text of a header.
    #[track_caller]
    pub fn bearer(self, token: &str) -> Self {
        self.header(header::AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// Is this client, wherever a route takes an `Identity`, whatever its authenticator would say. If the route takes
    /// an identity of another type, the answer is a 401 that says so.
    pub fn as_user<I: Send + Sync + 'static>(mut self, client: Authenticated<I>) -> Self {
        let voucher = self.app.vouchers.vouch(client);
        self.headers.insert(
            HeaderName::from_static(VOUCHER_HEADER),
            HeaderValue::try_from(voucher).expect("a number"),
        );
        self
    }

    /// Sends a value as JSON.
    ///
    /// # Panics
    /// If it has no form in JSON.
    #[track_caller]
    pub fn json(mut self, value: &impl Serialize) -> Self {
        let json = serde_json::to_vec(value);
        self.body = json.unwrap_or_else(|error| panic!("this cannot be sent: {error}")).into();
        let json = HeaderValue::from_static("application/json");
        self.headers.insert(header::CONTENT_TYPE, json);
        self
    }

    /// Sends this as the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Comes from this address.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    async fn send(self) -> HttpResponse {
        let Self { app, at, method, path, headers, body, address } = self;
        let said = format!("{method} {path}");
        let failed = |why: String| -> HttpResponse { panic!("{at}: `{said}` failed: {why}") };
        let answered = timeout(PATIENCE, exchange(&app, (method, &path), headers, body, address));
        match answered.await {
            Ok(Ok((parts, body))) => HttpResponse { said, parts, body },
            Ok(Err(error)) => failed(error),
            Err(_) => failed(format!("there was no answer within {PATIENCE:?}")),
        }
    }
}

/// On a connection of its own.
async fn exchange(
    app: &Inner,
    (method, path): (Method, &str),
    headers: HeaderMap,
    body: Bytes,
    address: Option<SocketAddr>,
) -> Result<(http::response::Parts, Bytes), String> {
    let mut request = http::Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().map_err(|error| format!("{path:?} is no path: {error}"))?;
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    request.headers_mut().extend(headers);
    let error = |error: hyper::Error| error.to_string();
    let stream = TokioIo::new(app.open(address));
    let (mut sender, connection) = http1::handshake(stream).await.map_err(error)?;
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await.map_err(error)?.into_parts();
    Ok((parts, body.collect().await.map_err(error)?.to_bytes()))
}

impl IntoFuture for HttpRequest {
    type Output = HttpResponse;
    type IntoFuture = Pin<Box<dyn Future<Output = HttpResponse> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The whole answer to a request.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    said: String,
    parts: http::response::Parts,
    body: Bytes,
}

impl HttpResponse {
    /// Fails the test unless the status is this one, and shows what the answer says.
    ///
    /// # Panics
    /// If the status is another one.
    #[track_caller]
    pub fn assert_status(self, status: u16) -> Self {
        let own = self.status();
        assert!(own == status, "`{}` was answered {own}, not {status}: {}", self.said, self.text());
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.parts.status
    }

    /// A header, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// The body.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, read as JSON.
    ///
    /// # Panics
    /// If it is no `T` in JSON.
    #[must_use]
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            let wanted = std::any::type_name::<T>();
            panic!("`{}` was answered with no `{wanted}`: {error}: {}", self.said, self.text())
        })
    }
}
