//! What an application says where it cannot be served as it is asked to, and a listener of one's own.

use std::net::TcpListener as StdListener;

use axum::{
    extract::Request,
    middleware::{Next as Inner, from_fn},
    response::Response,
};
use gateway_core::{AppBuilder, prelude::*};
use tests::raw::Client;
use tokio::net::TcpListener;

async fn build(builder: AppBuilder) -> App {
    builder.build().await.expect("an application")
}

async fn pass_on(request: Request, inner: Inner) -> Response {
    inner.run(request).await
}

#[tokio::test]
#[should_panic(expected = "has a layer around all of it (tests/tests/outside.rs:")]
async fn a_router_keeps_no_layer_of_the_whole_application() {
    drop(build(App::builder().layer(from_fn(pass_on))).await.into_router());
}

#[tokio::test]
async fn the_client_and_a_route_have_not_one_path() {
    use axum::routing::get;

    let routes = || axum::Router::new().route("/live/socket.io.js", get(async || "mine"));
    let builder = App::builder().path("/live").routes(routes());
    build(builder).await;
    let builder = App::builder().path("/live").routes(routes()).serve_client();
    let refused = builder.build().await.expect_err("two routes");
    let told = "the application has a route `/live/socket.io.js`, where the client is to be served (tests/tests/outside.rs:";
    assert!(refused.to_string().contains(told), "{refused}");
}

#[tokio::test]
async fn sessions_are_not_bound_to_addresses_that_nobody_has() {
    let path = std::env::temp_dir().join(format!("gateway-outside-{}", std::process::id()));
    let bound = App::builder().bind_sessions_to_address(true);
    let refused = build(bound).await.bind_unix(&path, 0o600).await.expect_err("a contradiction");
    assert!(refused.to_string().contains(r#"`.trusted_proxies(["unix"])`"#), "{refused}");
    assert!(!path.exists());
    let proxied = App::builder().bind_sessions_to_address(true).trusted_proxies(["unix"]);
    for builder in [proxied, App::builder()] {
        let bound = build(builder).await.bind_unix(&path, 0o600).await.expect("a socket");
        assert_eq!(bound.local_addr(), path);
        drop(bound);
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn a_listener_that_was_opened_before_is_served() {
    let inherited = StdListener::bind("127.0.0.1:0").expect("a port");
    inherited.set_nonblocking(true).expect("a socket that does not block");
    let listener = TcpListener::from_std(inherited).expect("a listener");
    let bound = build(App::builder()).await.listen_on(listener).expect("an address");
    let address = bound.local_addr();
    tokio::spawn(bound.serve_until(std::future::pending()));
    let mut client = Client::open(address, "/library").await.expect("a client");
    assert_eq!(client.answer("asked", "").await.expect("an answer"), 1);
}
