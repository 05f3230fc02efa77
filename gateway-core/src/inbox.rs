//! The way in of one socket: messages start in the order they came, a bounded number at a time.
//!
//! A handler is polled once right here, on the connection's read loop. Most are done by then; a
//! handler that is not gets a task of its own. So a task exists only while something is pending,
//! and messages that find a place start in order without a queue in between.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::sync::oneshot;

use crate::{connection::Connection, context::ExecutionContext, exception::WsException, pipeline};

/// How many messages of one socket run and wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Handlers of one socket that run at once.
    pub(crate) concurrency: usize,
    /// Messages that wait, at most.
    pub(crate) inbox_messages: usize,
    /// Bytes that wait, at most.
    pub(crate) inbox_bytes: usize,
}

/// Messages that share a lane run strictly one at a time.
pub(crate) type Lane = u16;

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    phase: Phase,
    running: usize,
    busy: Vec<Lane>,
    waiting: VecDeque<ExecutionContext>,
    waiting_bytes: usize,
    /// Someone is starting messages; whoever comes with another only leaves it here.
    starting: bool,
    /// Told when everything that came before the end of the connection has started.
    farewell: Option<oneshot::Sender<()>>,
    /// The server is shutting down: nothing more is taken.
    draining: bool,
    /// Told when everything that was taken before has ended.
    finished: Option<oneshot::Sender<()>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// `on_connection` has not ended; messages wait.
    #[default]
    Connecting,
    Open,
    /// Nothing more is taken; what waits still runs.
    Closing,
    /// What waited was refused.
    Closed,
}

impl Inbox {
    /// The next message, when it may start now: the head of the queue or nothing, so that no
    /// message overtakes another.
    fn next(&mut self, limits: &Limits) -> Option<ExecutionContext> {
        if self.phase == Phase::Connecting || self.running >= limits.concurrency {
            return None;
        }
        let lane = self.waiting.front()?.lane();
        if lane.is_some_and(|lane| self.busy.contains(&lane)) {
            return None;
        }
        let context = self.waiting.pop_front()?;
        self.waiting_bytes -= context.size();
        if self.waiting.is_empty() && self.waiting.capacity() > 64 {
            self.waiting = VecDeque::new();
        }
        self.occupy(lane);
        Some(context)
    }

    fn occupy(&mut self, lane: Option<Lane>) {
        self.running += 1;
        self.busy.extend(lane);
    }

    fn release(&mut self, lane: Option<Lane>) {
        self.running -= 1;
        if let Some(lane) = lane {
            self.busy.retain(|busy| *busy != lane);
        }
    }

    /// Says good-bye once nothing is left that came before it; on a serial gateway, once the last
    /// message has also ended.
    fn settle(&mut self, whole_gateway_is_serial: bool) {
        let started = self.waiting.is_empty() && self.phase != Phase::Connecting;
        let ended = !whole_gateway_is_serial || self.running == 0;
        if started
            && ended
            && let Some(farewell) = self.farewell.take()
        {
            farewell.send(()).ok();
        }
        if started
            && self.running == 0
            && let Some(finished) = self.finished.take()
        {
            finished.send(()).ok();
        }
    }
}

impl Connection {
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message in: starts it, or lets it wait for its turn.
    pub(crate) fn receive(self: &Arc<Self>, context: ExecutionContext) {
        // Sent away, or its session over: what it says while the good-bye is on its way counts no more.
        if self.is_ending() {
            return;
        }
        let limits = &self.gateway().limits;
        let now = {
            let mut inbox = self.inbox();
            match inbox.phase {
                Phase::Closing | Phase::Closed => return,
                Phase::Connecting | Phase::Open => {}
            }
            if inbox.draining {
                drop(inbox);
                pipeline::refuse(context, WsException::shutting_down());
                return;
            }
            let size = context.size();
            let lane = context.lane();
            let free = inbox.phase == Phase::Open
                && !inbox.starting
                && inbox.waiting.is_empty()
                && inbox.running < limits.concurrency
                && !lane.is_some_and(|lane| inbox.busy.contains(&lane));
            if free {
                inbox.starting = true;
                inbox.occupy(lane);
                Some(context)
            } else if inbox.waiting.len() >= limits.inbox_messages
                || inbox.waiting_bytes + size > limits.inbox_bytes
            {
                drop(inbox);
                pipeline::refuse(context, WsException::overloaded());
                return;
            } else {
                inbox.waiting_bytes += size;
                inbox.waiting.push_back(context);
                None
            }
        };
        match now {
            Some(context) => {
                let done = self.start(context);
                self.start_waiting(done);
            }
            None => self.resume(),
        }
    }

