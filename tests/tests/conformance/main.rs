//! The rules of the protocols, Engine.IO 4 and Socket.IO 5, each asked of a server by a client that
//! is nothing but its frames, and each over both transports where it is about neither.
//!
//! What the rules ask and the server does otherwise stands in `deviations`, with the reason.
//! `docs/conformance.md` is written from all of this: `UPDATE_CONFORMANCE=1 cargo test -p tests
//! --test conformance`.

mod deviations;
mod engine;
mod page;
mod polling;
mod session;
mod socket;
mod upgrade;
mod websocket;

use std::process::{Command, Stdio};

use tests::raw::Server;

/// A server of one test's own.
pub(crate) fn server() -> Server {
    server_with(&[])
}

pub(crate) fn server_with(settings: &[(&str, &str)]) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fixture"));
    command.envs(settings.iter().copied()).stderr(Stdio::null());
    Server::start(&mut command).expect("the fixture starts")
}

/// Heartbeats that are over before a test grows long.
pub(crate) const HEARTBEAT: [(&str, &str); 2] =
    [("PING_INTERVAL_MS", "300"), ("PING_TIMEOUT_MS", "200")];

/// Makes each function, which takes a [`Transport`](session::Transport), a test on both.
macro_rules! on_both_transports {
    ($($case:ident),* $(,)?) => {
        mod by_polling {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::session::Transport::Polling).await;
            })*
        }

        mod by_websocket {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::session::Transport::WebSocket).await;
            })*
        }
    };
}
pub(crate) use on_both_transports;
