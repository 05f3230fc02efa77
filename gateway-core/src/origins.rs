//! Which pages may connect. A browser lets any page open a WebSocket to any server, cookies and
//! all, and CORS does not apply to it: so the server looks at `Origin` itself, on both transports.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, StatusCode, header};

use crate::handshake::Handshake;

/// What one gateway allows beyond its own origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cors {
    pub(crate) origins: Vec<String>,
    pub(crate) credentials: bool,
}

impl Cors {
    /// Whether a client with this handshake may come in.
    pub(crate) fn admits(&self, handshake: &Handshake) -> bool {
        if handshake.header_bytes("origin").is_none() {
            return true;
        }
        let origin = handshake.header("origin").unwrap_or_default();
        is_same_origin(origin, handshake.header("host")) || self.lists(origin)
    }

    fn lists(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    }
}

/// Not a browser's page of another site: the host it was loaded from is the host it talks to. The
/// scheme is not compared; behind a proxy that ends TLS it differs.
fn is_same_origin(origin: &str, host: Option<&str>) -> bool {
    let own = origin.split_once("://").map(|(_, host)| host);
    matches!((own, host), (Some(own), Some(host)) if own.eq_ignore_ascii_case(host))
}

/// What all gateways allow together: the handshake comes before the namespace is known.
#[derive(Debug)]
pub(crate) struct Origins(Box<[Cors]>);

impl Origins {
    pub(crate) fn new(gateways: impl IntoIterator<Item = Cors>) -> Self {
        Self(gateways.into_iter().collect())
    }

    /// The gateways that allow an origin.
    fn allowing<'a>(&'a self, origin: &'a str) -> impl Iterator<Item = &'a Cors> {
        self.0.iter().filter(move |cors| cors.lists(origin))
    }

    /// How the answer is shared with the page that asks, where it is a page.
    ///
    /// # Errors
    /// Where it is a foreign one, and not to be served.
    pub(crate) fn sharing<B>(&self, request: &Request<B>) -> Result<Option<Sharing>, Foreign> {
        let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(None) };
        let text = origin.to_str().unwrap_or("");
        let listed = self.allowing(text).next().is_some();
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        if !listed && !is_same_origin(text, host) {
            return Err(Foreign);
        }
        let credentials = self.allowing(text).any(|cors| cors.credentials);
        Ok(Some(Sharing { origin: origin.clone(), credentials }))
    }
}

/// A page that no gateway allows.
pub(crate) struct Foreign;

impl IntoResponse for Foreign {
    fn into_response(self) -> Response {
        (StatusCode::FORBIDDEN, "Origin not allowed").into_response()
    }
}

/// What a browser must read before it shows an answer to a page.
pub(crate) struct Sharing {
    origin: HeaderValue,
    credentials: bool,
}

impl Sharing {
    pub(crate) fn add_to(self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.origin);
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if self.credentials {
            let granted = HeaderValue::from_static("true");
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, granted);
        }
        response
    }
}

/// The answer to a browser that asks what it may ask, and with which headers.
pub(crate) fn preflight(asked: Option<&HeaderValue>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    if let Some(asked) = asked {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    response
}

/// The origins that two gateways speak differently of: with credentials and without.
pub(crate) fn contradictions<'a>(
    gateways: impl IntoIterator<Item = (&'a str, &'a Cors)>,
) -> Vec<(String, &'a str, &'a str)> {
    let mut known: BTreeMap<String, (&str, bool)> = BTreeMap::new();
    let mut found = Vec::new();
    for (name, cors) in gateways {
        for origin in &cors.origins {
            let key = origin.to_ascii_lowercase();
            match known.get(&key) {
                Some((other, credentials)) if *credentials != cors.credentials => {
                    found.push((origin.clone(), *other, name));
                }
                _ => {
                    known.insert(key, (name, cors.credentials));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::HeaderMap;

    use super::*;
    use crate::platform::{HeadText, RequestHead};

    fn cors<const N: usize>(origins: [&str; N], credentials: bool) -> Cors {
        Cors { origins: origins.map(str::to_owned).to_vec(), credentials }
    }

    fn handshake(host: &str, origin: Option<&str>) -> Handshake {
        let mut head = RequestHead::default();
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        head.text = HeadText::new(&http::Uri::default(), &headers);
        Handshake::new(None, Arc::new(head))
    }

    fn admits(cors: &Cors, origin: &str) -> bool {
        cors.admits(&handshake("chat.example:3000", Some(origin)))
    }

    #[test]
    fn without_an_origin_it_is_no_browser() {
        assert!(Cors::default().admits(&handshake("chat.example", None)));
    }

    #[test]
    fn the_own_origin_is_always_allowed() {
        for own in
            ["http://chat.example:3000", "https://chat.example:3000", "http://CHAT.example:3000"]
        {
            assert!(admits(&Cors::default(), own), "{own}");
            assert!(admits(&cors(["https://other.example"], true), own), "{own}");
        }
    }

    #[test]
    fn no_other_origin_is_by_default() {
        for other in [
            "http://chat.example",
            "http://chat.example:3001",
            "http://chat.example:30000",
            "http://chat.example:3000.evil.example",
            "http://chat.example:3000@evil.example",
            "http://evil.example/chat.example:3000",
            "http://evil.example",
            "http://sub.chat.example:3000",
            "chat.example:3000",
            "://",
            "null",
            "",
        ] {
            assert!(!admits(&Cors::default(), other), "{other}");
        }
    }

    #[test]
    fn an_origin_that_is_listed_is_allowed() {
        let cors = cors(["http://localhost:4200", "https://Front.example"], false);
        assert!(admits(&cors, "http://localhost:4200"));
        assert!(admits(&cors, "https://front.example"));
        assert!(admits(&cors, "HTTPS://FRONT.EXAMPLE"));
        for other in [
            "https://localhost:4200",
            "http://localhost",
            "http://localhost:42000",
            "http://localhost:4200.evil.example",
            "https://front.example.evil.example",
            "https://evil-front.example",
            "null",
        ] {
            assert!(!admits(&cors, other), "{other}");
        }
    }

    #[test]
    fn a_star_allows_every_origin() {
        for any in ["https://anything.example", "null"] {
            assert!(admits(&cors(["*"], false), any));
        }
        // It stands alone; there are no patterns.
        assert!(!admits(&cors(["https://*.example"], false), "https://front.example"));
    }

    fn contradiction(one: &Cors, other: &Cors) -> Vec<String> {
        let found = contradictions([("One", one), ("Other", other)]);
        found.into_iter().map(|(origin, a, b)| format!("{origin}: {a}, {b}")).collect()
    }

    #[test]
    fn gateways_contradict_where_they_share_an_origin_and_not_its_credentials() {
        let (with, without) = (cors(["a", "b"], true), cors(["b", "c"], false));
        assert_eq!(contradiction(&with, &without), ["b: One, Other"]);
        assert_eq!(contradiction(&without, &with), ["b: One, Other"]);
    }

    #[test]
    fn gateways_agree_otherwise() {
        assert!(contradiction(&cors(["a", "b"], true), &cors(["b", "c"], true)).is_empty());
        assert!(contradiction(&cors(["a"], true), &cors(["b"], false)).is_empty());
        assert!(contradiction(&cors(["a"], true), &Cors::default()).is_empty());
    }
}
