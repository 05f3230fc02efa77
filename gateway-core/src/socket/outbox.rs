//! The way out to one socket: straight to socketioxide while its line has room, and through a bounded queue while it has
//! none.
//!
//! socketioxide drops whatever its buffer has no room for, its own pings included. So everything that we send goes
//! through here and never fills that buffer. The queue, and the single task that empties it, exist only while something
//! is in it. What waits is counted together with what is in flight on the line, so the limit covers everything that a
//! client has not read.

use std::{
    collections::VecDeque,
    future::{Ready, ready},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Either},
};
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, timeout_at},
};

use crate::{
    clock,
    platform::{Answer, Frame, InFlight, Refused},
    socket::connection::Connection,
};

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// What waits for room on the line; never an empty queue.
    queue: Mutex<Option<Box<Queue>>>,
    /// How many senders wait for room in the queue.
    waiting: AtomicUsize,
    /// Told when the queue got shorter, or the socket is gone.
    pub(crate) moved: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
}

#[derive(Debug)]
struct Item {
    frame: Frame,
    size: usize,
    /// It asks for an acknowledgement: where to say whether it was sent.
    request: Option<oneshot::Sender<Requested>>,
}

/// A request was sent: its answer is on its way.
pub(super) type Requested = Result<Answer, Refused>;

impl Item {
    /// Whether nobody waits any more for the answer it asks for.
    fn is_given_up(&self) -> bool {
        self.request.as_ref().is_some_and(oneshot::Sender::is_closed)
    }
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Option<Box<Queue>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether frames wait here for room on the line.
    pub(crate) fn is_overflowing(&self) -> bool {
        self.lock().is_some()
    }

    /// Whether some sender waits for room: a message that is begun now would wait with it.
    pub(crate) fn is_congested(&self) -> bool {
        // Asked with the inbox locked; senders that have stopped waiting take that lock after they have changed this.
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Resolves when no sender waits for room any more.
    pub(crate) async fn relieved(&self) {
        loop {
            let moved = self.moved.notified();
            if !self.is_congested() {
                return;
            }
            moved.await;
        }
    }

    /// Does something while nothing is being sent.
    pub(crate) fn hold<T>(&self, change: impl FnOnce() -> T) -> T {
        let _queue = self.lock();
        change()
    }
}

/// Like [`Refused`], but returns the frame if it may be tried again.
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

/// Nobody is left to be sent anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// Nearly always done at once.
pub(crate) type Delivery = Either<Ready<Result<(), Gone>>, BoxFuture<'static, Result<(), Gone>>>;

impl Connection {
    /// Sends the frame, or queues it behind what is already waiting. Never waits itself.
    pub(crate) fn send(self: &Arc<Self>, frame: Frame) -> Result<(), Refused> {
        self.offer(frame).map_err(Refused::from)
    }

    pub(crate) fn offer(self: &Arc<Self>, frame: Frame) -> Result<(), Returned> {
        let hub = self.namespace().hub();
        let size = frame.size();
        let queue = self.outbox.lock();
        if !self.claims(&queue, size)? {
            return self.enqueue(queue, Item { frame, size, request: None });
        }
        let sent = hub.send(self.id(), frame);
        drop(queue);
        sent.map_err(|refused| self.was_refused(refused, size))
    }

    /// Sends the frame if the way out is free, and otherwise never; says whether it was sent.
    pub(crate) fn send_if_free(self: &Arc<Self>, frame: Frame) -> Result<bool, Refused> {
        let hub = self.namespace().hub();
        let size = frame.size();
        let queue = self.outbox.lock();
        if self.is_closed() || self.is_ending() {
            return Err(Refused::Gone);
        }
        if queue.is_some() || !self.link.is_open() || !self.link.claim_if_free(size) {
            drop(queue);
            self.namespace().metrics.dropped_volatile.increment(1);
            return Ok(false);
        }
        let sent = hub.send(self.id(), frame);
        drop(queue);
        sent.map(|()| true).map_err(|refused| self.was_refused(refused, size).into())
    }

    /// Sends an event that asks for an acknowledgement, or queues it: then it says later whether it
    /// was sent.
    pub(super) fn offer_request(
        self: &Arc<Self>,
        frame: Frame,
    ) -> Result<Result<Answer, oneshot::Receiver<Requested>>, Returned> {
        let hub = self.namespace().hub();
        let size = frame.size();
        let queue = self.outbox.lock();
        if !self.claims(&queue, size)? {
            let (request, told) = oneshot::channel();
            self.enqueue(queue, Item { frame, size, request: Some(request) })?;
            return Ok(Err(told));
        }
        let sent = hub.send_with_ack(&self.link, frame);
        drop(queue);
        sent.map(Ok).map_err(|refused| self.was_refused(refused, size))
    }

    /// Whether a packet may go out right now, and has its place on the line.
    fn claims(&self, queue: &Option<Box<Queue>>, size: usize) -> Result<bool, Returned> {
        // Looked at under the lock: nothing follows the good-bye, or a socket that socketioxide has
        // forgotten.
        if self.is_closed() || self.is_ending() {
            return Err(Returned::Gone);
        }
        Ok(queue.is_none() && self.link.is_open() && self.link.claim(size))
    }

