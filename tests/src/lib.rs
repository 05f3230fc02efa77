//! What the test programs of this package share.
//!
//! The gateway below is here for one reason: a gateway in a library crate must be served by
//! every program that merely names the crate, without being listed anywhere.

pub mod raw;

use gateway_core::prelude::*;

/// Says which crate it comes from.
#[web_socket_gateway(namespace = "/library")]
#[derive(Debug)]
pub struct LibraryGateway {
    #[init]
    asked: std::sync::atomic::AtomicU64,
}

#[web_socket_gateway]
impl LibraryGateway {
    /// Answers how often it has been asked.
    #[subscribe_message("asked")]
    async fn asked(&self) -> u64 {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1
    }
}
