//! The conversation with one client: its messages, in order, and its life from being let in until nothing is left of it.
//!
//! A handler is polled once right here, on the connection's read loop. Most are done by then; the others get a task of
//! their own. So a task exists only while something is pending, and messages that find a place start in order, without a
//! queue in between.

mod first_poll;
mod turn;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{sync::oneshot, task::JoinHandle};

use first_poll::{Pending, poll_once};
use turn::{Starting, Turn, Waits};

use crate::{
    call::{context::ExecutionContext, route::Lane},
    clock,
    dispatch::{
        attend::Attendance,
        gateway::GatewayRuntime,
        inbox::{Arrival, Inbox, Place, Queued},
        pipeline,
    },
    exception::WsException,
    excerpt,
    limits::reached,
    log_limiter::LogLimiter,
    options::Options,
    platform::{DisconnectReason, Packet},
    socket::connection::Connection,
};

/// Owns the waiting messages. They know the connection but not the conversation, so nothing that waits keeps its own
/// queue alive.
pub(crate) struct Conversation {
    pub(crate) connection: Arc<Connection>,
    gateway: Arc<GatewayRuntime>,
    inbox: Mutex<Inbox<ExecutionContext>>,
    greeted: AtomicBool,
    attendance: Attendance,
    /// `on_connection`, while it runs.
    greeting: Mutex<Option<JoinHandle<()>>>,
    /// Refusals that wait for a filter.
    refusals: AtomicUsize,
    /// Whether reading is paused, and a task waits for what ends that.
    reads_later: AtomicBool,
    /// Whether a task waits to start messages once the way out has room again.
    waits_for_relief: AtomicBool,
}

impl Queued for ExecutionContext {
    fn size(&self) -> usize {
        ExecutionContext::size(self)
    }

    fn lane(&self) -> Option<Lane> {
        ExecutionContext::lane(self)
    }

    fn expected_answer(&self) -> usize {
        ExecutionContext::expected_answer(self)
    }
}

