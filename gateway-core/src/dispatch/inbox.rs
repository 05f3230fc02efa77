//! The messages of one socket that wait or run: they start in the order in which they arrived, a limited number at a
//! time.
//!
//! This is a state machine without a clock or a task: the [conversation](super::conversation) asks it what may start, and
//! tells it what has ended.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use crate::{call::route::Lane, options::Options};

/// What the inbox must know about a message.
pub(crate) trait Queued {
    /// Bytes it occupies until it has ended.
    fn size(&self) -> usize;

    /// Messages that share a lane run strictly one at a time.
    fn lane(&self) -> Option<Lane>;

    /// How many bytes its answer is expected to have.
    fn expected_answer(&self) -> usize;
}

#[derive(Debug)]
pub(crate) struct Inbox<M> {
    phase: Phase,
    /// The server is shutting down: nothing more is taken.
    draining: bool,
    running: usize,
    busy: Vec<Lane>,
    waiting: VecDeque<M>,
    /// The size of the messages that wait and run.
    bytes: usize,
    /// The expected size of the answers to those that run.
    answers: usize,
    /// Whether a caller is starting messages; whoever arrives with another only leaves it here.
    starting: bool,
    /// How many have been started, for whoever waits to see whether that moves.
    started: u64,
    /// Told when less than half of the room is taken, where reading waits for that.
    relief: Option<oneshot::Sender<()>>,
    /// Reading has waited in vain, and goes on until there is relief.
    is_read_on: bool,
    /// Told when everything that came before the end of the connection has started.
    all_started: Option<oneshot::Sender<()>>,
    /// Told when everything that was taken has ended.
    all_ended: Option<oneshot::Sender<()>>,
}

impl<M> Default for Inbox<M> {
    fn default() -> Self {
        Self {
            phase: Phase::Connecting,
            draining: false,
            running: 0,
            busy: Vec::new(),
            waiting: VecDeque::new(),
            bytes: 0,
            answers: 0,
            starting: false,
            started: 0,
            relief: None,
            is_read_on: false,
            all_started: None,
            all_ended: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// `on_connection` has not ended; messages wait.
    Connecting,
    Open,
    /// The client is gone: nothing more is taken; what waits still runs.
    Closing,
    /// What waited was refused.
    Closed,
}

/// What happens to a message that has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival<M> {
    /// It has its place, and starts now; the caller then also starts what may start after it.
    Start(M, Place),
    /// It waits.
    Queued,
    /// There is no room for it.
    Overloaded(M),
    /// The server is shutting down.
    ShuttingDown(M),
    /// The client is gone, or was not let in: nobody is there to be told.
    Gone,
}

/// The place that a message has while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    lane: Option<Lane>,
    size: usize,
    answer: usize,
}

impl Place {
    pub(crate) fn of(message: &impl Queued) -> Self {
        Self { lane: message.lane(), size: message.size(), answer: message.expected_answer() }
    }
}

impl<M: Queued> Inbox<M> {
    /// Whether nothing waits or runs, `on_connection` neither.
    pub(crate) fn is_idle(&self) -> bool {
        self.phase != Phase::Connecting && self.running == 0 && self.waiting.is_empty()
    }

