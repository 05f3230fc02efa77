//! What of one session is with socketioxide's writer and has not left the process.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{Notify, futures::Notified};

/// Packets that may be in flight at once.
///
/// Well below socketioxide's own buffer: its pings go through the same buffer, and one that finds no
/// room there ends the session of a client that did nothing wrong.
pub(crate) const WINDOW_PACKETS: u32 = 128;

/// Bytes that may be in flight at once; a larger packet travels alone.
pub(crate) const WINDOW_BYTES: usize = 256 * 1024;

/// A way out with fewer packets in flight is free. Several in one turn are nothing unusual: cursors of everybody in a room.
const FREE_PACKETS: usize = 16;

/// The same for bytes.
const FREE_BYTES: usize = 16 * 1024;

/// How many packets, and how many bytes of them: the data part of their texts, and their
/// attachments as they are before any transport encodes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct InFlight {
    pub(crate) packets: usize,
    pub(crate) bytes: usize,
}

impl InFlight {
    pub(crate) fn is_nothing(self) -> bool {
        self.packets == 0
    }
}

/// Counts each packet from when it is claimed until it is seen to leave, so that what is in flight
/// is known exactly, and never more than a window of it.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Bytes in the low bits, packets above them, and whether somebody waits in the highest.
    ///
    /// One word, so that both counts change together. Nothing else is published through it but the
    /// wake-up of who waits, which is why its changes acquire and release.
    counts: AtomicU64,
    /// Bytes.
    window: u64,
    room: Notify,
    /// A packet left that was never claimed; said once.
    is_wrong: AtomicBool,
}

const PACKET: u64 = 1 << 40;
const BYTES: u64 = PACKET - 1;
const PACKETS: u64 = !BYTES & !AWAITED;
const AWAITED: u64 = 1 << 63;

fn read(counts: u64) -> InFlight {
    InFlight { packets: ((counts & PACKETS) / PACKET) as usize, bytes: (counts & BYTES) as usize }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new(WINDOW_BYTES)
    }
}

impl Ledger {
    /// With a window of that many bytes.
    pub(crate) fn new(window: usize) -> Self {
        Self {
            counts: AtomicU64::new(0),
            window: (window as u64).min(BYTES),
            room: Notify::new(),
            is_wrong: AtomicBool::new(false),
        }
    }

    pub(crate) fn in_flight(&self) -> InFlight {
        read(self.counts.load(Ordering::Acquire))
    }

    /// Takes a place for a packet, if it fits the window or nothing else is in flight. Where it does
    /// not, whoever [waits for room](Self::room) is told when there is some.
    #[inline]
    pub(crate) fn claim(&self, size: usize) -> bool {
        let size = size as u64;
        let mut seen = self.counts.load(Ordering::Relaxed);
        loop {
            let fits = seen & PACKETS < u64::from(WINDOW_PACKETS) * PACKET
                && (seen & BYTES) + size <= self.window;
            let taken = fits || seen & PACKETS == 0;
            // In one addition, as they lie: this is done for every packet to every client.
            let next = if taken { seen + PACKET + (size & BYTES) } else { seen | AWAITED };
            match self.change(seen, next) {
                Ok(_) => return taken,
                Err(now) => seen = now,
            }
        }
    }

    /// Takes a place for a packet that nobody is to wait for: only while so little is in flight that all of it leaves with
    /// the writer's next turn, unless the client has stopped reading.
    pub(crate) fn claim_if_free(&self, size: usize) -> bool {
        let InFlight { packets, bytes } = self.in_flight();
        packets < FREE_PACKETS && bytes <= FREE_BYTES && self.claim(size)
    }

    /// Gives a place back: the packet was not taken after all.
    pub(crate) fn unclaim(&self, size: usize) {
        self.left(1, size);
    }

    /// Packets have left the process.
    #[inline]
    pub(crate) fn left(&self, packets: usize, bytes: usize) {
        let (packets, bytes) = (packets as u64 * PACKET, bytes as u64);
        let mut seen = self.counts.load(Ordering::Relaxed);
        loop {
            // Nearly always nobody waits, and both counts go down by what was counted.
            let plain = seen & AWAITED == 0
                && seen & PACKETS >= packets
                && seen & BYTES >= bytes
                && (seen & PACKETS > packets || seen & BYTES == bytes);
            if !plain {
                return self.left_unusually(packets, bytes);
            }
            match self.change(seen, seen - packets - bytes) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    #[cold]
    fn left_unusually(&self, packets: u64, bytes: u64) {
        let mut seen = self.counts.load(Ordering::Relaxed);
        loop {
            let after =
                (seen & PACKETS).saturating_sub(packets) | (seen & BYTES).saturating_sub(bytes);
            let told = seen & AWAITED != 0 && self.has_much_room(read(after));
            let awaited = if told { 0 } else { seen & AWAITED };
            match self.change(seen, after | awaited) {
                Ok(_) => {
                    if told {
                        self.room.notify_waiters();
                    }
                    let explained = seen & PACKETS >= packets && seen & BYTES >= bytes;
                    if !explained || after & PACKETS == 0 && after != 0 {
                        self.report();
                    }
                    return;
                }
                Err(now) => seen = now,
            }
        }
    }

    /// Resolves when a claim that failed after this was called is worth another try.
    pub(crate) fn room(&self) -> Notified<'_> {
        self.room.notified()
    }

    /// Wakes whoever waits for room, as when the session has ended.
    pub(crate) fn wake(&self) {
        self.room.notify_waiters();
    }

    /// Half the window: to wake somebody for each packet would cost more than the packet.
    fn has_much_room(&self, InFlight { packets, bytes }: InFlight) -> bool {
        packets == 0 || packets <= WINDOW_PACKETS as usize / 2 && bytes as u64 <= self.window / 2
    }

    fn change(&self, seen: u64, next: u64) -> Result<u64, u64> {
        // What waits has set its flag before it looks whether it was told, and what leaves looks at
        // the flag when it changes the counts: one of the two sees the other.
        self.counts.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed)
    }

