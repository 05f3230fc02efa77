//! A crate under the strictest lints of Clippy may declare gateways: what the attributes print, and what
//! they ask of handlers, adds no warning. `cargo clippy` decides it, and `scripts/test.sh` runs that;
//! what runs here only shows that the handlers below are the ones that it looked at.
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(missing_docs, unused, unreachable_pub, missing_debug_implementations)]

use std::sync::Arc;

use gateway_core::prelude::*;

/// A service.
#[injectable]
#[derive(Debug)]
pub struct Store;

/// A gateway whose handlers wait for nothing.
#[web_socket_gateway(namespace = "/strict", concurrency = 16)]
#[use_guards(Roles::any(["admin"]))]
#[derive(Debug)]
pub struct StrictGateway {
    store: Arc<Store>,
    #[init]
    seen: std::sync::atomic::AtomicU64,
}

#[web_socket_gateway]
impl StrictGateway {
    #[on_connection]
    async fn connected(&self, socket: Socket) {
        drop(socket);
    }

    #[on_disconnect]
    async fn disconnected(&self, _: Socket, _: DisconnectReason) {}

    #[after_init]
    async fn ready(&self) -> Result<(), WsException> {
        Ok(())
    }

    /// Says what it is asked.
    ///
    /// # Errors
    /// When it is asked nothing.
    #[subscribe_message("say")]
    pub async fn say(&self, MessageBody(text): MessageBody<String>) -> Result<String, WsException> {
        self.seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if text.is_empty() {
            return Err(WsException::new("nothing to say"));
        }
        Ok(format!("{text} {:?}", self.store))
    }

    #[subscribe_message("wait", serial)]
    async fn wait(&self) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn its_handlers_are_declared() -> Result<(), AppError> {
    let table = App::builder().expect::<StrictGateway>().build().await?.route_table();
    for handler in ["connected", "disconnected", "ready", "say", "wait"] {
        assert!(table.contains(&format!("StrictGateway::{handler}")), "{table}");
    }
    Ok(())
}
