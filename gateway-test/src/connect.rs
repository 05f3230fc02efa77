//! [`Connect`]: a client that is about to connect.

use std::{
    fmt,
    future::{Future, IntoFuture},
    net::SocketAddr,
    panic::Location,
    pin::Pin,
    sync::Arc,
};

use gateway_core::{Authenticated, testing::VOUCHER_HEADER};
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::{
    client_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

use crate::{
    ConnectError, TestClient, app::Inner, client::PATIENCE, packet::prefix, session::Session,
};

/// A client that is about to connect: who it is, and what it says. Returned by
/// [`TestApp::connect`](crate::TestApp::connect); `.await` connects it.
///
/// ```
/// # use gateway_core::Authenticated;
/// # use gateway_test::{TestApp, TestClient};
/// # use serde_json::json;
/// # #[derive(Clone)] struct User { id: u64 }
/// # async fn connect(app: TestApp) {
/// // As the application's own clients do, past nothing:
/// let alice = app.connect("/chat").auth(json!({ "token": "s3cret" })).await;
/// // As whoever the test likes, past the authenticator:
/// let bob = app.connect("/chat").as_user(Authenticated::new(User { id: 7 }).user(7)).await;
/// // Somebody who is not let in:
/// let error = app.connect("/chat").attempt().await.unwrap_err();
/// assert_eq!(error.to_string(), "Missing token");
/// # }
/// ```
#[must_use = "it connects when it is awaited"]
pub struct Connect {
    app: Arc<Inner>,
    at: &'static Location<'static>,
    namespace: String,
    auth: Option<Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    query: String,
    address: Option<SocketAddr>,
}

impl Connect {
    pub(crate) fn new(app: Arc<Inner>, at: &'static Location<'static>, namespace: &str) -> Self {
        Self {
            app,
            at,
            namespace: namespace.to_owned(),
            auth: None,
            headers: Vec::new(),
            query: String::new(),
            address: None,
        }
    }

    /// Lets it in as this client, whatever the gateway's authenticator would say: it is not asked, also when the
    /// session is renewed. What is given is what an authenticator returns: an identity, and with it the user's id
    /// (for `Server::user` and presence), roles, and the end of the session.
    ///
    /// # Panics
    /// If the gateway's clients are known as another type, or not at all.
    #[track_caller]
    pub fn as_user<I: Send + Sync + 'static>(mut self, client: Authenticated<I>) -> Self {
        if let Err(why) = self.app.served.knows_clients_as::<I>(&self.namespace) {
            panic!("{}: {why}", Location::caller());
        }
        let voucher = self.app.vouchers.vouch(client);
        self.headers.push((
            HeaderName::from_static(VOUCHER_HEADER),
            HeaderValue::try_from(voucher).expect("a number"),
        ));
        self
    }

    /// Sends this as `auth`, as the official client does with its option of that name.
    ///
    /// # Panics
    /// If it has no form in JSON.
    #[track_caller]
    pub fn auth(mut self, auth: impl Serialize) -> Self {
        let auth = serde_json::to_value(auth);
        self.auth = Some(auth.unwrap_or_else(|error| panic!("this cannot be sent: {error}")));
        self
    }

    /// Adds a header to the request of the handshake.
    ///
    /// # Panics
    /// If this is no header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(header(name, value));
        self
    }

    /// Adds a parameter to the query of the handshake. It is sent as it is, so it has to be percent-encoded.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push_str(&format!("&{name}={value}"));
        self
    }

    /// Comes from this address. By default, each connection comes from another port of 127.0.0.1.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Connects, and returns why if the client is not let in. (`.await` on the builder itself fails the test then.)
    ///
    /// # Errors
    /// Why it was not let in.
    pub async fn attempt(self) -> Result<TestClient, ConnectError> {
        timeout(PATIENCE, self.connect()).await.unwrap_or(Err(ConnectError::Silence))
    }

    async fn connect(self) -> Result<TestClient, ConnectError> {
        let Self { app, namespace, auth, headers, query, address, .. } = self;
        let near = app.open(address);
        let traffic = near.traffic();
        let url = format!("ws://localhost{}/?EIO=4&transport=websocket{query}", app.path);
        let mut request = url.into_client_request().map_err(at_http)?;
        request.headers_mut().extend(headers);
        let (stream, _) = client_async(request, near).await.map_err(at_http)?;
        let session = Session::start(stream, &namespace, traffic);
        app.watch(&session.shared);
        let auth = auth.map(|auth| auth.to_string()).unwrap_or_default();
        session.say(vec![Message::text(format!("40{}{auth}", prefix(&namespace)))]);
        let answer = session.shared.wait(|state| {
            if let Some(id) = state.id.clone() {
                return Some(Ok(id));
            }
            let refused = state.refused.clone().map(ConnectError::Refused);
            refused.or(state.ended.map(ConnectError::Ended)).map(Err)
        });
        let id = answer.await?;
        Ok(TestClient::new(app, session, id))
    }
}

pub(crate) fn header(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    let parsed = (HeaderName::try_from(name), HeaderValue::try_from(value));
    let (Ok(name), Ok(value)) = parsed else { panic!("`{name}: {value}` is no header") };
    (name, value)
}

fn at_http(error: tungstenite::Error) -> ConnectError {
    match error {
        tungstenite::Error::Http(answer) => {
            let body = answer.body().as_deref().unwrap_or_default();
            let body = String::from_utf8_lossy(body).into_owned();
            ConnectError::Http(answer.status().as_u16(), body)
        }
        _ => ConnectError::Ended(crate::CloseReason::TransportError),
    }
}

impl IntoFuture for Connect {
    type Output = TestClient;
    type IntoFuture = Pin<Box<dyn Future<Output = TestClient> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (at, namespace) = (self.at, self.namespace.clone());
            self.attempt().await.unwrap_or_else(|error| {
                panic!("{at}: a client was not let in to `{namespace}`: {error}")
            })
        })
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connect")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