    #[cold]
    fn report(&self) {
        // Says nothing about other memory.
        if !self.is_wrong.swap(true, Ordering::Relaxed) {
            tracing::error!("packets have left that were never counted; this is a bug");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread, time::Duration};

    use proptest::prelude::*;
    use tokio::time::timeout;

    use super::*;

    #[test]
    fn what_nobody_is_to_wait_for_finds_a_place_only_while_little_is_in_flight() {
        let ledger = Ledger::default();
        for _ in 0..FREE_PACKETS {
            assert!(ledger.claim_if_free(1));
        }
        assert!(!ledger.claim_if_free(1));
        assert!(ledger.claim(1), "others still do");
        let ledger = Ledger::default();
        assert!(ledger.claim(FREE_BYTES + 1));
        assert!(!ledger.claim_if_free(1));
        ledger.left(1, FREE_BYTES + 1);
        assert!(ledger.claim_if_free(1));
    }

    #[test]
    fn the_window_is_of_packets_and_of_bytes() {
        let ledger = Ledger::new(1000);
        for _ in 0..WINDOW_PACKETS {
            assert!(ledger.claim(1));
        }
        assert!(!ledger.claim(1));
        ledger.left(1, 1);
        assert!(ledger.claim(1));

        let ledger = Ledger::new(1000);
        assert!(ledger.claim(600));
        assert!(!ledger.claim(401));
        assert!(ledger.claim(400));
        assert!(!ledger.claim(0) || ledger.in_flight().packets == 3);
    }

    #[test]
    fn a_packet_larger_than_the_window_travels_alone() {
        let ledger = Ledger::new(1000);
        assert!(ledger.claim(5_000_000));
        assert!(!ledger.claim(1));
        ledger.left(1, 5_000_000);
        assert_eq!(ledger.in_flight(), InFlight::default());
        assert!(ledger.claim(1));
        assert!(!ledger.claim(5_000_000));
    }

    #[test]
    fn what_was_never_claimed_cannot_make_room() {
        let ledger = Ledger::new(1000);
        assert!(ledger.claim(10));
        ledger.left(3, 50);
        assert_eq!(ledger.in_flight(), InFlight::default());
        assert!(ledger.is_wrong.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn who_waits_is_told_when_half_of_it_has_left() {
        let ledger = Ledger::new(1000);
        for _ in 0..10 {
            assert!(ledger.claim(100));
        }
        let room = ledger.room();
        assert!(!ledger.claim(100));
        tokio::pin!(room);
        ledger.left(1, 100);
        assert!(timeout(Duration::ZERO, room.as_mut()).await.is_err());
        ledger.left(4, 400);
        assert!(timeout(Duration::ZERO, room.as_mut()).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_sleeps_through_the_last_packet() {
        for _ in 0..2_000 {
            let ledger = Arc::new(Ledger::new(1000));
            assert!(ledger.claim(900));
            let leaving = Arc::clone(&ledger);
            let leaving = thread::spawn(move || leaving.left(1, 900));
            let waiting = async {
                loop {
                    let room = ledger.room();
                    if ledger.claim(500) {
                        return;
                    }
                    room.await;
                }
            };
            timeout(Duration::from_secs(5), waiting).await.expect("told");
            leaving.join().unwrap();
        }
    }

    #[test]
    fn it_is_exact_between_threads() {
        let ledger = Arc::new(Ledger::new(WINDOW_BYTES));
        let threads: Vec<_> = (0..4_usize)
            .map(|seed| {
                let ledger = Arc::clone(&ledger);
                thread::spawn(move || {
                    let mut size = seed * 7 + 1;
                    for _ in 0..20_000 {
                        size = size * 31 % 9_973;
                        while !ledger.claim(size) {
                            thread::yield_now();
                        }
                        ledger.left(1, size);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(ledger.in_flight(), InFlight::default());
        assert!(!ledger.is_wrong.load(Ordering::Relaxed));
    }

    proptest! {
        /// Against a plain list of what is in flight.
        #[test]
        fn it_counts_like_a_list(steps in prop::collection::vec((any::<bool>(), 0..700_usize), 1..400)) {
            let ledger = Ledger::new(1000);
            let mut list: Vec<usize> = Vec::new();
            for (sends, size) in steps {
                if sends {
                    let fits = list.len() < WINDOW_PACKETS as usize
                        && list.iter().sum::<usize>() + size <= 1000;
                    prop_assert_eq!(ledger.claim(size), fits || list.is_empty());
                    if fits || list.is_empty() {
                        list.push(size);
                    }
                } else if !list.is_empty() {
                    ledger.left(1, list.remove(0));
                }
                let expected = InFlight { packets: list.len(), bytes: list.iter().sum() };
                prop_assert_eq!(ledger.in_flight(), expected);
            }
        }
    }
}
