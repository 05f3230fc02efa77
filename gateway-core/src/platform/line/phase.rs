//! What a connection on HTTP is at, and since when: for the timers of its server.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use crate::clock;

/// Looked at now and then by the connection's own task, which also writes most of it: nothing is ordered
/// by it, and a look that comes too early is followed by another.
#[derive(Debug)]
pub(super) struct Phase {
    begun: Instant,
    /// The kind, and above it the milliseconds from `begun` on.
    at: AtomicU64,
    body: AtomicBool,
    body_is_late: AtomicBool,
}

const HEAD: u64 = 0;
const IDLE: u64 = 1;
const REQUEST: u64 = 2;
const KIND_BITS: u32 = 2;

/// What the client, or the server, is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The client sends a request's head, or is to send its first.
    Head { since: Instant },
    /// Nothing, until the client asks for something.
    Idle { since: Instant },
    /// A request is being answered.
    Request,
}

impl Default for Phase {
    /// Of a connection that begins: its first request is awaited.
    fn default() -> Self {
        Self {
            begun: clock::now(),
            at: AtomicU64::new(HEAD),
            body: AtomicBool::new(false),
            body_is_late: AtomicBool::new(false),
        }
    }
}

impl Phase {
    pub(super) fn stage(&self) -> Stage {
        let at = self.at.load(Ordering::Relaxed);
        let since = self.begun + Duration::from_millis(at >> KIND_BITS);
        match at & ((1 << KIND_BITS) - 1) {
            HEAD => Stage::Head { since },
            IDLE => Stage::Idle { since },
            _ => Stage::Request,
        }
    }

    fn enter(&self, kind: u64) {
        let passed =
            u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX >> KIND_BITS);
        self.at.store(passed << KIND_BITS | kind, Ordering::Relaxed);
    }

    /// Bytes have come.
    #[inline]
    pub(super) fn heard(&self) {
        if self.at.load(Ordering::Relaxed) & ((1 << KIND_BITS) - 1) == IDLE {
            self.enter(HEAD);
        }
    }

    /// Bytes of a response have gone, of which the last may go long after the request has ended.
    #[inline]
    pub(super) fn wrote(&self) {
        if self.at.load(Ordering::Relaxed) & ((1 << KIND_BITS) - 1) == IDLE {
            self.enter(IDLE);
        }
    }

    pub(super) fn begin_request(&self) {
        // The time does not matter: nothing here limits how long it may take.
        self.at.store(REQUEST, Ordering::Relaxed);
    }

    pub(super) fn end_request(&self) {
        self.enter(IDLE);
    }

    /// The client still sends the body of its request, or has sent all of it.
    pub(super) fn reads_body(&self, reads: bool) {
        self.body.store(reads, Ordering::Relaxed);
    }

    pub(super) fn is_reading_body(&self) -> bool {
        self.body.load(Ordering::Relaxed)
    }

    /// The request's body came too slowly.
    pub(super) fn body_is_late(&self) {
        self.body_is_late.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_body_late(&self) -> bool {
        self.body_is_late.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_at_a_head_a_request_or_nothing() {
        let second = Duration::from_secs(1);
        let phase = Phase::default();
        let begun = clock::now();
        tokio::time::advance(second).await;
        phase.heard();
        assert_eq!(phase.stage(), Stage::Head { since: begun }, "the first head began with it");
        phase.begin_request();
        phase.heard();
        assert_eq!(phase.stage(), Stage::Request, "what comes is its body");
        phase.end_request();
        tokio::time::advance(second).await;
        assert_eq!(phase.stage(), Stage::Idle { since: begun + second });
        phase.heard();
        tokio::time::advance(second).await;
        phase.heard();
        assert_eq!(
            phase.stage(),
            Stage::Head { since: begun + 2 * second },
            "its first byte counts"
        );
    }
}
