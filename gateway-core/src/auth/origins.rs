//! Which pages may connect. A browser lets any page open a WebSocket to any server, cookies included, and
//! CORS does not apply to it. So the server checks `Origin` itself, on both transports.

use std::{collections::BTreeMap, fmt};

use axum::response::{IntoResponse, Response};
use gateway_names::Origin;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};

use crate::{
    auth::handshake::Handshake,
    excerpt,
    platform::{Addressed, Client},
};

/// What one gateway allows beyond its own origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cors {
    pub(crate) origins: Vec<String>,
    pub(crate) credentials: bool,
}

impl Cors {
    /// Checks that a client with this handshake may connect.
    ///
    /// # Errors
    /// If it is a page that may not.
    pub(crate) fn admits(&self, handshake: &Handshake) -> Result<(), Foreign> {
        let Some(sent) = handshake.header_bytes("origin") else { return Ok(()) };
        let page = Page::new(sent);
        if self.list(&page) {
            return Ok(());
        }
        page.must_be_of(handshake.addressed())
    }

    fn list(&self, page: &Page<'_>) -> bool {
        self.origins.iter().any(|allowed| allowed == "*" || page.is(allowed))
    }
}

/// Where a page comes from, according to its browser.
struct Page<'a> {
    sent: &'a str,
    /// The origin as browsers write it; what was sent need not come from a browser.
    written: Option<String>,
    origin: Option<Origin>,
}

impl<'a> Page<'a> {
    fn new(sent: &'a [u8]) -> Self {
        let sent = std::str::from_utf8(sent).unwrap_or("(no text)");
        let origin = Origin::parse(sent).ok();
        Self { sent, written: origin.as_ref().map(Origin::to_string), origin }
    }

    fn is(&self, allowed: &str) -> bool {
        allowed == self.sent || self.written.as_deref() == Some(allowed)
    }

    /// Checks that the page was loaded from the host it talks to, and not from another site.
    fn must_be_of(self, server: Addressed) -> Result<(), Foreign> {
        if self.origin.as_ref().is_some_and(|origin| server.has(origin)) {
            return Ok(());
        }
        let origin = self.written.unwrap_or_else(|| self.sent.chars().take(SHOWN).collect());
        Err(Foreign { origin, server })
    }
}

/// How many characters are shown of a value that is not an origin.
const SHOWN: usize = 100;

/// What all gateways together allow: at the handshake, the namespace is not known yet.
#[derive(Debug)]
pub(crate) struct Origins(Box<[Cors]>);

impl Origins {
    pub(crate) fn new(gateways: impl IntoIterator<Item = Cors>) -> Self {
        Self(gateways.into_iter().collect())
    }

    /// How the answer is shared with the page that asks, if it is a page.
    ///
    /// # Errors
    /// If the page is a foreign one that is not served.
    pub(crate) fn sharing<B>(&self, request: &Request<B>) -> Result<Option<Sharing>, Foreign> {
        let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(None) };
        let page = Page::new(origin.as_bytes());
        let allowing = || self.0.iter().filter(|cors| cors.list(&page));
        let credentials = allowing().any(|cors| cors.credentials);
        if allowing().next().is_none() {
            page.must_be_of(addressed(request))?;
        }
        Ok(Some(Sharing { origin: origin.clone(), credentials }))
    }
}

/// The server that a request is meant for, as its client named it.
pub(crate) fn addressed<B>(request: &Request<B>) -> Addressed {
    let headers: &HeaderMap = request.headers();
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let client = Client::of(request.extensions());
    client.addressed(authority, |name| {
        headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
    })
}

/// A page that no gateway allows, and the server that it was not loaded from.
pub(crate) struct Foreign {
    origin: String,
    server: Addressed,
}

/// For whoever may want to let it in: what was compared, and what to write.
impl fmt::Display for Foreign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, server } = self;
        let shown = excerpt::logged(origin);
        let server = excerpt::logged(server);
        write!(
            formatter,
            "a page from `{shown}` was refused: it is not from this server, `{server}`"
        )?;
        let origin = if gateway_names::origin(origin).is_ok() { &*shown } else { ".." };
        write!(
            formatter,
            "; to allow it, write `cors(origins = [\"{origin}\"])` on its gateway, or `.trusted_proxies([..])` \
             on the `App::builder()` if a proxy in front uses another name for the server than the page does"
        )
    }
}

