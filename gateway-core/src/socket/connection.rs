//! One client in one namespace: who it is, and the way out to it.
//!
//! What it sends, and the life of its connection, belong to its [conversation](crate::dispatch).

use std::{
    any::{Any, TypeId},
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::Notify;

use crate::{
    auth::{handshake::Handshake, session::Session},
    limits::reached,
    platform::{Link, Names, NotJoined, Refused, SocketId},
    socket::{error::JoinError, namespace::Namespace, outbox::Outbox},
    wire::room_names,
};

pub(crate) struct Connection {
    namespace: Arc<Namespace>,
    pub(crate) link: Arc<Link>,
    pub(crate) handshake: Handshake,
    /// What the authenticator last found out.
    session: Mutex<Option<Arc<Session>>>,
    /// When the session ends, in microseconds since 1970: checked for every message.
    expires_at: AtomicU64,
    data: Mutex<Vec<(TypeId, Arc<dyn Any + Send + Sync>)>>,
    pub(crate) outbox: Outbox,
    /// The client is gone: nothing goes in either direction any more.
    closed: AtomicBool,
    /// Notified when the client is gone.
    left: Notify,
    last_rooms: OnceLock<Box<[String]>>,
    /// We have disconnected it; what was sent before is still on its way.
    ending: AtomicBool,
    /// It was found not to read, and is on its way out.
    too_slow: AtomicBool,
}

impl Connection {
    pub(crate) fn new(
        namespace: Arc<Namespace>,
        link: Arc<Link>,
        handshake: Handshake,
        session: Option<Session>,
    ) -> Self {
        Self {
            namespace,
            link,
            handshake,
            expires_at: AtomicU64::new(session.as_ref().map_or(NEVER, end_of)),
            session: Mutex::new(session.map(Arc::new)),
            data: Mutex::default(),
            outbox: Outbox::default(),
            closed: AtomicBool::new(false),
            left: Notify::new(),
            last_rooms: OnceLock::new(),
            ending: AtomicBool::new(false),
            too_slow: AtomicBool::new(false),
        }
    }

    pub(crate) fn id(&self) -> SocketId {
        self.link.id()
    }

    /// Who it is, where that is known.
    pub(crate) fn user(&self) -> Option<String> {
        self.session()?.user().map(str::to_owned)
    }

    pub(crate) fn namespace(&self) -> &Arc<Namespace> {
        &self.namespace
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over what the authenticator found out now.
    pub(crate) fn set_session(&self, session: Session) {
        // A clock reading: no other memory is ordered by it.
        self.expires_at.store(end_of(&session), Ordering::Relaxed);
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(session));
    }

    /// When its session ends, where it does.
    pub(crate) fn expires_at(&self) -> Option<SystemTime> {
        match self.expires_at.load(Ordering::Relaxed) {
            NEVER => None,
            micros => Some(UNIX_EPOCH + Duration::from_micros(micros)),
        }
    }

    /// The client is gone: nothing is sent any more, and it is in no room. Says whether this is news.
    pub(crate) fn close(&self) -> bool {
        self.last_rooms.set(self.rooms().into()).ok();
        // Sequentially consistent with `is_closed`: whoever still finds it open has begun before its rooms were given
        // up.
        if self.closed.swap(true, Ordering::SeqCst) {
            return false;
        }
        self.namespace.forget(self);
        self.left.notify_waiters();
        self.shut_outbox();
        true
    }

    /// Resolves once the client is gone.
    pub(crate) async fn gone(&self) {
        loop {
            let left = self.left.notified();
            if self.is_closed() {
                return;
            }
            left.await;
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

    /// Joins rooms: all of them, or none.
    pub(crate) fn join(self: &Arc<Self>, rooms: &[String]) -> Result<(), JoinError> {
        let most = self.namespace.settings.limits.room_name_bytes;
        if rooms.iter().any(|room| room.len() > most) {
            reached::room_name_bytes(self.namespace.path());
            return Err(JoinError::NameTooLong { most });
        }
        let most = self.namespace.caps.rooms_per_socket;
        let mut observed = Observed::of(self);
        let joined = self.namespace.hub().join(&self.link, rooms, most, |room| observed.note(room));
        joined.map_err(|why| match why {
            NotJoined::Gone => JoinError::Disconnected,
            NotJoined::TooMany => {
                reached::rooms_per_socket(self.namespace.path());
                JoinError::TooManyRooms { most }
            }
        })?;
        self.tell_joined(&observed.rooms);
        Ok(())
    }

    /// Joins the room of its user, unless that has as many sockets as it may have.
    pub(crate) fn join_user(&self, user: &str) -> Result<(), NotJoined> {
        let most = self.namespace.caps.sockets_per_user;
        self.namespace.hub().join_up_to(&self.link, &room_names::of_user(user), most)
    }

    pub(crate) fn leave(self: &Arc<Self>, rooms: Names) {
        let mut observed = Observed::of(self);
        self.namespace.hub().leave(&self.link, rooms, |room| observed.note(room));
        self.tell_left(&observed.rooms);
    }

    /// The rooms it is in; those it was in, once it is gone.
    pub(crate) fn rooms(&self) -> Vec<String> {
        match self.last_rooms.get() {
            Some(rooms) => rooms.to_vec(),
            None => {
                let rooms = self.namespace.hub().rooms_of(self.id());
                rooms.into_iter().filter_map(room_names::shown).collect()
            }
        }
    }

    /// Ends the connection to this namespace, after what was sent before; nothing more is sent.
    pub(crate) fn disconnect(self: &Arc<Self>) {
        // Not while something is being sent, so that nothing follows the good-bye.
        if self.outbox.hold(|| self.ending.swap(true, Ordering::SeqCst)) {
            return;
        }
        self.stand_apart();
        if !self.outbox.is_overflowing() {
            self.say_good_bye();
            return;
        }
        let connection = Arc::clone(self);
        let patience = self.emit_timeout();
        tokio::spawn(async move {
            connection.outbox_drained(patience).await.ok();
            connection.say_good_bye();
        });
    }

    /// Whether it takes anything more to send.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// Ends the connection to this namespace, and the client's whole connection where socketioxide
    /// cannot even queue its good-bye.
    fn say_good_bye(&self) {
        if self.namespace.hub().disconnect(&self.link) == Err(Refused::Full) {
            self.cut_line();
        }
    }

    /// Disconnects a client that does not read; counted once, however many emits notice.
    pub(crate) fn give_up(&self) {
        // A client that is gone may have come back on the same line.
        if self.is_closed() || self.too_slow.swap(true, Ordering::Relaxed) {
            return;
        }
        self.namespace().count_slow_client(self.user());
        self.outbox.hold(|| self.ending.store(true, Ordering::SeqCst));
        self.stand_apart();
        self.cut_line();
        self.say_good_bye();
    }

    /// Ends the client's whole session, at once.
    pub(crate) fn cut_line(&self) {
        self.link.cut();
    }

    /// Waits until the client has been handed what it was sent.
    pub(crate) async fn deliver_all(&self) {
        self.outbox_drained(self.emit_timeout()).await.ok();
    }

    /// How long an emit or an answer waits for room.
    pub(crate) fn emit_timeout(&self) -> Duration {
        self.namespace.settings.emit_timeout
    }
}

/// The rooms that a client joins or leaves, as far as somebody is to be told.
struct Observed {
    is_wanted: bool,
    rooms: Vec<String>,
}

impl Observed {
    fn of(connection: &Connection) -> Self {
        Self { is_wanted: connection.is_observed(), rooms: Vec::new() }
    }

    fn note(&mut self, room: &str) {
        if self.is_wanted {
            self.rooms.extend(room_names::shown_of(room).map(str::to_owned));
        }
    }
}

/// The end of a session that has none.
const NEVER: u64 = u64::MAX;

fn end_of(session: &Session) -> u64 {
    let Some(ends) = session.expires_at() else { return NEVER };
    let since_1970 = ends.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_micros()).unwrap_or(NEVER)
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Also runs for a client that was admitted but never came in.
        self.namespace.forget(self);
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
