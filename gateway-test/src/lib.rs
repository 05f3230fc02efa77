//! Tests of [gateway-core](gateway_core) applications, in one process: the real handshake, the real guards, pipes and
//! handlers, the real way out, and no port.
//!
//! ```standalone_crate
//! # mod gateways {
//! # use gateway_core::prelude::*;
//! # #[web_socket_gateway(namespace = "/chat")]
//! # pub struct ChatGateway { server: Server }
//! # #[web_socket_gateway]
//! # impl ChatGateway {
//! #     #[subscribe_message("join")]
//! #     async fn join(&self, socket: Socket, MessageBody(room): MessageBody<String>) -> Result<(), WsException> {
//! #         Ok(socket.join(room).await?)
//! #     }
//! #     #[subscribe_message("say")]
//! #     async fn say(&self, MessageBody((room, text)): MessageBody<(String, String)>) -> Result<(), WsException> {
//! #         Ok(self.server.to(room).emit("said", text).await?)
//! #     }
//! # }
//! # }
//! use gateway_core::{App, Args};
//! use gateway_test::TestApp;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // In a `#[tokio::test]`:
//! let app = TestApp::new(App::builder()).build().await;
//! let alice = app.connect("/chat").await;
//! let bob = app.connect("/chat").await;
//! let carol = app.connect("/chat").await;
//! bob.ack::<()>("join", "kitchen").await.unwrap();
//! alice.ack::<()>("say", Args(("kitchen", "hello"))).await.unwrap();
//! assert_eq!(bob.expect_event::<String>("said").await, "hello");
//! carol.expect_nothing("said").await;
//! # }
//! ```
//!
//! | | |
//! |---|---|
//! | the application, and what a test replaces in it | [`TestApp::new`], [`TestAppBuilder`] |
//! | clients | [`TestApp::connect`], [`Connect`], [`TestClient`] |
//! | requests to routes | [`TestApp::http`] |
//! | what was sent, and to whom | [`TestApp::sent`] |
//! | waiting without sleeping | [`TestClient::expect`], [`TestClient::expect_nothing`], [`TestApp::settle`] |
//! | unit tests of guards, pipes, filters and interceptors | [`context()`], [`argument`] |
//! | what a store of a feed must do | [`assert_feed_store`] |
//! | time | `#[tokio::test(start_paused = true)]` and [`tokio::time::advance`](https://docs.rs/tokio/latest/tokio/time/fn.advance.html) |

mod app;
mod client;
mod connect;
mod context;
mod errors;
mod feed;
mod http;
mod packet;
mod recorder;
mod session;

pub use crate::{
    app::{TestApp, TestAppBuilder},
    client::{Answer, TestClient},
    connect::Connect,
    context::{ContextBuilder, TestContext, argument, context},
    errors::{CloseReason, ConnectError, Refusal},
    feed::assert_feed_store,
    http::{Http, HttpRequest, HttpResponse},
    recorder::{SentEvent, SentEvents},
};
