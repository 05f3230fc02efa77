//! What the test programs of this package share.
//!
//! The gateway below is here for one reason: a gateway in a library crate must be served by
//! every program that merely names the crate, without being listed anywhere.

pub mod raw;

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Those of the page about testing, too.
#[cfg(doctest)]
#[doc = include_str!("../../docs/testing.md")]
struct Testing;

/// And those of the page about contracts.
#[cfg(doctest)]
#[doc = include_str!("../../docs/contract.md")]
struct ContractPage;

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
