//! What this process has to say to the log, until it has been written, and for a while longer: a log may be lost
//! together with what was written last.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::metrics::Gauge;
use bytes::Bytes;
use tokio::{sync::Notify, time::Instant};

use super::{engine::Draft, format::kind};
use crate::{clock, defaults, log_limiter::LogLimiter, metrics};

/// How much is written at once, at most: in entries, and in bytes.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 1024 * 1024;

/// What an entry needs beside its data.
const OVERHEAD: usize = 128;

pub(super) struct Outgoing {
    queue: Mutex<Queue>,
    more: Notify,
    /// Something was written, or given up.
    written: Notify,
    bytes: Gauge,
    given_up: LogLimiter,
}

/// In the order in which it was said: first what has been written, then what is being written, then what waits.
struct Queue {
    entries: VecDeque<Kept>,
    written: usize,
    in_flight: usize,
    bytes: usize,
    /// The sequence number of what was said last. It is also the mark: the log says up to which one it has been written.
    said: u64,
    streams: Vec<Stream>,
}

#[derive(Default)]
struct Stream {
    /// The number of its last entry.
    number: u64,
    /// How many were given up since the last entry that was taken to be written.
    gap: u64,
    /// The namespace of the last of them.
    gap_in: Arc<str>,
}

struct Kept {
    sequence: u64,
    said_at: Instant,
    /// Whether it was written once.
    was_written: bool,
    draft: Draft,
}

impl Kept {
    fn size(&self) -> usize {
        self.draft.data.len() + self.draft.namespace.len() + OVERHEAD
    }

    fn is_older_than(&self, age: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.said_at) > age
    }
}

/// What is to be written next.
pub(super) struct Batch {
    pub(super) drafts: Vec<Draft>,
    /// The mark that goes with it.
    pub(super) mark: u64,
    /// How many of them had been written once, and were lost.
    pub(super) again: usize,
}