    /// Takes a message in. If it may not start, it waits, whatever places are free.
    pub(crate) fn arrive(&mut self, message: M, may_start: bool, options: &Options) -> Arrival<M> {
        // Checked first, so that a client that is sent away by a shutdown is still told why.
        if self.draining {
            return Arrival::ShuttingDown(message);
        }
        match self.phase {
            Phase::Closing | Phase::Closed => return Arrival::Gone,
            Phase::Connecting | Phase::Open => {}
        }
        let place = Place::of(&message);
        let is_alone = self.running == 0 && self.waiting.is_empty();
        let is_light = is_alone || self.bytes + place.size <= options.inbox_bytes;
        if !is_light || self.waiting.len() >= options.inbox_messages {
            return Arrival::Overloaded(message);
        }
        self.bytes += place.size;
        let is_free = may_start
            && self.phase == Phase::Open
            && !self.starting
            && self.waiting.is_empty()
            && self.has_place(place, options);
        if !is_free {
            self.waiting.push_back(message);
            return Arrival::Queued;
        }
        self.starting = true;
        self.occupy(place);
        Arrival::Start(message, place)
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether the caller is the one to start what waits now. It then asks for the [`next`](Self::next)
    /// until there is none.
    pub(crate) fn begin_starting(&mut self) -> bool {
        let begins = !self.starting && !self.waiting.is_empty();
        self.starting |= begins;
        begins
    }

    /// The caller starts nothing more, without having been told that there is nothing.
    pub(crate) fn stop_starting(&mut self) {
        self.starting = false;
    }

    /// The next message, if it may start now: the head of the queue or nothing, so that no message overtakes another. With
    /// nothing, the caller's turn at starting messages is over.
    pub(crate) fn next(&mut self, options: &Options) -> Option<(M, Place)> {
        let next = self.take_head(options);
        if next.is_none() {
            self.starting = false;
            self.settle(options);
        }
        next
    }

    fn take_head(&mut self, options: &Options) -> Option<(M, Place)> {
        if self.phase == Phase::Connecting {
            return None;
        }
        let place = Place::of(self.waiting.front()?);
        if !self.has_place(place, options) {
            return None;
        }
        let message = self.waiting.pop_front()?;
        if self.waiting.is_empty() && self.waiting.capacity() > 64 {
            self.waiting = VecDeque::new();
        }
        self.occupy(place);
        self.relieve(options);
        Some((message, place))
    }

    /// If so much waits that reading should wait, too, returns what tells when it need not any longer; only once, until
    /// there has been relief.
    pub(crate) fn crowd(&mut self, options: &Options) -> Option<oneshot::Receiver<()>> {
        if !self.is_half_full(options) || self.is_read_on || self.relief.is_some() {
            return None;
        }
        let (relief, told) = oneshot::channel();
        self.relief = Some(relief);
        Some(told)
    }

    /// Reading goes on without relief, until the inbox is full.
    pub(crate) fn read_on(&mut self) {
        self.is_read_on = self.relief.take().is_some();
    }

    #[cfg(test)]
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    /// How many messages have been started.
    pub(crate) fn started(&self) -> u64 {
        self.started
    }

    fn is_half_full(&self, options: &Options) -> bool {
        let is_long = self.waiting.len() >= options.inbox_messages.div_ceil(2);
        let is_heavy = self.bytes >= options.inbox_bytes.div_ceil(2);
        !self.waiting.is_empty() && (is_long || is_heavy)
    }

    fn relieve(&mut self, options: &Options) {
        if (self.relief.is_some() || self.is_read_on) && !self.is_half_full(options) {
            self.is_read_on = false;
            if let Some(relief) = self.relief.take() {
                relief.send(()).ok();
            }
        }
    }

    fn has_place(&self, place: Place, options: &Options) -> bool {
        let fits = self.running == 0 || self.answers + place.answer <= options.outbox_bytes;
        let is_busy = place.lane.is_some_and(|lane| self.busy.contains(&lane));
        self.running < options.concurrency && fits && !is_busy
    }

    fn occupy(&mut self, place: Place) {
        self.started += 1;
        self.running += 1;
        self.answers += place.answer;
        self.busy.extend(place.lane);
    }

    /// A message has ended, one way or another.
    pub(crate) fn leave(&mut self, place: Place, options: &Options) {
        self.running -= 1;
        self.bytes -= place.size;
        self.answers -= place.answer;
        if let Some(lane) = place.lane {
            self.busy.retain(|busy| *busy != lane);
        }
        self.relieve(options);
        self.settle(options);
    }

    /// `on_connection` has succeeded: messages may start.
    pub(crate) fn open(&mut self, options: &Options) {
        if self.phase == Phase::Connecting {
            self.phase = match self.all_started {
                Some(_) => Phase::Closing,
                None => Phase::Open,
            };
        }
        self.settle(options);
    }

    /// Takes nothing more, and gives up what waits.
    pub(crate) fn give_up(&mut self, options: &Options) -> VecDeque<M> {
        self.phase = Phase::Closed;
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes -= waiting.iter().map(Queued::size).sum::<usize>();
        self.relieve(options);
        self.settle(options);
        waiting
    }

    /// The client is gone: takes nothing more. The receiver is told when everything taken before has
    /// started; on a serial gateway, when it has also ended.
    pub(crate) fn close(&mut self, options: &Options) -> oneshot::Receiver<()> {
        let (all_started, told) = oneshot::channel();
        if self.phase == Phase::Open {
            self.phase = Phase::Closing;
        }
        self.all_started = Some(all_started);
        self.settle(options);
        told
    }

    /// Refuses whatever comes from now on. The receiver is told when everything taken before, and
    /// `on_connection`, has ended.
    pub(crate) fn drain(&mut self, options: &Options) -> oneshot::Receiver<()> {
        let (all_ended, told) = oneshot::channel();
        self.draining = true;
        self.all_ended = Some(all_ended);
        self.settle(options);
        told
    }

    fn settle(&mut self, options: &Options) {
        if !self.waiting.is_empty() || self.phase == Phase::Connecting {
            return;
        }
        let has_ended = self.running == 0;
        if (has_ended || !options.serial)
            && let Some(all_started) = self.all_started.take()
        {
            all_started.send(()).ok();
        }
        if has_ended && let Some(all_ended) = self.all_ended.take() {
            all_ended.send(()).ok();
        }
    }
}

#[cfg(test)]
mod tests;
