//! One application in routers of every kind, each on a port of its own: for
//! `wire/cases/routers.test.mjs`. What there is, the first address tells.

use std::{future::IntoFuture, io::Write as _, net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    routing::{any, get},
};
use gateway_core::prelude::*;
use serde::Serialize;
use tokio::net::TcpListener;

#[web_socket_gateway(namespace = "/routed")]
struct RoutedGateway {
    server: Server,
}

#[web_socket_gateway]
impl RoutedGateway {
    /// How many clients there are, and whether one's address is known.
    #[subscribe_message("count")]
    async fn count(&self, handshake: Handshake) -> (usize, bool) {
        (self.server.socket_count(), handshake.address().is_some())
    }
}

#[web_socket_gateway(namespace = "/limited")]
struct LimitedGateway;

#[web_socket_gateway]
impl LimitedGateway {
    #[on_connection]
    #[use_guards(Throttle::per_address(1, Duration::from_secs(3600)))]
    async fn welcome(&self) {}

    #[subscribe_message("say")]
    #[use_guards(Throttle::per_address(1, Duration::from_secs(3600)))]
    async fn say(&self) {}
}

/// Pages of the application's own.
const PAGES: [&str; 9] = [
    "none",
    "route",
    "fallback",
    "fallback for GET",
    "any method",
    "GET wildcard",
    "wildcard for any method",
    "wildcard with a fallback of methods",
    "parameters",
];

fn pages(kind: &str) -> Router {
    let pages = Router::new();
    match kind {
        "none" => pages,
        "route" => pages.route("/some/page", get(page)),
        "fallback" => pages.fallback(page),
        "fallback for GET" => pages.fallback_service(get(page)),
        "any method" => pages.fallback_service(any(page)),
        "GET wildcard" => pages.route("/{*path}", get(page)),
        "wildcard for any method" => pages.route("/{*path}", any(page)),
        "wildcard with a fallback of methods" => pages.route("/{*path}", get(page).fallback(page)),
        "parameters" => pages.route("/{first}/{second}", any(page)),
        other => unreachable!("{other}"),
    }
}

/// Whether a router around them can have a fallback of its own.
fn has_fallback(kind: &str) -> bool {
    kind.contains("fallback for") || matches!(kind, "fallback" | "any method")
}

/// How the application is served, and below which path.
const WAYS: [(&str, &str); 8] = [
    ("ours", ""),
    ("router", ""),
    ("router with connect info", ""),
    ("merged", ""),
    ("nested", "/api"),
    ("nested deeply", "/api/v1"),
    ("nested as a service", "/api"),
    ("the fallback of another", ""),
];

async fn page() -> &'static str {
    "page"
}

async fn outer() -> &'static str {
    "outer"
}

async fn motto(Inject(motto): Inject<String>) -> String {
    motto.to_string()
}

async fn nobody_provides(_: Inject<SocketAddr>) {}

#[derive(Clone, Serialize)]
struct Combination {
    pages: &'static str,
    way: &'static str,
    address: SocketAddr,
    below: &'static str,
}

#[tokio::main]
async fn main() -> Result<(), AppError> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut combinations = Vec::new();
    for pages in PAGES {
        for (way, below) in WAYS {
            let address = start(pages, way).await?;
            combinations.push(Combination { pages, way, address, below });
        }
    }
    let menu = Router::new().route("/", get(async move || Json(combinations.clone())));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stop = gateway_core::stop_signal(Duration::from_secs(1))?;
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    Ok(axum::serve(listener, menu).with_graceful_shutdown(stop).await?)
}

async fn start(kind: &'static str, way: &str) -> Result<SocketAddr, AppError> {
    let app = App::builder().provide("in a router".to_owned()).routes(pages(kind)).build().await?;
    assert!(app.get::<RoutedGateway>().is_some() && app.get::<SocketAddr>().is_none());
    if way == "ours" {
        let bound = app.bind("127.0.0.1:0").await?;
        let address = bound.local_addr();
        tokio::spawn(bound.serve());
        return Ok(address);
    }
    let motto = Router::new()
        .route("/outer/motto", get(motto))
        .route("/outer/nobody-provides", get(nobody_provides))
        .layer(app.services());
    let around = Router::new()
        .route("/outer/without", get(crate::motto))
        .merge(motto)
        .route("/outer/page", get(outer));
    let router = app.into_router();
    let router = match way {
        "router" | "router with connect info" => router,
        "merged" if has_fallback(kind) => around.merge(router),
        "merged" => around.fallback(outer).merge(router),
        "nested" => around.nest("/api", router).fallback(outer),
        "nested deeply" => around.nest("/api", Router::new().nest("/v1", router)),
        "nested as a service" => around.nest_service("/api", router).fallback(outer),
        "the fallback of another" => around.fallback_service(router),
        other => unreachable!("{other}"),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    if way == "router with connect info" {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(axum::serve(listener, service).into_future());
    } else {
        tokio::spawn(axum::serve(listener, router).into_future());
    }
    Ok(address)
}
