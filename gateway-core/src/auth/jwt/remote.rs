//! Keys that are published at a URL, and change there.

use std::{
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{sync::Mutex, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use super::{
    InvalidKey,
    keys::{self, Key, Whose},
};
use crate::{clock, metrics};

/// Where keys are published, and how they are fetched, for
/// [`JwtService::jwks_url`](crate::JwtService::jwks_url).
///
/// ```
/// use std::time::Duration;
/// use gateway_core::JwksUrl;
///
/// let keys = JwksUrl::new("https://id.example/.well-known/jwks.json")
///     .refresh_every(Duration::from_secs(600))
///     .timeout(Duration::from_secs(2));
/// # drop(keys);
/// ```
#[derive(Debug, Clone)]
pub struct JwksUrl {
    url: String,
    every: Duration,
    at_most_every: Duration,
    timeout: Duration,
    max_bytes: usize,
}

impl JwksUrl {
    /// Creates one with the default of every option. Over plain `http`, anybody on the network path can
    /// replace the keys with their own, so a warning is logged unless the URL is on this machine.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            every: Duration::from_secs(3600),
            at_most_every: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            max_bytes: 256 * 1024,
        }
    }

    /// Sets how often the keys are fetched again; an hour by default. A revoked key may stay valid for that
    /// long.
    #[must_use]
    pub fn refresh_every(mut self, interval: Duration) -> Self {
        self.every = interval;
        self
    }

    /// Sets the least time between two fetches that tokens with unknown keys cause; 30 s by default. Anybody
    /// can make up such tokens.
    #[must_use]
    pub fn refresh_at_most_every(mut self, interval: Duration) -> Self {
        self.at_most_every = interval;
        self
    }

    /// Sets how long fetching may take; 5 s by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how large the key set may be, in bytes; 256 KiB by default.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }
}

impl<T: Into<String>> From<T> for JwksUrl {
    fn from(url: T) -> Self {
        Self::new(url)
    }
}

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("the keys at `{url}` cannot be fetched: {why}")]
pub struct JwksError {
    url: String,
    why: Why,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("this is not the URL of a server, `https://..`")]
    NoUrl,
    #[error("`{0}` is zero")]
    Zero(&'static str),
    #[error("there are no trusted certificates on this machine: {0}")]
    Roots(std::io::Error),
    #[error("{}", innermost(.0))]
    Http(hyper_util::client::legacy::Error),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("the answer is larger than {0} bytes, or was cut short")]
    Body(usize),
    #[error("it took longer than {0:?}")]
    Timeout(Duration),
    #[error("{}", innermost(.0))]
    Keys(InvalidKey),
}

/// The last error of a chain, which says what really happened.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<bytes::Bytes>>;

/// The keys at a URL, as they were last fetched.
pub(super) struct Remote {
    place: JwksUrl,
    uri: Uri,
    client: HttpClient,
    keys: RwLock<Arc<[Key]>>,
    /// When fetching was last tried. Locked meanwhile, so that whoever waits shares the result.
    tried: Mutex<Instant>,
    /// Keeps fetching them for as long as this exists.
    _refreshing: AbortOnDropHandle<()>,
}

impl Remote {
    /// Fetches the keys for the first time.
    pub(super) async fn open(place: JwksUrl) -> Result<Arc<Self>, JwksError> {
        let fail = |why| JwksError { url: place.url.clone(), why };
        let zeros = [
            ("refresh_every", place.every.is_zero()),
            ("timeout", place.timeout.is_zero()),
            ("max_bytes", place.max_bytes == 0),
        ];
        if let Some((name, _)) = zeros.into_iter().find(|(_, is_zero)| *is_zero) {
            return Err(fail(Why::Zero(name)));
        }
        let uri = server_uri(&place.url).ok_or_else(|| fail(Why::NoUrl))?;
        let client = client().map_err(|error| fail(Why::Roots(error)))?;
        if is_open_to_others(&uri) {
            tracing::warn!(
                url = place.url,
                "keys are fetched without TLS: anybody on the network path can replace them, and sign tokens"
            );
        }
        let first = fetch(&client, &uri, &place).await.map_err(fail)?;
        Ok(Arc::new_cyclic(|remote: &Weak<Self>| Self {
            _refreshing: AbortOnDropHandle::new(tokio::spawn(keep(remote.clone(), place.every))),
            place,
            uri,
            client,
            keys: RwLock::new(first.into()),
            tried: Mutex::new(clock::now()),
        }))
    }

    pub(super) fn keys(&self) -> Arc<[Key]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fetches the keys because a token named an unknown one, unless that was just tried. In a task of its own,
    /// so that a client that leaves does not cancel it for the others.
    pub(super) async fn refresh(self: &Arc<Self>) {
        let remote = Arc::clone(self);
        let refreshed = tokio::spawn(async move {
            let mut tried = remote.tried.lock().await;
            if tried.elapsed() >= remote.place.at_most_every {
                remote.fetch(&mut tried).await;
            } else {
                metrics::jwks_refresh("spared");
            }
        });
        refreshed.await.ok();
    }

    /// Like [`refresh`](Self::refresh), without waiting.
    pub(super) fn refresh_soon(self: &Arc<Self>) {
        let remote = Arc::clone(self);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { remote.refresh().await });
        }
    }

    /// Replaces the keys with those that are published now; keeps the old ones if that fails.
    async fn fetch(&self, tried: &mut Instant) {
        *tried = clock::now();
        match fetch(&self.client, &self.uri, &self.place).await {
            Ok(keys) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
                metrics::jwks_refresh("ok");
                tracing::debug!(url = self.place.url, "keys were fetched");
            }
            Err(why) => {
                metrics::jwks_refresh("failed");
                tracing::warn!(url = self.place.url, %why, "keys cannot be fetched: the previous ones are kept");
            }
        }
    }
}

async fn keep(remote: Weak<Remote>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(remote) = remote.upgrade() else { return };
        let mut tried = remote.tried.lock().await;
        remote.fetch(&mut tried).await;
    }
}

fn server_uri(url: &str) -> Option<Uri> {
    let uri: Uri = url.parse().ok()?;
    let is_http = matches!(uri.scheme_str(), Some("https" | "http"));
    (is_http && uri.host().is_some_and(|host| !host.is_empty())).then_some(uri)
}

/// Whether others on the network path could change what is fetched.
fn is_open_to_others(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost"
        || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    uri.scheme_str() == Some("http") && !is_here
}

fn client() -> std::io::Result<HttpClient> {
    let provider = rustls::crypto::ring::default_provider();
    let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
    let connector = tls.https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector))
}

async fn fetch(client: &HttpClient, uri: &Uri, place: &JwksUrl) -> Result<Vec<Key>, Why> {
    let request = Request::get(uri)
        .header(header::ACCEPT, "application/json")
        .body(Empty::new())
        .map_err(|_| Why::NoUrl)?;
    let text = async {
        // Redirects are not followed: keys come only from the server that was named.
        let answer = client.request(request).await.map_err(Why::Http)?;
        if answer.status() != StatusCode::OK {
            return Err(Why::Status(answer.status()));
        }
        let body = Limited::new(answer.into_body(), place.max_bytes).collect().await;
        body.map(|body| body.to_bytes()).map_err(|_| Why::Body(place.max_bytes))
    };
    let text = tokio::time::timeout(place.timeout, text).await;
    let text = text.map_err(|_elapsed| Why::Timeout(place.timeout))??;
    keys::of_set(&text, Whose::Published).map_err(Why::Keys)
}