impl Conversation {
    pub(crate) fn new(gateway: Arc<GatewayRuntime>, connection: Arc<Connection>) -> Self {
        Self {
            connection,
            gateway,
            inbox: Mutex::default(),
            greeted: AtomicBool::new(false),
            attendance: Attendance::new(),
            greeting: Mutex::default(),
            refusals: AtomicUsize::new(0),
            reads_later: AtomicBool::new(false),
            waits_for_relief: AtomicBool::new(false),
        }
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox<ExecutionContext>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is under way, in either direction.
    pub(crate) fn is_idle(&self) -> bool {
        self.inbox().is_idle() && !self.connection.outbox.is_overflowing()
    }

    fn options(&self) -> &Options {
        &self.connection.namespace().options
    }

    // ------------------------------------------------------------------------------ messages

    /// Takes a message in: starts it, or lets it wait for its turn.
    pub(crate) fn receive(self: &Arc<Self>, packet: Packet, ack: Option<i64>) {
        // It was sent away, or its session is over: what it says while the good-bye is on its way no longer counts.
        if self.connection.is_ending() {
            return;
        }
        let most = self.connection.namespace().settings.limits.event_name_bytes;
        let event = packet.event();
        let is_too_long = event.len() > most;
        // Which one that is named so is not even looked for.
        let route = if is_too_long { self.gateway.unknown() } else { self.gateway.route(event) };
        let route = Arc::clone(route);
        let connection = Arc::clone(&self.connection);
        let context = ExecutionContext::message(connection, route, packet, ack);
        if self.is_expired() {
            self.check_session();
            return;
        }
        if self.connection.is_observed() && !is_too_long {
            context.tell_received();
        }
        if is_too_long {
            reached::event_name_bytes(self.connection.namespace().path());
            self.refuse(context, WsException::event_too_long(most));
            self.slow_down();
            return;
        }
        let may_start = self.may_start();
        let arrival = self.inbox().arrive(context, may_start, self.options());
        match arrival {
            Arrival::Start(context, place) => {
                self.start_all(Starting(Some(self)), Some((context, place)));
            }
            Arrival::Queued => {
                self.resume();
                self.slow_down();
            }
            Arrival::Overloaded(context) => {
                self.refuse(context, WsException::overloaded());
                self.slow_down();
            }
            Arrival::ShuttingDown(context) => {
                self.refuse(context, WsException::shutting_down());
                self.slow_down();
            }
            Arrival::Gone => {}
        }
    }

    /// Not while an answer waits for room on the way out: those of messages that are started now would
    /// wait with it, each in memory.
    fn may_start(&self) -> bool {
        !self.connection.outbox.is_congested()
    }

    /// Starts what may start, unless someone is at it already.
    fn resume(self: &Arc<Self>) {
        let begins = self.inbox().begin_starting();
        if begins {
            let starting = Starting(Some(self));
            if self.may_start() {
                let next = self.inbox().next(self.options());
                self.start_all(starting, next);
            } else {
                drop(starting);
                self.resume_when_relieved();
            }
        }
    }

    /// One task, however often it is asked for.
    fn resume_when_relieved(self: &Arc<Self>) {
        // Sequentially consistent with the end of the task below, which sees every caller that still finds it running.
        if self.waits_for_relief.swap(true, Ordering::SeqCst) {
            return;
        }
        let conversation = Arc::clone(self);
        tokio::spawn(async move {
            conversation.connection.outbox.relieved().await;
            conversation.waits_for_relief.store(false, Ordering::SeqCst);
            conversation.resume();
        });
    }

    /// Starts messages as long as the head of the queue may start. Only one caller at a time does
    /// this, which is what keeps the order.
    fn start_all(
        self: &Arc<Self>,
        starting: Starting<'_>,
        mut next: Option<(ExecutionContext, Place)>,
    ) {
        while let Some((context, place)) = next {
            let ended = self.start(context, place);
            let mut inbox = self.inbox();
            if let Some(turn) = ended {
                turn.end(&mut inbox);
            }
            if !self.may_start() {
                drop(inbox);
                drop(starting);
                self.resume_when_relieved();
                return;
            }
            next = inbox.next(self.options());
        }
        starting.end();
    }

    /// Pauses reading while the inbox is half full, or the outbox is half full of refusals. A client that sends much at once
    /// is served, instead of being told that it is too much, or cut off for not reading what it is told.
    fn slow_down(self: &Arc<Self>) {
        if self.reads_later.load(Ordering::SeqCst) {
            return;
        }
        let relief = self.inbox().crowd(self.options());
        if relief.is_none() && !self.connection.is_outbox_half_full() {
            return;
        }
        // Messages arrive one after the other, so nobody else sets this; the task only resets it.
        self.reads_later.store(true, Ordering::SeqCst);
        self.connection.link.pause_reading();
        let conversation = Arc::clone(self);
        tokio::spawn(async move {
            if let Some(relief) = relief {
                conversation.inbox_relieved(relief).await;
            }
            conversation.connection.outbox_relieved().await;
            conversation.reads_later.store(false, Ordering::SeqCst);
            conversation.connection.link.resume_reading();
        });
    }

    /// Resolves when there is relief, or when waiting for it is pointless: no message has started for a while, or handlers
    /// wait for acknowledgements from the client that are behind what is not read.
    async fn inbox_relieved(&self, mut relief: oneshot::Receiver<()>) {
        const PATIENCE: Duration = Duration::from_secs(1);

        let mut started = self.inbox().started();
        loop {
            tokio::select! {
                biased;
                _ = &mut relief => return,
                () = self.connection.gone() => return,
                () = tokio::time::sleep(PATIENCE) => {}
            }
            let before = std::mem::replace(&mut started, self.inbox().started());
            if started == before || self.connection.link.outstanding() > 0 {
                self.inbox().read_on();
                return;
            }
        }
    }

    /// Polls the message's pipeline once; what is still pending goes on in a task. Gives back the turn
    /// of a message that has ended.
    fn start(self: &Arc<Self>, context: ExecutionContext, place: Place) -> Option<Turn<&Self>> {
        let turn = Turn::new(&**self, place);
        // The pipeline catches the panics of handlers and enhancers; this is for what is around it.
        match catch_unwind(AssertUnwindSafe(|| poll_once(context))) {
            Ok(None) => Some(turn),
            Err(_panic) => {
                log_panic();
                Some(turn)
            }
            Ok(Some(pending)) => {
                let turn = turn.moved_to(Arc::clone(self));
                tokio::spawn(Arc::clone(self).finish_message(pending, turn));
                None
            }
        }
    }

    async fn finish_message(self: Arc<Self>, pending: Pending, turn: Turn<Arc<Self>>) {
        let ended = AssertUnwindSafe(pending).catch_unwind();
        tokio::select! {
            biased;
            ended = ended => if ended.is_err() {
                log_panic();
            },
            () = self.outlived() => self.log_late(|namespace, user, times| tracing::warn!(
                namespace,
                user,
                times,
                "a handler has outlived its client for too long and is dropped"
            )),
        }
        drop(turn);
        self.resume();
    }

    /// Resolves when the client has been gone for as long as its handlers may go on.
    async fn outlived(&self) {
        self.connection.gone().await;
        tokio::time::sleep(self.options().handler_grace).await;
    }

    /// Answers all that has not begun with an exception, and takes nothing more.
    pub(crate) fn refuse_waiting(self: &Arc<Self>, exception: &WsException) {
        let waiting = self.inbox().give_up(self.options());
        for context in waiting {
            self.refuse(context, exception.clone());
        }
    }

    /// Answers a message that was not even started, without ever waiting for its sender. Filters that
    /// wait do so in a task; where too many do already, the answer is the standard one.
    fn refuse(self: &Arc<Self>, context: ExecutionContext, exception: WsException) {
        /// Refusals of one client that wait for a filter at once.
        const MOST: usize = 64;

        if let Some(metrics) = context.metrics() {
            metrics.refused(&exception);
        }
        // Only the number counts: no other memory is ordered by it.
        if self.refusals.load(Ordering::Relaxed) >= MOST {
            pipeline::refuse_unfiltered(&context, &exception);
            return;
        }
        // Filters rarely wait, and then no task is needed.
        let mut refusal = Box::pin(pipeline::refuse(context, exception));
        if refusal.as_mut().now_or_never().is_none() {
            let waits = Waits::new(Arc::clone(self));
            tokio::spawn(async move {
                // A filter outlives the client no longer than a handler may.
                tokio::select! {
                    () = refusal => {}
                    () = waits.0.outlived() => {}
                }
            });
        }
    }

    // ------------------------------------------------------------------------------ its life

    /// The client has been told that it is connected: runs `on_connection` to its end, then lets
    /// messages in; once.
    pub(crate) fn greet(self: &Arc<Self>) {
        // Only who comes first matters; what it then does is ordered by the inbox's lock.
        if self.greeted.swap(true, Ordering::Relaxed) {
            return;
        }
        self.connection.namespace().metrics.accepted.increment(1);
        self.connection.tell_connected();
        self.gateway.sessions.watch(&self.connection);
        if self.gateway.hooks.on_connection.is_none() && self.gateway.presence.is_none() {
            self.inbox().open(self.options());
            // In a task, because the platform waits for this to return, and handlers may take their time.
            if self.has_waiting() {
                let conversation = Arc::clone(self);
                tokio::spawn(async move { conversation.resume() });
            }
            return;
        }
        let conversation = Arc::clone(self);
        // Whoever waits for its end must not find it missing because it has only just started.
        let mut here = self.greeting.lock().unwrap_or_else(PoisonError::into_inner);
        *here = Some(tokio::spawn(async move {
            match conversation.welcome().await {
                Ok(()) => {
                    conversation.inbox().open(conversation.options());
                    conversation.resume();
                }
                Err(exception) => {
                    conversation.refuse_waiting(&exception);
                    conversation.connection.disconnect();
                }
            }
        }));
    }

    pub(crate) fn has_waiting(&self) -> bool {
        self.inbox().has_waiting()
    }

    #[cfg(test)]
    pub(super) fn running(&self) -> usize {
        self.inbox().running()
    }

    /// Lets a client in: `on_connection`, and its user is there. An error is reported to the client,
    /// and returned.
    async fn welcome(&self) -> Result<(), WsException> {
        let hook = self.gateway.hooks.on_connection.as_ref();
        pipeline::run_hook(&self.connection, hook, None).await?;
        let Some(presence) = &self.gateway.presence else { return Ok(()) };
        let Err(error) = presence.arrive(&self.connection, &self.attendance).await else {
            return Ok(());
        };
        let exception = WsException::from(error);
        let route = Arc::clone(&self.gateway.routes.arrival);
        let connection = Some(Arc::clone(&self.connection));
        let context = ExecutionContext::without_message(connection, route, None);
        pipeline::answer(&context, exception.clone()).await;
        Err(exception)
    }

    /// Takes no more messages, and waits until those in hand are answered.
    pub(crate) async fn finish(&self) {
        let all_ended = self.inbox().drain(self.options());
        // Fails only if the conversation no longer exists.
        all_ended.await.ok();
        self.connection.deliver_all().await;
    }

    /// The client is gone. Returns at once; `on_disconnect` runs in a task, when all that came
    /// before it has had its turn.
    pub(crate) fn depart(self: &Arc<Self>, reason: DisconnectReason) {
        if !self.connection.close() {
            return;
        }
        // A client that leaves in the very moment it comes in is greeted all the same: both hooks run, or neither.
        self.greet();
        self.connection.namespace().metrics.disconnected(reason);
        self.connection.tell_disconnected(reason);
        self.gateway.sessions.forget(&self.connection);
        // Taken now and not in the task, so that no later message slips in before it.
        let all_started = self.inbox().close(self.options());
        self.gateway.departures.spawn(Arc::clone(self).take_leave(reason, all_started));
    }

    async fn take_leave(
        self: Arc<Self>,
        reason: DisconnectReason,
        all_started: oneshot::Receiver<()>,
    ) {
        /// How long handlers of a client that is gone may hold up its `on_disconnect`.
        const PATIENCE: Duration = Duration::from_secs(10);

        let deadline = clock::now() + PATIENCE;
        let patience_ended = async || {
            let late = tokio::time::timeout_at(deadline, self.gateway.draining.patience_ended());
            late.await.ok();
        };
        // `on_connection` ends first, one way or another, so that nobody arrives after having left.
        let greeting = self.greeting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut greeting) = greeting {
            tokio::select! {
                biased;
                _ = &mut greeting => {}
                () = patience_ended() => {
                    greeting.abort();
                    greeting.await.ok();
                    // Nobody will let in what waited for it.
                    drop(self.inbox().give_up(self.options()));
                }
            }
        }
        if let Some(presence) = &self.gateway.presence {
            presence.leave(&self.connection, &self.attendance).await;
        }
        tokio::select! {
            biased;
            _ = all_started => {}
            () = patience_ended() => self.log_late(|namespace, user, times| tracing::warn!(
                namespace,
                user,
                times,
                "handlers of a client that has left are not done yet; its on_disconnect goes ahead"
            )),
        }
        let hook = self.gateway.hooks.on_disconnect.as_ref();
        let hook = pipeline::run_hook(&self.connection, hook, Some(reason));
        match tokio::time::timeout(self.options().handler_grace, hook).await {
            // An error was reported by the pipeline; there is nobody left to tell.
            Ok(_) => {}
            Err(_elapsed) => self.log_late(|namespace, user, times| {
                tracing::error!(
                    namespace,
                    user,
                    times,
                    "an on_disconnect hook is taking too long and is dropped"
                );
            }),
        }
    }

