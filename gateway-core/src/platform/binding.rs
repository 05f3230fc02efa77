//! Which requests belong to a session on polling: the session's id alone is not enough.
//!
//! Whoever knows the id of such a session can read and write in it. A page of another origin that got
//! hold of one must not, even if its origin is allowed to open sessions of its own. Clients that are no
//! browsers can send any `Origin`, or none; for them there is the binding to an address.

use axum::extract::Request;
use gateway_names::Origin;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{forwarded::Client, network::Network, refusal::Refusal, request::RequestHead};
use crate::{log_limiter::LogLimiter, metrics};

static SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[derive(Debug)]
pub(super) struct Binding {
    to_address: bool,
    foreign_origins: LogLimiter,
    foreign_addresses: LogLimiter,
}

impl Binding {
    pub(super) fn new(to_address: bool) -> Self {
        let [foreign_origins, foreign_addresses] = [LogLimiter::new(), LogLimiter::new()];
        Self { to_address, foreign_origins, foreign_addresses }
    }

    /// Checks a request against the handshake of the session that it names.
    ///
    /// # Errors
    /// If it comes from elsewhere.
    pub(super) fn check(&self, handshake: &RequestHead, request: &Request) -> Result<(), Refusal> {
        if !is_of_same_page(handshake, request.headers()) {
            metrics::handshake_refused("session_origin");
            if let Some(times) = self.foreign_origins.count() {
                let by = Client::of(request.extensions());
                tracing::warn!(
                    %by,
                    times,
                    "a request was refused: its Origin is not the one that its session was opened from. If it \
                     comes from a page of your own behind a proxy, name the proxy in `.trusted_proxies([..])`"
                );
            }
            return Err(Refusal::Forbidden);
        }
        if self.to_address && !is_of_same_network(handshake, request) {
            metrics::handshake_refused("session_address");
            if let Some(times) = self.foreign_addresses.count() {
                let by = Client::of(request.extensions());
                tracing::warn!(
                    %by,
                    times,
                    "a request was refused: its session was opened from another address"
                );
            }
            return Err(Refusal::Forbidden);
        }
        Ok(())
    }
}

fn is_of_same_page(handshake: &RequestHead, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN).map(HeaderValue::as_bytes) else { return true };
    match handshake.text.header("origin") {
        Some(opened_by) => opened_by == origin,
        // A page that asks its own server for something sends no origin, unless it posts. Which origin the
        // server has may be hidden by a proxy from us, but not from the browser.
        None => {
            let page = std::str::from_utf8(origin).ok().and_then(|text| Origin::parse(text).ok());
            page.is_some_and(|page| handshake.addressed().has(&page))
                || headers.get(&SITE).is_some_and(|site| site == "same-origin")
        }
    }
}

/// Where an address is not known, there is nothing to compare.
fn is_of_same_network(handshake: &RequestHead, request: &Request) -> bool {
    let network = |client: Client| client.ip().map(Network::of);
    let opened_by = network(handshake.client);
    let asks = network(Client::of(request.extensions()));
    opened_by.is_none() || asks.is_none() || opened_by == asks
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::{body::Body, extract::ConnectInfo};

    use super::*;
    use crate::platform::line::Line;

    /// A request to `chat.example` from an address, with these headers.
    fn request(address: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().uri("/socket.io/").header("host", "chat.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        if !address.is_empty() {
            request.extensions_mut().insert(ConnectInfo(address.parse::<SocketAddr>().unwrap()));
        }
        request
    }

    fn is_bound(binding: &Binding, opened: &Request, asked: &Request) -> bool {
        let handshake = RequestHead::of_handshake(opened, Line::default());
        binding.check(&handshake, asked) == Err(Refusal::Forbidden)
    }

    fn refuses(opened: &[(&str, &str)], asked: &[(&str, &str)]) -> bool {
        is_bound(&Binding::new(false), &request("", opened), &request("", asked))
    }

    fn origin(origin: &str) -> [(&str, &str); 1] {
        [("origin", origin)]
    }

    #[test]
    fn a_session_is_of_the_page_that_has_opened_it() {
        let page = origin("https://a.example");
        assert!(!refuses(&page, &page));
        assert!(!refuses(&page, &[]), "what is sent by no browser, or by a page to its own server");
        for other in ["https://b.example", "http://a.example", "null", "", "https://chat.example"] {
            assert!(refuses(&page, &origin(other)), "{other}");
        }
        assert!(!refuses(&origin("null"), &origin("null")));
    }

    #[test]
    fn without_an_origin_it_is_of_a_page_of_the_server() {
        assert!(!refuses(&[], &[]));
        for own in ["https://chat.example", "http://chat.example", "https://CHAT.example:443"] {
            assert!(!refuses(&[], &origin(own)), "{own}");
        }
        for other in ["https://a.example", "https://chat.example:8443", "null", "\u{e9}"] {
            assert!(refuses(&[], &origin(other)), "{other}");
        }
    }

    #[test]
    fn a_browser_knows_the_name_that_a_proxy_hides() {
        let own = ("origin", "https://public.example");
        assert!(!refuses(&[], &[own, ("sec-fetch-site", "same-origin")]));
        for site in ["same-site", "cross-site", "none"] {
            assert!(refuses(&[], &[own, ("sec-fetch-site", site)]), "{site}");
        }
        let same = ("sec-fetch-site", "same-origin");
        assert!(refuses(&origin("https://a.example"), &[own, same]));
    }

    #[test]
    fn addresses_are_compared_only_if_asked_for() {
        let opened = request("198.51.100.1:5", &[]);
        let [bound, free] = [true, false].map(Binding::new);
        for (address, is_other) in [
            ("198.51.100.1:6", false),
            ("[::ffff:198.51.100.1]:5", false),
            ("198.51.100.2:5", true),
            ("[2001:db8::1]:5", true),
            ("", false),
        ] {
            let asked = request(address, &[]);
            assert_eq!(is_bound(&bound, &opened, &asked), is_other, "{address}");
            assert!(!is_bound(&free, &opened, &asked), "{address}");
        }
        let [one, other] = ["[2001:db8::1]:5", "[2001:db8::2]:5"].map(|from| request(from, &[]));
        assert!(!is_bound(&bound, &one, &other), "a network of IPv6 has one client");
    }
}