impl IntoResponse for Foreign {
    fn into_response(self) -> Response {
        (StatusCode::FORBIDDEN, "Origin not allowed").into_response()
    }
}

/// What a browser has to read before it shows an answer to a page.
pub(crate) struct Sharing {
    origin: HeaderValue,
    credentials: bool,
}

impl Sharing {
    pub(crate) fn add_to(self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.origin);
        if self.credentials {
            let granted = HeaderValue::from_static("true");
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, granted);
        }
        response
    }
}

/// The answer to a preflight: the methods and headers that a page may use.
pub(crate) fn preflight(asked: Option<&HeaderValue>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    if let Some(asked) = asked {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    response
}

/// The origins about which two gateways disagree: one allows them with credentials, the other without.
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
        Handshake::new(None, Arc::new(head), std::time::SystemTime::UNIX_EPOCH)
    }

    fn admits(cors: &Cors, origin: &str) -> bool {
        cors.admits(&handshake("chat.example:3000", Some(origin))).is_ok()
    }

    #[test]
    fn without_an_origin_it_is_no_browser() {
        assert!(Cors::default().admits(&handshake("chat.example", None)).is_ok());
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
    fn the_port_of_a_scheme_may_be_written_or_not() {
        let admits = |host, origin| Cors::default().admits(&handshake(host, Some(origin))).is_ok();
        for (host, origin) in [
            ("chat.example:443", "https://chat.example"),
            ("chat.example:80", "http://chat.example"),
            ("chat.example", "https://chat.example"),
            ("chat.example.", "https://chat.example"),
            ("[::1]:80", "http://[::1]"),
            ("[0:0::1]:3000", "http://[::1]:3000"),
        ] {
            assert!(admits(host, origin), "{host} {origin}");
        }
        for (host, origin) in [
            ("chat.example:8443", "https://chat.example"),
            ("chat.example:443", "http://chat.example"),
            ("chat.example:80", "https://chat.example"),
            ("127.0.0.1:3000", "https://chat.example"),
            ("", "https://"),
        ] {
            assert!(!admits(host, origin), "{host} {origin}");
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
            "http://evil.example@chat.example:3000",
            "http://evil.example",
            "http://sub.chat.example:3000",
            "app://chat.example:3000",
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
        let cors = cors(["http://localhost:4200", "https://front.example"], false);
        assert!(admits(&cors, "http://localhost:4200"));
        assert!(admits(&cors, "https://front.example"));
        // As who is no browser may write it.
        assert!(admits(&cors, "HTTPS://FRONT.EXAMPLE"));
        assert!(admits(&cors, "https://front.example:443"));
        for other in [
            "https://localhost:4200",
            "http://localhost",
            "http://localhost:42000",
            "http://localhost:4200.evil.example",
            "https://front.example.evil.example",
            "https://evil-front.example",
            "https://front.example/",
            "null",
        ] {
            assert!(!admits(&cors, other), "{other}");
        }
    }

    #[test]
    fn everything_that_browsers_send_can_be_listed() {
        for sent in [
            "null",
            "file://",
            "capacitor://localhost",
            "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
            "http://[::1]:3000",
        ] {
            assert_eq!(gateway_names::origin(sent), Ok(()));
            assert!(admits(&cors([sent], false), sent), "{sent}");
            assert!(!admits(&Cors::default(), sent), "{sent}");
        }
    }

    #[test]
    fn a_star_allows_every_origin() {
        for any in ["https://anything.example", "null", "nonsense"] {
            assert!(admits(&cors(["*"], false), any));
        }
        // It stands alone; there are no patterns.
        assert!(!admits(&cors(["https://*.example"], false), "https://front.example"));
    }

    #[test]
    fn a_refusal_says_what_was_compared_and_what_to_write() {
        let refusal = |host, origin| {
            Cors::default().admits(&handshake(host, Some(origin))).unwrap_err().to_string()
        };
        let said = refusal("127.0.0.1:3000", "https://chat.example");
        for part in [
            "`https://chat.example`",
            "`127.0.0.1:3000`",
            "cors(origins = [\"https://chat.example\"])",
            ".trusted_proxies(",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let long = format!("http://{}", "a".repeat(5000));
        assert!(refusal("chat.example", &long).chars().count() < 500);
        assert!(refusal("chat.example", "null").contains("[\"null\"]"));
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
