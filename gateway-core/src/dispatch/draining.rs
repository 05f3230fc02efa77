//! How far shutting down has got, for everything that must know.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// Shared by all gateways of an application. `app/drain.rs` decides when each of these happens.
#[derive(Debug, Default)]
pub(crate) struct Draining {
    /// Cancelled when the application is asked to stop, or begins to without having been asked.
    pub(crate) asked: CancellationToken,
    begun: AtomicBool,
    out_of_patience: CancellationToken,
}

impl Draining {
    /// From now on nobody is let in, and no message is accepted.
    pub(crate) fn begin(&self) {
        // Sequentially consistent with `has_begun`, which a client that comes in asks after it can be
        // found: either it sees this, or the drain finds it.
        self.begun.store(true, Ordering::SeqCst);
        self.asked.cancel();
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// Handlers are waited for no longer.
    pub(crate) fn end_patience(&self) {
        self.out_of_patience.cancel();
    }

    /// Resolves when they are not.
    pub(crate) async fn patience_ended(&self) {
        self.out_of_patience.cancelled().await;
    }
}