    fn enqueue(
        self: &Arc<Self>,
        mut queue: MutexGuard<'_, Option<Box<Queue>>>,
        item: Item,
    ) -> Result<(), Returned> {
        if !self.has_room(queue.as_deref(), item.size) {
            return Err(Returned::Full(item.frame));
        }
        let is_first = queue.is_none();
        let waiting = queue.get_or_insert_default();
        waiting.bytes += item.size;
        waiting.items.push_back(item);
        if is_first {
            self.settle_apart(&queue);
            if self.link.is_open() {
                tokio::spawn(Arc::clone(self).empty_outbox());
            }
        }
        Ok(())
    }

    /// Whether the outbox is half full: then no more should be taken in that is answered without waiting for room.
    pub(crate) fn is_outbox_half_full(&self) -> bool {
        let InFlight { packets, bytes } = self.link.in_flight();
        let outbox = self.outbox.lock();
        let Some(queue) = outbox.as_deref() else { return false };
        let options = &self.namespace().options;
        packets + queue.items.len() >= options.outbox_packets.div_ceil(2)
            || bytes + queue.bytes >= options.outbox_bytes.div_ceil(2)
    }

    /// Resolves when it is not, or the client is gone.
    pub(crate) async fn outbox_relieved(&self) {
        loop {
            let moved = self.outbox.moved.notified();
            if self.is_closed() || !self.is_outbox_half_full() {
                return;
            }
            moved.await;
        }
    }

    /// Whether another packet may wait; the first always may, however large it is.
    fn has_room(&self, queue: Option<&Queue>, size: usize) -> bool {
        let InFlight { mut packets, mut bytes } = self.link.in_flight();
        if let Some(queue) = queue {
            packets += queue.items.len();
            bytes += queue.bytes;
        }
        let options = &self.namespace().options;
        packets == 0
            || packets < options.outbox_packets
                && bytes.saturating_add(size) <= options.outbox_bytes
    }

    /// socketioxide has not taken a packet that had its place. Must not be called with the queue locked.
    fn was_refused(&self, refused: Refused, size: usize) -> Returned {
        self.link.unclaim(size);
        if refused == Refused::Full {
            // It is full of socketioxide's own packets: the client asks for very many, and reads none.
            self.give_up();
        }
        Returned::Gone
    }

    /// Socketioxide has the socket in its table: what came before that goes out.
    pub(crate) fn open_outbox(self: &Arc<Self>) {
        if self.outbox.is_overflowing() {
            tokio::spawn(Arc::clone(self).empty_outbox());
        }
    }

    /// The client is gone, and before socketioxide knows: nothing more is handed to it.
    pub(crate) fn shut_outbox(&self) {
        let waiting = self.outbox.lock().take();
        // What waits for an answer learns of it by this.
        drop(waiting);
        self.outbox.moved.notify_waiters();
        self.link.wake();
    }

    /// Keeps group sends from what must be sent to alone: a client behind its own queue, or on its way
    /// out. Called with the queue locked.
    fn settle_apart(&self, queue: &Option<Box<Queue>>) {
        let apart = queue.is_some() || self.is_ending();
        if self.link.is_apart() != apart {
            self.namespace().hub().set_apart(&self.link, apart);
        }
    }

    /// Its end has been decided: nothing more is sent to it, alone or with others.
    pub(crate) fn stand_apart(&self) {
        self.settle_apart(&self.outbox.lock());
    }

    /// Sends a part of an answer, at once if the client has room. Otherwise the caller waits until it has, which slows
    /// down a client that asks faster than it reads; a client that does not read at all is disconnected, since it would
    /// otherwise wait for this answer for ever.
    pub(crate) fn deliver(self: &Arc<Self>, frame: Frame) -> Delivery {
        match self.offer(frame) {
            Ok(()) => ready(Ok(())).left_future(),
            Err(Returned::Gone) => ready(Err(Gone)).left_future(),
            Err(Returned::Full(frame)) => {
                // Rare, and large: it must not make the future of every message larger.
                Arc::clone(self).deliver_late(frame).boxed().right_future()
            }
        }
    }

    async fn deliver_late(self: Arc<Self>, frame: Frame) -> Result<(), Gone> {
        match self.wait_for_room(frame, self.emit_timeout()).await {
            Ok(()) => Ok(()),
            Err(Refused::Gone) => Err(Gone),
            Err(Refused::Full) => {
                self.give_up();
                Err(Gone)
            }
        }
    }

    /// Sends also to a client that was sent away by a shutdown, and whose line is still there: what it
    /// says meanwhile is answered.
    pub(crate) fn send_last(self: &Arc<Self>, frame: Frame) -> Result<(), Refused> {
        if !self.is_closed() {
            return self.send(frame);
        }
        let size = frame.size();
        if !self.link.is_open() || !self.link.claim(size) {
            return Err(Refused::Gone);
        }
        self.namespace().hub().send(self.id(), frame).inspect_err(|_| self.link.unclaim(size))
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
        frame: Frame,
        patience: Duration,
    ) -> Result<(), Refused> {
        self.when_there_is_room(frame, clock::after(patience), |frame| self.offer(frame)).await
    }

