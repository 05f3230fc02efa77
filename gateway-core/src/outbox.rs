//! The way out of one socket: straight to the platform, and through a bounded queue while the
//! platform's own buffer is full.
//!
//! The base drops what its buffer has no room for, its own pings included, so everything we send
//! passes here, and never fills that buffer. The queue exists only while something is in it, and
//! with it the one task that empties it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    connection::Connection,
    platform::{Answer, Frame, Refused},
};

/// Packets that may wait for one socket beyond the platform's buffer.
const OVERFLOW_PACKETS: usize = 8_192;

/// Bytes that may wait for one socket beyond the platform's buffer.
const OVERFLOW_BYTES: usize = 16 * 1024 * 1024;

/// Between two looks whether the platform's buffer has room.
const LONGEST_NAP: Duration = Duration::from_millis(20);

/// What becomes of an emit to a room when one member's overflow queue is full: the emit itself
/// never waits for a member.
///
/// ```
/// # mod app {
/// use gateway_core::prelude::*;
///
/// /// Positions are only worth having while they are fresh.
/// #[web_socket_gateway(namespace = "/cursors", overflow = Overflow::DropNewest)]
/// pub struct CursorGateway {
///     server: Server,
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// The member is disconnected, and counted: it reconnects and loads what it missed.
    #[default]
    Disconnect,
    /// The member misses this packet; the log says so.
    DropNewest,
}

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// What waits beyond the platform's buffer; never an empty queue.
    queue: Mutex<Option<Box<Queue>>>,
    /// Told when the queue got shorter, or the socket is gone.
    pub(crate) moved: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
}

impl Queue {
    /// Whether it takes one more frame; the first always, however large.
    fn has_room(&self, size: usize) -> bool {
        let light = self.bytes + size <= OVERFLOW_BYTES || self.frames.is_empty();
        self.frames.len() < OVERFLOW_PACKETS && light
    }

    fn push(&mut self, frame: Frame, size: usize) {
        self.bytes += size;
        self.frames.push_back(frame);
    }
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Option<Box<Queue>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether frames wait here beyond the platform's buffer.
    pub(crate) fn is_overflowing(&self) -> bool {
        self.lock().is_some()
    }
}

/// As [`Refused`], with the frame back where it may be tried again.
pub(crate) enum Returned {
    Full(Frame),
    Gone,
}

impl From<Returned> for Refused {
    fn from(returned: Returned) -> Self {
        match returned {
            Returned::Full(_) => Self::Full,
            Returned::Gone => Self::Gone,
        }
    }
}

impl Connection {
    /// Sends, or queues behind what waits already. Never waits itself.
    pub(crate) fn send(self: &Arc<Self>, frame: Frame) -> Result<(), Refused> {
        self.offer(frame).map_err(Refused::from)
    }

    pub(crate) fn offer(self: &Arc<Self>, mut frame: Frame) -> Result<(), Returned> {
        if self.is_closed() || self.is_ending() {
            return Err(Returned::Gone);
        }
        let Some(hub) = self.namespace().hub() else { return Err(Returned::Gone) };
        let mut queue = self.outbox.lock();
        if queue.is_none() && self.link.claim() {
            // A place that was claimed is there; where places are not counted, only the base knows.
            let spare = (!self.link.can_claim()).then(|| frame.clone());
            match (hub.send(self.id(), frame), spare) {
                (Ok(()), spare) => {
                    self.stand_apart(spare.is_some());
                    return Ok(());
                }
                (Err(Refused::Full), Some(spare)) => frame = spare,
                (Err(Refused::Full), None) => {
                    drop(queue);
                    tracing::error!("a place that was claimed was not there; this is a bug");
                    self.give_up();
                    return Err(Returned::Gone);
                }
                (Err(Refused::Gone), _) => return Err(Returned::Gone),
            }
        }
        let size = frame.size();
        match &mut *queue {
            Some(queue) if !queue.has_room(size) => return Err(Returned::Full(frame)),
            Some(queue) => queue.push(frame, size),
            None => {
                queue.insert(Box::default()).push(frame, size);
                self.stand_apart(true);
                tokio::spawn(Arc::clone(self).empty_outbox());
            }
        }
        Ok(())
    }

    /// Keeps group sends from what must be sent to alone: a client behind its own queue, on its way
    /// out, or without a line that counts. Called with the queue locked, or for good.
    pub(crate) fn stand_apart(&self, apart: bool) {
        if self.link.is_apart() != apart
            && let Some(hub) = self.namespace().hub()
        {
            hub.set_apart(&self.link, apart);
        }
    }

