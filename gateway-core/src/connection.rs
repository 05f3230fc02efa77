//! One client in one namespace, from the moment it is admitted until nothing of it is left.

use std::{
    any::{Any, TypeId},
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::{task::JoinHandle, time::Instant};

use crate::{
    context::{ExecutionContext, Occasion},
    exception::WsException,
    gateway::GatewayRuntime,
    handshake::Handshake,
    inbox::Inbox,
    namespace::Namespace,
    outbox::Outbox,
    pipeline,
    platform::{DisconnectReason, Link, Names, Refused, SocketId},
    presence::Attendance,
    rooms,
    session::Session,
};

pub(crate) struct Connection {
    gateway: Arc<GatewayRuntime>,
    pub(crate) link: Arc<Link>,
    pub(crate) handshake: Handshake,
    /// What the authenticator found out, when it was last asked.
    session: Mutex<Option<Arc<Session>>>,
    data: Mutex<Vec<(TypeId, Arc<dyn Any + Send + Sync>)>>,
    pub(crate) inbox: Mutex<Inbox>,
    pub(crate) outbox: Outbox,
    greeted: AtomicBool,
    pub(crate) attendance: Attendance,
    /// `on_connection`, while it runs.
    greeting: Mutex<Option<JoinHandle<()>>>,
    /// The client is gone: nothing more in either direction.
    closed: AtomicBool,
    last_rooms: OnceLock<Box<[String]>>,
    /// It has been disconnected from our side; what was sent before is still on its way.
    ending: AtomicBool,
    /// It was found not to read, and is on its way out.
    too_slow: AtomicBool,
}

impl Connection {
    pub(crate) fn new(
        gateway: Arc<GatewayRuntime>,
        link: Arc<Link>,
        handshake: Handshake,
        session: Option<Session>,
    ) -> Self {
        Self {
            gateway,
            link,
            handshake,
            session: Mutex::new(session.map(Arc::new)),
            data: Mutex::default(),
            inbox: Mutex::default(),
            outbox: Outbox::default(),
            greeted: AtomicBool::new(false),
            attendance: Attendance::new(),
            greeting: Mutex::default(),
            closed: AtomicBool::new(false),
            last_rooms: OnceLock::new(),
            ending: AtomicBool::new(false),
            too_slow: AtomicBool::new(false),
        }
    }

    pub(crate) fn id(&self) -> SocketId {
        self.link.id()
    }

    pub(crate) fn gateway(&self) -> &GatewayRuntime {
        &self.gateway
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.gateway.namespace
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over what the authenticator found out now.
    pub(crate) fn renew_session(&self, session: Session) {
        let ends = session.expires_at();
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(session));
        self.watch_session(ends);
    }

    fn watch_session(&self, ends: Option<SystemTime>) {
        let wait = ends.map(|ends| ends.duration_since(SystemTime::now()).unwrap_or_default());
        self.gateway.deadlines.set(self.id(), wait);
    }

    /// Ends a session whose time has come: the client is told, then disconnected.
    pub(crate) fn check_session(self: &Arc<Self>) {
        const PATIENCE: Duration = Duration::from_millis(500);

        let Some(ends) = self.session().and_then(|session| session.expires_at()) else { return };
        if ends > SystemTime::now() {
            self.watch_session(Some(ends));
            return;
        }
        let connection = Arc::clone(self);
        tokio::spawn(async move {
            let context = ExecutionContext::session(Arc::clone(&connection));
            let told = async {
                pipeline::answer(&context, WsException::token_expired()).await;
                connection.outbox_drained(PATIENCE).await.is_ok()
            };
            // A client that does not read must not outlive its token.
            match tokio::time::timeout(PATIENCE, told).await {
                Ok(true) => connection.disconnect(),
                _ => connection.give_up(),
            }
        });
    }

    /// Resolves once the client is gone.
    pub(crate) async fn gone(&self) {
        loop {
            let moved = self.outbox.moved.notified();
            if self.is_closed() {
                return;
            }
            moved.await;
        }
    }

    /// The socket's own `T`, made with `T::default()` when it is first asked for.
    pub(crate) fn data<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut data = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        let known = data.iter().find(|(id, _)| *id == TypeId::of::<T>()).map(|(_, value)| value);
        if let Some(value) = known.and_then(|value| Arc::clone(value).downcast().ok()) {
            return value;
        }
        let value = Arc::new(T::default());
        data.push((TypeId::of::<T>(), Arc::clone(&value) as _));
        value
    }

    /// Joins, unless the client is gone.
    pub(crate) fn join(&self, rooms: Names) -> bool {
        self.namespace().hub().is_some_and(|hub| hub.join(&self.link, rooms))
    }

    pub(crate) fn leave(&self, rooms: Names) {
        if let Some(hub) = self.namespace().hub() {
            hub.leave(&self.link, rooms);
        }
    }

    /// The rooms it is in; those it was in, once it is gone.
    pub(crate) fn rooms(&self) -> Vec<String> {
        match (self.last_rooms.get(), self.namespace().hub()) {
            (Some(rooms), _) => rooms.to_vec(),
            (None, Some(hub)) => {
                hub.rooms_of(self.id()).into_iter().filter_map(rooms::shown).collect()
            }
            (None, None) => Vec::new(),
        }
    }

    /// Ends the connection to this namespace, after what was sent before; nothing more is sent.
    pub(crate) fn disconnect(self: &Arc<Self>) {
        if self.ending.swap(true, Ordering::SeqCst) {
            return;
        }
        self.stand_apart(true);
        if !self.outbox.is_overflowing() {
            self.say_good_bye();
            return;
        }
        let connection = Arc::clone(self);
        let patience = self.gateway.settings.emit_timeout;
        tokio::spawn(async move {
            connection.outbox_drained(patience).await.ok();
            connection.say_good_bye();
        });
    }

    /// Whether it takes anything more to send.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// Ends the connection to this namespace, and the client's whole connection where the base
    /// cannot even queue its good-bye.
    fn say_good_bye(&self) {
        let Some(hub) = self.namespace().hub() else { return };
        if hub.disconnect(&self.link) == Err(Refused::Full) {
            self.cut_line();
        }
    }

    /// Disconnects a client that does not read; counted once, however many emits notice.
    pub(crate) fn give_up(&self) {
        // The line of one that is gone may be that of its return.
        if self.is_closed() || self.too_slow.swap(true, Ordering::Relaxed) {
            return;
        }
        self.namespace().count_slow_client();
        tracing::warn!(
            namespace = self.namespace().path(),
            socket = %self.id(),
            "disconnecting a client that does not read what it is sent"
        );
        self.ending.store(true, Ordering::SeqCst);
        self.stand_apart(true);
        self.cut_line();
        self.say_good_bye();
    }

    /// Ends the client's TCP connection. A client on polling has none: its heartbeat ends it.
    pub(crate) fn cut_line(&self) {
        if !self.link.cut() {
            tracing::debug!(socket = %self.id(), "no line to cut: the heartbeat will end the session");
        }
    }

    /// Runs `on_connection` to its end, then lets messages in; once.
    pub(crate) fn greet(self: &Arc<Self>) {
        if self.greeted.swap(true, Ordering::Relaxed) {
            return;
        }
        self.namespace().metrics.accepted.increment(1);
        if let Some(ends) = self.session().and_then(|session| session.expires_at()) {
            self.watch_session(Some(ends));
        }
        if self.gateway.hooks.on_connection.is_none() && self.gateway.announcer.is_none() {
            self.open_inbox();
            // In a task: the base waits for this to return, and handlers may take their time.
            if self.has_waiting() {
                tokio::spawn(Arc::clone(self).catch_up());
            }
            return;
        }
        let connection = Arc::clone(self);
        // Who waits for its end must not find it missing because it has only just begun.
        let mut here = self.greeting.lock().unwrap_or_else(PoisonError::into_inner);
        let greeting = tokio::spawn(async move {
            match pipeline::welcome(&connection).await {
                Ok(()) => {
                    connection.open_inbox();
                    connection.catch_up().await;
                }
                Err(exception) => {
                    connection.refuse_inbox(&exception);
                    connection.disconnect();
                }
            }
        });
        *here = Some(greeting);
    }

    /// Takes no more messages, and waits until those in hand are answered.
    pub(crate) async fn finish(&self) {
        // Told by nobody only when the connection is no more.
        self.drain_inbox().await.ok();
        self.deliver_all().await;
    }

    /// Waits until the client has been handed what it was sent.
    pub(crate) async fn deliver_all(&self) {
        self.outbox_drained(self.gateway.settings.emit_timeout).await.ok();
    }

    /// The client is gone. Returns at once; `on_disconnect` runs in a task, when all that came
    /// before it has had its turn.
    pub(crate) fn depart(self: &Arc<Self>, reason: DisconnectReason) {
        self.last_rooms.set(self.rooms().into()).ok();
        if self.closed.swap(true, Ordering::SeqCst) {
            return;
        }
        self.namespace().forget(self);
        // Who leaves in the very moment of coming in is greeted all the same: both hooks run, or none.
        self.greet();
        self.namespace().metrics.disconnected(reason);
        if self.session().is_some_and(|session| session.expires_at().is_some()) {
            self.watch_session(None);
        }
        self.outbox.moved.notify_waiters();
        // Taken now and not in the task, so that no later message slips in before it.
        let started = self.close_inbox();
        self.gateway.departures.spawn(Arc::clone(self).take_leave(reason, started));
    }

    async fn take_leave(
        self: Arc<Self>,
        reason: DisconnectReason,
        started: tokio::sync::oneshot::Receiver<()>,
    ) {
        /// How long handlers of a client that is gone may hold up its `on_disconnect`.
        const PATIENCE: Duration = Duration::from_secs(10);

        let deadline = Instant::now() + PATIENCE;
        let patience_ended = async || {
            let late = tokio::time::timeout_at(deadline, self.gateway.health.patience_ended());
            late.await.ok();
        };
        // `on_connection` ends first, one way or the other, so that nobody arrives after leaving.
        let greeting = self.greeting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut greeting) = greeting {
            tokio::select! {
                biased;
                _ = &mut greeting => {}
                () = patience_ended() => {
                    greeting.abort();
                    greeting.await.ok();
                }
            }
        }
        self.leave_presence().await;
        tokio::select! {
            biased;
            _ = started => {}
            () = patience_ended() => tracing::warn!(
                namespace = self.namespace().path(),
                socket = %self.id(),
                "handlers of a client that left are not done; its on_disconnect goes ahead"
            ),
        }
        // An error was reported by the pipeline; there is nobody left to tell.
        pipeline::run_hook(Occasion::Disconnection, &self, Some(reason)).await.ok();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Also on the way of a client that was admitted and never came in.
        self.gateway.namespace.forget(self);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("id", &self.id())
            .field("namespace", &self.namespace().path())
            .finish_non_exhaustive()
    }
}