    /// Logs that something of a client that has left goes on for too long, unless there were many such
    /// lines just now.
    fn log_late(&self, log: impl FnOnce(&str, Option<String>, u64)) {
        if let Some(times) = self.gateway.lines.late.count() {
            let user = self.connection.user().map(excerpt::logged);
            log(self.connection.namespace().path(), user, times);
        }
    }

    // ------------------------------------------------------------------------------ its session

    fn is_expired(&self) -> bool {
        self.gateway.sessions.is_over(&self.connection)
    }

    /// Ends a session whose time has come: the client is told, then disconnected.
    pub(crate) fn check_session(self: &Arc<Self>) {
        if !self.is_expired() {
            self.gateway.sessions.watch(&self.connection);
            return;
        }
        let conversation = Arc::clone(self);
        tokio::spawn(async move {
            // It may be renewed in the meantime, and the client told so.
            let is_over = || conversation.is_expired();
            conversation.end_session(WsException::token_expired(), is_over).await;
        });
    }

    /// A newer session of the client's user has begun: it is told, then disconnected.
    pub(crate) async fn replaced(&self) {
        self.end_session(WsException::replaced(), || true).await;
    }

    async fn end_session(&self, why: WsException, is_over: impl Fn() -> bool) {
        const PATIENCE: Duration = Duration::from_millis(500);

        let connection = &self.connection;
        let route = Arc::clone(&self.gateway.routes.session);
        let context = ExecutionContext::without_message(Some(Arc::clone(connection)), route, None);
        let told = async {
            pipeline::answer(&context, why).await;
            connection.outbox_drained(PATIENCE).await.is_ok()
        };
        // A client that does not read must not outlive its session.
        match tokio::time::timeout(PATIENCE, told).await {
            _ if !is_over() => {}
            Ok(true) => connection.disconnect(),
            _ => connection.give_up(),
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // Also on the way of a client that was admitted and never came in.
        self.gateway.forget(self);
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Conversation").field("connection", &self.connection).finish()
    }
}

fn log_panic() {
    static LINES: LogLimiter = LogLimiter::of(10);
    if let Some(times) = LINES.count() {
        tracing::error!(times, "a message ended with a panic outside its handler");
    }
}
