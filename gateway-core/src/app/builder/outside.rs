//! What stands around the server: proxies, names, origins, encryption, layers, and what is asked before a session begins.

use std::{convert::Infallible, future::Future, panic::Location};

use axum::{Router, extract::Request, response::IntoResponse};
use gateway_names::Host;
use http::HeaderMap;
use tower::{Layer, Service};

use super::AppBuilder;
use crate::{
    auth::handshake::Handshake,
    boot::start_report::{Problem, place},
    exception::WsException,
    platform::{TrustedProxies, TrustedProxy},
};

impl AppBuilder {
    /// Sets the proxies in front of the application, as addresses and networks; `unix` stands for whoever connects
    /// to a [Unix socket](crate::App::bind_unix), as its permissions allow. None by default.
    ///
    /// `X-Forwarded-For`, `-Host` and `-Proto` count only if the other end of the connection is one of these
    /// proxies, and as far back as trusted proxies pass each other's requests on: the client is the last
    /// address in the list that does not belong to a trusted proxy. This decides
    /// [`Handshake::address`](crate::Handshake::address), the address that
    /// [`Throttle::per_address`](crate::Throttle::per_address) counts, and the server that a page's origin is
    /// compared with. From anybody else, the headers are ignored.
    ///
    /// A proxy must set the three headers itself, whatever its client sends. If all addresses are trusted
    /// (`0.0.0.0/0`), anybody can claim to be anybody, and a warning is logged. `Forwarded` is not read.
    ///
    /// ```
    /// use gateway_core::prelude::*;
    ///
    /// let builder = App::builder().trusted_proxies(["127.0.0.1", "::1", "10.0.0.0/8"]);
    /// # drop(builder);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn trusted_proxies<T: AsRef<str>>(mut self, networks: impl IntoIterator<Item = T>) -> Self {
        let at = place(Location::caller());
        let mut trusted = Vec::new();
        for text in networks {
            let text = text.as_ref();
            match text.parse::<TrustedProxy>() {
                Ok(proxy) => trusted.push(proxy),
                Err(help) => self.blueprint.problems.push(Problem::new(
                    format!("{text:?} is not an address or network of trusted proxies ({at})"),
                    help,
                )),
            }
        }
        self.front.proxies = TrustedProxies::new(trusted);
        self
    }

    /// Sets the names that clients may use for the server, in the `Host` of their requests. A name without a
    /// port allows any port. Requests for another name are refused with 421, except those to the
    /// [health checks](Self::health_checks). By default, any name is allowed.
    ///
    /// This protects against DNS rebinding: if the name `evil.example` is made to resolve to this machine inside
    /// its reader's network, then to a browser, and so to every check of origins, a page from `evil.example` is
    /// a page from this server. An application that must not be reachable from everywhere should list its
    /// hosts.
    ///
    /// ```
    /// use gateway_core::prelude::*;
    ///
    /// let builder = App::builder().allowed_hosts(["chat.example", "localhost", "[::1]:3000"]);
    /// # drop(builder);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn allowed_hosts<T: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = T>) -> Self {
        let at = place(Location::caller());
        let mut allowed = Vec::new();
        let mut is_empty = true;
        for text in hosts {
            is_empty = false;
            let text = text.as_ref();
            match Host::parse(text) {
                Ok(host) => allowed.push(host),
                Err(_) => self.blueprint.problems.push(Problem::new(
                    format!("{text:?} is not a host that can be allowed ({at})"),
                    "write a name or an address, with a port or for all: `chat.example`, `localhost:3000`, `[::1]`; no scheme, and no pattern",
                )),
            }
        }
        if is_empty {
            self.blueprint.problems.push(Problem::new(
                format!("no host is allowed, so nobody could connect ({at})"),
                "name the hosts in `.allowed_hosts([..])`, or leave the call out for any",
            ));
        }
        self.front.hosts = Some(allowed);
        self
    }

    /// Sets which pages of other origins may connect, for all gateways whose attribute does not have a `cors(..)` of its
    /// own; by default, none. An origin is written as browsers write it, `https://example.com`; `*` means any. With
    /// [`cors_credentials`](Self::cors_credentials), browsers may send cookies along.
    ///
    /// This is about Socket.IO. [`routes`](Self::routes) have methods and headers that a page may use or not, so they take
    /// a layer of their own, such as tower-http's `CorsLayer`.
    ///
    /// ```
    /// use gateway_core::prelude::*;
    ///
    /// let builder = App::builder().cors(["https://chat.example", "http://localhost:4200"]);
    /// # drop(builder);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn cors<T: Into<String>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        let at = place(Location::caller());
        let origins: Vec<String> = origins.into_iter().map(Into::into).collect();
        for origin in &origins {
            if let Err(error) = gateway_names::origin(origin) {
                self.blueprint.problems.push(Problem::new(
                    format!("`.cors([..])` ({at}) allows the origin {origin:?}, which no browser sends: {error}"),
                    error.help(),
                ));
            }
        }
        self.blueprint.cors.origins = origins;
        self
    }

    /// Sets whether browsers may send cookies with what [`cors`](Self::cors) allows; off by default. Browsers refuse this
    /// together with the origin `*`, so it is a startup error.
    #[must_use]
    #[track_caller]
    pub fn cors_credentials(mut self, allowed: bool) -> Self {
        self.states("cors_credentials");
        self.blueprint.cors.credentials = allowed;
        self
    }

    /// Puts a [tower](https://docs.rs/tower) layer around everything that is served: the Socket.IO server, its
    /// handshakes included, the routes, and the health checks. A layer that is added later stands further outside.
    /// It sees requests that have passed [`allowed_hosts`](Self::allowed_hosts), and may answer them itself.
    ///
    /// For access logs, headers of every answer, compression, or a limit on what the routes do at once. It is not a
    /// place for timeouts: a long poll waits for as long as a ping takes, and an upgrade is over when the WebSocket
    /// is open. A layer around the routes alone goes to [`routes`](Self::routes).
    ///
    /// An application with layers is served by itself: for [`into_router`](crate::App::into_router), put them around
    /// the router.
    ///
    /// ```
    /// use axum::{extract::Request, middleware, response::Response};
    /// use gateway_core::App;
    ///
    /// async fn log(request: Request, next: middleware::Next) -> Response {
    ///     let asked = format!("{} {}", request.method(), request.uri().path());
    ///     let response = next.run(request).await;
    ///     println!("{asked} {}", response.status());
    ///     response
    /// }
    ///
    /// let builder = App::builder().layer(middleware::from_fn(log));
    /// # drop(builder);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Router> + 'static,
        L::Service: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.layered.get_or_insert(Location::caller());
        // Once around all of it: around each route, a layer that counts would count each for itself.
        self.layers
            .push(Box::new(move |router| Router::new().fallback_service(layer.layer(router))));
        self
    }

    /// Asks before a session begins whether it may (socket.io: `allowRequest`): knowing the request alone, without
    /// `auth`, and with no namespace chosen yet. Who may join a gateway is decided by its
    /// [`Authenticator`](crate::Authenticator). If this is called several times, all have to agree.
    ///
    /// A client that is refused receives 403 and the message, as `{"code":4,"message":".."}`; in a browser, it sees
    /// `xhr poll error` or `websocket error`. It may take as long as an
    /// [authenticator](Self::authentication_timeout), and the client counts as one of the
    /// [`unjoined_sessions`](crate::Limits::unjoined_sessions) meanwhile.
    ///
    /// ```
    /// use gateway_core::prelude::*;
    ///
    /// let builder = App::builder().allow_request(async |handshake| {
    ///     match handshake.header("x-api-version") {
    ///         Some("1") => Err(WsException::forbidden("Version 1 is no longer served")),
    ///         _ => Ok(()),
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    #[must_use]
    pub fn allow_request<F, E>(
        mut self,
        check: impl Fn(Handshake) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<WsException>,
    {
        self.porter.check(check);
        self
    }

    /// Adds headers to the answer with which a session begins, by polling and by WebSocket (socket.io: the event
    /// `initial_headers`, and the option `cookie`). The headers of the protocol itself cannot be set.
    ///
    /// ```
    /// use axum::http::{HeaderValue, header};
    /// use gateway_core::App;
    ///
    /// // For a balancer that sends a client's requests where its cookie says.
    /// let builder = App::builder().handshake_headers(|_, headers| {
    ///     let cookie = HeaderValue::from_static("instance=a; Path=/socket.io; HttpOnly; SameSite=Lax");
    ///     headers.append(header::SET_COOKIE, cookie);
    /// });
    /// # drop(builder);
    /// ```
    #[must_use]
    pub fn handshake_headers(
        mut self,
        add: impl Fn(&Handshake, &mut HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.porter.greet(add);
        self
    }

    /// Encrypts all connections with TLS 1.3 or 1.2: pages connect by `https://` and `wss://`, and only a page that was
    /// loaded by `https` is one of this server's own. `None` does not encrypt.
    ///
    /// A handshake may take as long as the [`head_timeout`](crate::Limits::head_timeout), and so many clients may be at
    /// it at once as [`tls_handshakes`](crate::Limits::tls_handshakes) says. What belongs in front of a public port
    /// beyond that (a redirect from port 80, certificates by ACME, HTTP/2 for other routes) is a proxy's.
    ///
    /// Certificates that cannot be used are a startup error.
    #[cfg(feature = "tls")]
    #[must_use]
    #[track_caller]
    pub fn tls(mut self, tls: impl Into<Option<crate::Tls>>) -> Self {
        // Not in the closure, which is no caller.
        let at = Location::caller();
        self.tls = tls.into().map(|tls| (tls, at));
        self
    }
}