    /// `on_connection` has ended well: messages may start. Those that have waited are started by
    /// [`catch_up`](Self::catch_up).
    pub(crate) fn open_inbox(self: &Arc<Self>) {
        {
            let mut inbox = self.inbox();
            if inbox.phase == Phase::Connecting {
                inbox.phase = match inbox.farewell {
                    Some(_) => Phase::Closing,
                    None => Phase::Open,
                };
            }
            inbox.settle(self.gateway().serial);
        }
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.inbox().waiting.is_empty()
    }

    /// Starts what has waited for `on_connection`.
    pub(crate) async fn catch_up(self: Arc<Self>) {
        self.resume();
    }

    /// `on_connection` has failed: answers what waits with its error, and takes nothing more.
    pub(crate) fn refuse_inbox(&self, exception: &WsException) {
        let waiting = {
            let mut inbox = self.inbox();
            inbox.phase = Phase::Closed;
            inbox.waiting_bytes = 0;
            let waiting = std::mem::take(&mut inbox.waiting);
            inbox.settle(self.gateway().serial);
            waiting
        };
        for context in waiting {
            pipeline::refuse(context, exception.clone());
        }
    }

    /// Takes nothing more. The receiver is told when everything taken before has started.
    pub(crate) fn close_inbox(&self) -> oneshot::Receiver<()> {
        let (farewell, told) = oneshot::channel();
        let mut inbox = self.inbox();
        if inbox.phase == Phase::Open {
            inbox.phase = Phase::Closing;
        }
        inbox.farewell = Some(farewell);
        inbox.settle(self.gateway().serial);
        told
    }

    /// Refuses whatever comes from now on. The receiver is told when everything taken before, and
    /// `on_connection`, has ended.
    pub(crate) fn drain_inbox(&self) -> oneshot::Receiver<()> {
        let (finished, told) = oneshot::channel();
        let mut inbox = self.inbox();
        inbox.draining = true;
        inbox.finished = Some(finished);
        inbox.settle(self.gateway().serial);
        told
    }

    /// Starts what may start, unless someone is at it already.
    fn resume(self: &Arc<Self>) {
        {
            let mut inbox = self.inbox();
            if inbox.starting || inbox.waiting.is_empty() {
                return;
            }
            inbox.starting = true;
        }
        self.start_waiting(None);
    }

    /// Starts messages as long as the head of the queue may start; `done` has just ended. Only one
    /// caller at a time does this, which is what keeps the order.
    fn start_waiting(self: &Arc<Self>, mut done: Option<Done>) {
        loop {
            let context = {
                let mut inbox = self.inbox();
                if let Some(Done(lane)) = done {
                    inbox.release(lane);
                }
                match inbox.next(&self.gateway().limits) {
                    Some(context) => context,
                    None => {
                        inbox.starting = false;
                        inbox.settle(self.gateway().serial);
                        return;
                    }
                }
            };
            done = self.start(context);
        }
    }

    /// Polls the message's pipeline once; what is still pending goes on in a task.
    fn start(self: &Arc<Self>, context: ExecutionContext) -> Option<Done> {
        let lane = context.lane();
        let mut pipeline = context.into_pipeline();
        if poll_once(pipeline.as_mut()).is_ready() {
            return Some(Done(lane));
        }
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            pipeline.await;
            {
                let mut inbox = connection.inbox();
                inbox.release(lane);
                inbox.settle(connection.gateway().serial);
            }
            connection.resume();
        });
        None
    }
}

/// A message that ended at its first poll, and the lane it took.
struct Done(Option<Lane>);

/// One poll without a waker. That loses no wake-up: whoever gets `Pending` hands the future to a
/// task, which polls it again at once.
fn poll_once(future: Pin<&mut (impl Future<Output = ()> + ?Sized)>) -> Poll<()> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
