//! How long a client may take over what it is sent.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::clock;

/// What a client must take at least while something waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DrainRate {
    /// Bytes per second; 0 asks for nothing.
    pub(crate) bytes_per_second: usize,
}

impl DrainRate {
    /// The time over which the rate is looked at.
    pub(crate) const WINDOW: Duration = Duration::from_secs(10);

    /// Bytes that the kernel may keep unsent, where it can be told so: else it takes megabytes for a
    /// peer that reads slowly, and then nothing for so long that a steady reader seems not to read.
    pub(crate) const UNSENT: u32 = 32 * 1024;

    /// It asks for more when half of that has gone, so progress is seen in steps of this.
    const STEP: u64 = Self::UNSENT as u64 / 2;

    /// Bytes that a window must see.
    pub(super) fn per_window(self) -> u64 {
        let seconds = Self::WINDOW.as_secs();
        (self.bytes_per_second as u64).saturating_mul(seconds)
    }
}

/// The patience of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a write that takes nothing at all.
    pub(super) write: Duration,
    pub(super) rate: DrainRate,
}

/// Exists while something waits for a client; most clients never have one.
#[derive(Debug)]
pub(super) struct Stall {
    timer: Pin<Box<Sleep>>,
    patience: Patience,
    /// When a write last began to wait, if one does.
    blocked: Option<Instant>,
    window: Instant,
    /// Bytes that were taken in this window, and those of the windows before that were more than
    /// needed: up to a step, since one that is seen now may have been taken before.
    taken: u64,
}

impl Stall {
    pub(super) fn new(patience: Patience) -> Self {
        let now = Instant::now();
        let timer = Box::pin(sleep_until(now));
        Self { timer, patience, blocked: None, window: now, taken: DrainRate::STEP }
    }

    /// A write took something.
    pub(super) fn took(&mut self, bytes: usize) {
        self.taken += bytes as u64;
        self.blocked = None;
    }

    /// A write waits: ready when that, or what came before it, has lasted too long.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = Instant::now();
            let blocked = *self.blocked.get_or_insert(now);
            let patience = &self.patience;
            let cut = clock::later(blocked, patience.write);
            if now >= cut {
                return Poll::Ready(());
            }
            let needed = patience.rate.per_window();
            let mut deadline = cut;
            if needed > 0 {
                if now >= self.window + DrainRate::WINDOW {
                    if self.taken < needed {
                        return Poll::Ready(());
                    }
                    self.window = now;
                    self.taken = (self.taken - needed).min(DrainRate::STEP);
                }
                deadline = deadline.min(self.window + DrainRate::WINDOW);
            }
            if self.timer.deadline() != deadline {
                self.timer.as_mut().reset(deadline);
            }
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{advance, timeout};

    use super::*;

    fn stall(write: u64, bytes_per_second: usize) -> Stall {
        let write = Duration::from_secs(write);
        Stall::new(Patience { write, rate: DrainRate { bytes_per_second } })
    }

    /// How long a reader that takes some bytes every few seconds is waited for.
    async fn lasts(mut stall: Stall, bytes: usize, every: u64) -> Option<u64> {
        let begun = Instant::now();
        for _ in 0..100 {
            let waiting = poll_fn(|context| stall.poll(context));
            if timeout(Duration::from_secs(every), waiting).await.is_ok() {
                return Some(begun.elapsed().as_secs());
            }
            stall.took(bytes);
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_too_little_is_not_waited_for() {
        // A few kB every 5 s.
        assert_eq!(lasts(stall(20, 2048), 4096, 5).await, Some(20));
        // In the kernel's steps: twice as fast as need be, just fast enough, and too slow.
        assert_eq!(lasts(stall(20, 2048), 16_384, 4).await, None);
        assert_eq!(lasts(stall(20, 2048), 16_384, 8).await, None);
        assert_eq!(lasts(stall(20, 2048), 16_384, 12).await, Some(10));
        assert_eq!(lasts(stall(20, 2048), 21_000, 5).await, None);
        // Which was for ever.
        assert_eq!(lasts(stall(20, 0), 4096, 5).await, None);
        assert_eq!(lasts(stall(20, 0), 4096, 25).await, Some(20));
        assert_eq!(lasts(stall(3, 2048), 1_000_000, 4).await, Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_begins_when_something_waits() {
        let mut stall = stall(20, 2048);
        stall.took(1_000_000);
        advance(Duration::from_secs(12)).await;
        assert_eq!(lasts(stall, 0, 30).await, Some(10));
    }
}