    /// Sends as soon as there is room, for at most `patience`.
    pub(crate) async fn send_waiting(
        self: &Arc<Self>,
        frame: Frame,
        patience: Duration,
    ) -> Result<(), Refused> {
        match self.offer(frame) {
            Ok(()) => Ok(()),
            Err(Returned::Gone) => Err(Refused::Gone),
            // Rare, and large: it must not make every handler's future larger.
            Err(Returned::Full(frame)) => Box::pin(self.wait_for_room(frame, patience)).await,
        }
    }

    pub(crate) async fn wait_for_room(
        self: &Arc<Self>,
        mut frame: Frame,
        patience: Duration,
    ) -> Result<(), Refused> {
        let deadline = Instant::now() + patience;
        loop {
            let moved = self.outbox.moved.notified();
            match self.offer(frame) {
                Ok(()) => return Ok(()),
                Err(Returned::Gone) => return Err(Refused::Gone),
                Err(Returned::Full(back)) => frame = back,
            }
            if tokio::time::timeout_at(deadline, moved).await.is_err() {
                return Err(Refused::Full);
            }
        }
    }

    /// Sends an event that asks for an acknowledgement, as soon as there is room, for at most
    /// `patience`. Only the platform can number it, so it cannot wait in the queue, but it does not
    /// overtake it either.
    pub(crate) async fn send_with_ack(
        &self,
        frame: Frame,
        patience: Duration,
    ) -> Result<Answer, Refused> {
        let deadline = Instant::now() + patience;
        let mut nap = Duration::from_millis(1);
        loop {
            self.outbox_drained(deadline.saturating_duration_since(Instant::now())).await?;
            match self.try_send_with_ack(frame.clone()) {
                Err(Refused::Full) if Instant::now() < deadline => {}
                result => return result,
            }
            tokio::time::sleep(nap).await;
            nap = (nap * 2).min(LONGEST_NAP);
        }
    }

    fn try_send_with_ack(&self, frame: Frame) -> Result<Answer, Refused> {
        if self.is_closed() || self.is_ending() {
            return Err(Refused::Gone);
        }
        let Some(hub) = self.namespace().hub() else { return Err(Refused::Gone) };
        let queue = self.outbox.lock();
        if queue.is_some() || !self.link.claim() {
            return Err(Refused::Full);
        }
        match hub.send_with_ack(self.id(), frame) {
            Ok(answer) => {
                self.stand_apart(!self.link.can_claim());
                Ok(answer)
            }
            refused => refused,
        }
    }

    /// Waits until nothing is queued here, for at most `patience`: what is sent past the queue must
    /// not overtake it.
    pub(crate) async fn outbox_drained(&self, patience: Duration) -> Result<(), Refused> {
        let drained = async {
            loop {
                let moved = self.outbox.moved.notified();
                if self.is_closed() {
                    return Err(Refused::Gone);
                }
                if !self.outbox.is_overflowing() {
                    return Ok(());
                }
                moved.await;
            }
        };
        tokio::time::timeout(patience, drained).await.unwrap_or(Err(Refused::Full))
    }

    /// Moves the queue into the platform's buffer as that gets room, and ends when it is empty.
    async fn empty_outbox(self: Arc<Self>) {
        /// How often to look at once before sleeping: a healthy reader needs a few microseconds.
        const SPINS: u32 = 64;

        let mut spins = 0;
        let mut nap = Duration::from_millis(1);
        loop {
            let moved = {
                let mut outbox = self.outbox.lock();
                // Only this task takes the queue away.
                let Some(queue) = outbox.as_deref_mut() else { return };
                let before = queue.frames.len();
                let hub = self.namespace().hub();
                while let Some(frame) = queue.frames.front() {
                    if !self.link.claim() {
                        break;
                    }
                    match hub.map(|hub| hub.send(self.id(), frame.clone())) {
                        Some(Ok(())) => {
                            queue.bytes -= frame.size();
                            queue.frames.pop_front();
                        }
                        Some(Err(Refused::Full)) => break,
                        Some(Err(Refused::Gone)) | None => queue.frames.clear(),
                    }
                }
                if queue.frames.is_empty() || self.is_closed() {
                    *outbox = None;
                    self.stand_apart(!self.link.can_claim() || self.is_ending());
                    drop(outbox);
                    self.outbox.moved.notify_waiters();
                    return;
                }
                before != queue.frames.len()
            };
            if moved {
                self.outbox.moved.notify_waiters();
                (spins, nap) = (0, Duration::from_millis(1));
            }
            if spins < SPINS {
                spins += 1;
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(nap).await;
                nap = (nap * 2).min(LONGEST_NAP);
            }
        }
    }
}