    /// Offers until that is taken.
    async fn when_there_is_room<T>(
        self: &Arc<Self>,
        mut frame: Frame,
        deadline: Instant,
        offer: impl Fn(Frame) -> Result<T, Returned>,
    ) -> Result<T, Refused> {
        let _waiting = Waiting::new(self);
        loop {
            let moved = self.outbox.moved.notified();
            let room = self.link.room();
            match offer(frame) {
                Ok(taken) => return Ok(taken),
                Err(Returned::Gone) => return Err(Refused::Gone),
                Err(Returned::Full(back)) => frame = back,
            }
            tokio::select! {
                () = moved => {}
                () = room => {}
                () = tokio::time::sleep_until(deadline) => return Err(Refused::Full),
            }
        }
    }

    /// Sends an event that asks for an acknowledgement, in its turn, within `patience`.
    pub(crate) async fn send_with_ack(
        self: &Arc<Self>,
        frame: Frame,
        patience: Duration,
    ) -> Result<Answer, Refused> {
        match self.offer_request(frame) {
            Ok(Ok(answer)) => Ok(answer),
            Err(Returned::Gone) => Err(Refused::Gone),
            // Rare, as above.
            Ok(Err(told)) => Box::pin(self.sent(told, clock::after(patience))).await,
            Err(Returned::Full(frame)) => Box::pin(self.request_waiting(frame, patience)).await,
        }
    }

    async fn request_waiting(
        self: &Arc<Self>,
        frame: Frame,
        patience: Duration,
    ) -> Result<Answer, Refused> {
        let deadline = clock::after(patience);
        let offer = |frame| self.offer_request(frame);
        match self.when_there_is_room(frame, deadline, offer).await? {
            Ok(answer) => Ok(answer),
            Err(told) => self.sent(told, deadline).await,
        }
    }

    /// Waits until a queued request was sent.
    async fn sent(
        &self,
        mut told: oneshot::Receiver<Requested>,
        deadline: Instant,
    ) -> Result<Answer, Refused> {
        match timeout_at(deadline, &mut told).await {
            Ok(sent) => sent.unwrap_or(Err(Refused::Gone)),
            // Either it was sent, or it never is.
            Err(_late) => self.outbox.hold(|| {
                told.close();
                told.try_recv().unwrap_or(Err(Refused::Full))
            }),
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

    /// Hands the queue to socketioxide as the line gets room, and ends when it is empty, or taken
    /// away.
    async fn empty_outbox(self: Arc<Self>) {
        loop {
            let room = self.link.room();
            match self.hand_over() {
                Emptied::All => return,
                Emptied::None => {}
                Emptied::Some => self.outbox.moved.notify_waiters(),
            }
            room.await;
        }
    }

    fn hand_over(&self) -> Emptied {
        let mut outbox = self.outbox.lock();
        let Some(queue) = outbox.as_deref_mut() else { return Emptied::All };
        let before = queue.items.len();
        let mut refused = None;
        while let Some(item) = queue.items.front() {
            let is_given_up = item.is_given_up();
            if !is_given_up && !self.link.claim(item.size) {
                break;
            }
            let Some(Item { frame, size, request }) = queue.items.pop_front() else { break };
            queue.bytes -= size;
            if is_given_up {
                continue;
            }
            if let Err(why) = self.hand_over_one(frame, request) {
                self.link.unclaim(size);
                queue.items.clear();
                refused = Some(why);
            }
        }
        let outcome = match queue.items.len() {
            0 => Emptied::All,
            now if now < before => Emptied::Some,
            _ => Emptied::None,
        };
        if outcome == Emptied::All {
            *outbox = None;
            self.settle_apart(&outbox);
        }
        drop(outbox);
        if outcome == Emptied::All {
            self.outbox.moved.notify_waiters();
        }
        if refused == Some(Refused::Full) {
            self.give_up();
        }
        outcome
    }

    fn hand_over_one(
        &self,
        frame: Frame,
        request: Option<oneshot::Sender<Requested>>,
    ) -> Result<(), Refused> {
        let hub = self.namespace().hub();
        let Some(request) = request else { return hub.send(self.id(), frame) };
        let sent = hub.send_with_ack(&self.link, frame);
        let outcome = sent.as_ref().map(|_answer| ()).map_err(|refused| *refused);
        request.send(sent).ok();
        outcome
    }
}

/// How much of the queue was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Emptied {
    All,
    Some,
    None,
}

/// A sender that waits for room. While there is one, the socket's inbox starts nothing: other answers would wait as well,
/// each of them in memory.
struct Waiting<'a>(&'a Arc<Connection>);

impl<'a> Waiting<'a> {
    fn new(connection: &'a Arc<Connection>) -> Self {
        // Seen before the next message starts, or the one after it.
        connection.outbox.waiting.fetch_add(1, Ordering::AcqRel);
        Self(connection)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.0.outbox.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.outbox.moved.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests;