impl Outgoing {
    pub(super) fn new(streams: usize) -> Self {
        let queue = Queue {
            entries: VecDeque::new(),
            written: 0,
            in_flight: 0,
            bytes: 0,
            said: 0,
            streams: std::iter::repeat_with(Stream::default).take(streams).collect(),
        };
        Self {
            queue: Mutex::new(queue),
            more: Notify::new(),
            written: Notify::new(),
            bytes: metrics::cluster_queued(),
            given_up: LogLimiter::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn say(&self, stream: usize, namespace: Arc<str>, kind: u16, data: Bytes) {
        let now = clock::now();
        let mut queue = self.lock();
        queue.push(stream, namespace, kind, data, now);
        let given_up = queue.shrink(now);
        self.bytes.set(queue.bytes as f64);
        drop(queue);
        self.count_given_up(given_up);
        self.more.notify_one();
    }

    /// The number of the last entry of a stream.
    pub(super) fn last(&self, stream: usize) -> u64 {
        self.lock().streams[stream].number
    }

    /// Whether something is to be written.
    pub(super) fn has_more(&self) -> bool {
        let queue = self.lock();
        queue.written < queue.entries.len()
    }

    /// Waits until something is to be written.
    pub(super) async fn more(&self) {
        self.more.notified().await;
    }

    /// Waits until an entry has been written, or given up.
    pub(super) async fn written(&self, stream: usize, number: u64) {
        let waits = |queue: &Queue| {
            let waiting = queue.entries.iter().skip(queue.written);
            let mut numbers = waiting.filter(|kept| kept.draft.stream == stream);
            numbers.next().is_some_and(|kept| kept.draft.number <= number)
        };
        self.until(|queue| !waits(queue)).await;
    }

    /// Waits until everything has been written that was said, or given up.
    pub(super) async fn all_written(&self) {
        self.until(|queue| queue.written == queue.entries.len()).await;
    }

    async fn until(&self, is_so: impl Fn(&Queue) -> bool) {
        loop {
            let mut changed = pin!(self.written.notified());
            // Before it is looked at, so that no change is missed.
            changed.as_mut().enable();
            if is_so(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// Whether something is kept that may have to be written again.
    pub(super) fn has_written(&self) -> bool {
        let mut queue = self.lock();
        let given_up = queue.shrink(clock::now());
        let has = queue.written > 0;
        drop(queue);
        self.count_given_up(given_up);
        has
    }

    pub(super) fn take(&self) -> Option<Batch> {
        let now = clock::now();
        let mut queue = self.lock();
        let given_up = queue.shrink(now);
        queue.say_gaps(now);
        let batch = queue.take();
        drop(queue);
        self.count_given_up(given_up);
        batch
    }

    /// The log's mark was read: what is before it has been written, and what is behind it has not. Says whether the log has
    /// lost something.
    pub(super) fn marked(&self, mark: Option<u64>) -> bool {
        let mut queue = self.lock();
        queue.marked(mark.unwrap_or(0));
        self.bytes.set(queue.bytes as f64);
        let is_lost = queue.entries.get(queue.written).is_some_and(|next| next.was_written);
        drop(queue);
        self.written.notify_waiters();
        is_lost
    }

    /// Nobody knows what became of the batch that was taken last, until the mark has been read.
    pub(super) fn interrupted(&self) {
        self.lock().in_flight = 0;
    }

    fn count_given_up(&self, entries: u64) {
        if entries == 0 {
            return;
        }
        self.written.notify_waiters();
        metrics::cluster_given_up(entries);
        if let Some(times) = self.given_up.count() {
            tracing::warn!(
                entries,
                times,
                "the cluster cannot be written to: other processes miss messages of this one"
            );
        }
    }
}

impl Queue {
    fn push(&mut self, stream: usize, namespace: Arc<str>, kind: u16, data: Bytes, now: Instant) {
        self.said += 1;
        let number = &mut self.streams[stream].number;
        *number += 1;
        let draft = Draft { stream, namespace, kind, data, number: *number, after: 0 };
        let kept = Kept { sequence: self.said, said_at: now, was_written: false, draft };
        self.bytes += kept.size();
        self.entries.push_back(kept);
    }

    /// Forgets what was written long ago, and gives up what could not be written in time, or is too much. Returns how
    /// many were given up.
    fn shrink(&mut self, now: Instant) -> u64 {
        const PATIENCE: Duration = defaults::CLUSTER_PATIENCE;

        while self.written > 0
            && (self.bytes > defaults::CLUSTER_QUEUE
                || self.entries.front().is_some_and(|kept| kept.is_older_than(PATIENCE, now)))
        {
            self.written -= 1;
            self.bytes -= self.entries.pop_front().map_or(0, |kept| kept.size());
        }
        let waiting = self.written + self.in_flight;
        let mut given_up = 0;
        while self.bytes > defaults::CLUSTER_QUEUE
            || self.entries.get(waiting).is_some_and(|kept| kept.is_older_than(PATIENCE, now))
        {
            let Some(kept) = self.entries.remove(waiting) else { break };
            self.bytes -= kept.size();
            let stream = &mut self.streams[kept.draft.stream];
            stream.gap += 1 + kept.draft.after;
            stream.gap_in = kept.draft.namespace;
            given_up += 1;
        }
        given_up
    }

    /// The next entry of a stream says how many before it were given up. Where none follows, one is made that says
    /// nothing else: others must not have to wait for the application to have something to say.
    fn say_gaps(&mut self, now: Instant) {
        for stream in 0..self.streams.len() {
            let has_gap = self.streams[stream].gap > 0;
            let mut waiting = self.entries.iter().skip(self.written);
            if has_gap && !waiting.any(|kept| kept.draft.stream == stream) {
                let namespace = Arc::clone(&self.streams[stream].gap_in);
                self.push(stream, namespace, kind::GAP, Bytes::from_static(b"{}"), now);
            }
        }
    }

    fn take(&mut self) -> Option<Batch> {
        let mut batch = Batch { drafts: Vec::new(), mark: 0, again: 0 };
        let mut bytes = 0;
        for kept in self.entries.iter_mut().skip(self.written).take(BATCH) {
            if bytes > 0 && bytes + kept.size() > BATCH_BYTES {
                break;
            }
            bytes += kept.size();
            kept.draft.after += std::mem::take(&mut self.streams[kept.draft.stream].gap);
            batch.again += usize::from(kept.was_written);
            batch.mark = kept.sequence;
            batch.drafts.push(kept.draft.clone());
        }
        self.in_flight = batch.drafts.len();
        (self.in_flight > 0).then_some(batch)
    }

    fn marked(&mut self, mark: u64) {
        self.in_flight = 0;
        self.written = self.entries.partition_point(|kept| kept.sequence <= mark);
        for kept in self.entries.iter_mut().take(self.written).rev() {
            if std::mem::replace(&mut kept.was_written, true) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn outgoing(said: usize) -> Outgoing {
        let outgoing = Outgoing::new(2);
        (0..said).for_each(|_| say(&outgoing, 0, 1));
        outgoing
    }

    fn say(outgoing: &Outgoing, stream: usize, bytes: usize) {
        outgoing.say(stream, "/".into(), 3, vec![0; bytes].into());
    }

    fn numbers(outgoing: &Outgoing) -> Vec<(usize, u64, u64)> {
        let drafts = outgoing.take().map(|batch| batch.drafts).unwrap_or_default();
        drafts.iter().map(|draft| (draft.stream, draft.number, draft.after)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_said_is_written_in_order_with_numbers_per_stream() {
        let outgoing = outgoing(1);
        say(&outgoing, 1, 1);
        say(&outgoing, 0, 1);
        let batch = outgoing.take().unwrap();
        assert_eq!((batch.mark, batch.again), (3, 0));
        outgoing.interrupted();
        assert_eq!(numbers(&outgoing), [(0, 1, 0), (1, 1, 0), (0, 2, 0)]);
        assert!(outgoing.all_written().now_or_never().is_none());
        assert!(outgoing.written(1, 1).now_or_never().is_none());
        outgoing.marked(Some(2));
        assert!(outgoing.written(1, 1).now_or_never().is_some());
        assert!(outgoing.written(0, 2).now_or_never().is_none());
        outgoing.marked(Some(3));
        assert!(outgoing.all_written().now_or_never().is_some());
        assert!(outgoing.take().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_log_has_lost_is_written_again_before_anything_new() {
        let outgoing = outgoing(3);
        outgoing.take();
        outgoing.marked(Some(3));
        say(&outgoing, 0, 1);
        assert!(outgoing.marked(Some(1)));
        let batch = outgoing.take().unwrap();
        assert_eq!(batch.again, 2);
        assert_eq!(batch.drafts.iter().map(|draft| draft.number).collect::<Vec<_>>(), [2, 3, 4]);
        outgoing.marked(None);
        assert_eq!(numbers(&outgoing).len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_written_long_ago_is_forgotten() {
        let outgoing = outgoing(3);
        outgoing.take();
        outgoing.marked(Some(3));
        assert!(outgoing.has_written());
        tokio::time::advance(defaults::CLUSTER_PATIENCE + Duration::from_secs(1)).await;
        assert!(!outgoing.has_written());
        outgoing.marked(None);
        assert!(outgoing.take().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_written_in_time_is_given_up_and_the_next_says_so() {
        let outgoing = outgoing(3);
        tokio::time::advance(defaults::CLUSTER_PATIENCE + Duration::from_secs(1)).await;
        say(&outgoing, 1, 1);
        say(&outgoing, 0, 1);
        say(&outgoing, 0, 1);
        assert_eq!(numbers(&outgoing), [(1, 1, 0), (0, 4, 3), (0, 5, 0)]);
        // Given up after it had been taken: what it stood for is not forgotten.
        outgoing.interrupted();
        tokio::time::advance(defaults::CLUSTER_PATIENCE + Duration::from_secs(1)).await;
        say(&outgoing, 0, 1);
        assert_eq!(numbers(&outgoing), [(0, 6, 5), (1, 2, 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_up_is_said_though_nothing_follows() {
        let outgoing = outgoing(3);
        say(&outgoing, 1, 1);
        outgoing.take();
        outgoing.marked(Some(2));
        tokio::time::advance(defaults::CLUSTER_PATIENCE + Duration::from_secs(1)).await;
        let drafts = outgoing.take().unwrap().drafts;
        let said = |draft: &Draft| (draft.stream, draft.number, draft.after, draft.kind);
        assert_eq!(
            drafts.iter().map(said).collect::<Vec<_>>(),
            [(0, 4, 1, kind::GAP), (1, 2, 1, kind::GAP)]
        );
        assert!(drafts.iter().all(|draft| &*draft.namespace == "/"));
        outgoing.marked(Some(6));
        assert!(outgoing.take().is_none());
        // It could not be written either.
        say(&outgoing, 0, 1);
        outgoing.take();
        outgoing.interrupted();
        for number in [6, 7] {
            tokio::time::advance(defaults::CLUSTER_PATIENCE + Duration::from_secs(1)).await;
            assert_eq!(numbers(&outgoing), [(0, number, number - 5)]);
            outgoing.interrupted();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_bounded_and_what_was_written_goes_first() {
        let outgoing = Outgoing::new(1);
        let third = defaults::CLUSTER_QUEUE / 3;
        say(&outgoing, 0, third);
        outgoing.take();
        outgoing.marked(Some(1));
        for _ in 0..3 {
            say(&outgoing, 0, third);
        }
        assert_eq!(outgoing.lock().entries.len(), 2);
        assert!(outgoing.lock().bytes <= defaults::CLUSTER_QUEUE);
        assert_eq!(outgoing.take().unwrap().drafts[0].after, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_being_written_is_not_given_up() {
        let outgoing = outgoing(1);
        outgoing.take();
        say(&outgoing, 0, 2 * defaults::CLUSTER_QUEUE);
        assert_eq!(outgoing.lock().entries.len(), 1);
        outgoing.marked(Some(1));
        say(&outgoing, 0, 1);
        assert_eq!(numbers(&outgoing), [(0, 3, 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn batches_are_bounded() {
        let outgoing = outgoing(BATCH + 1);
        assert_eq!(numbers(&outgoing).len(), BATCH);
        let outgoing = Outgoing::new(1);
        say(&outgoing, 0, BATCH_BYTES);
        say(&outgoing, 0, BATCH_BYTES);
        assert_eq!(numbers(&outgoing).len(), 1);
    }
}
