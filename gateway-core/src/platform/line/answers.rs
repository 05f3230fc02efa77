//! socketioxide's own answers to a client's CONNECTs, which share its buffer with what others send the
//! client.

use std::sync::atomic::{AtomicU32, Ordering};

use super::outbound::Departures;

/// Answers that may wait before no more messages are read: more than a client that reads ever has, and
/// much less than socketioxide's buffer.
pub(super) const MOST: u32 = 64;

/// Counts them.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// CONNECTs whose answers have not left.
    awaited: AtomicU32,
    /// CONNECTs that failed since the last one that did not.
    failed: AtomicU32,
}

impl Answers {
    /// A CONNECT was read.
    pub(super) fn expect(&self) {
        // Sequentially consistent with the reader's waker: who lowers it wakes the reader afterwards.
        self.awaited.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether no more messages are read.
    #[inline]
    pub(super) fn are_too_many(&self) -> bool {
        self.awaited.load(Ordering::SeqCst) > MOST
    }

    /// Packets of socketioxide's own have left: says how many CONNECTs have failed in a row.
    ///
    /// With a ping all answers have left that were waiting: a CONNECT that socketioxide has passed over in
    /// silence has none.
    pub(super) fn left(&self, own: Departures) -> u32 {
        let less =
            |awaited: u32| Some(if own.pinged { 0 } else { awaited.saturating_sub(own.answers) });
        self.awaited.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).ok();
        // Only who writes counts: a WebSocket's writer, or the body of one poll.
        let before = if own.accepted { 0 } else { self.failed.load(Ordering::Relaxed) };
        let failed = before.saturating_add(own.refused);
        self.failed.store(failed, Ordering::Relaxed);
        failed
    }
}
