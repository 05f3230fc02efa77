//! [`Observer`]: is told of what goes on, and changes nothing. The one place for recorders, admin tools and tracing.

use std::{
    cell::Cell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{
    log_limiter::LogLimiter,
    platform::{DisconnectReason, Frame, Group},
    socket::{connection::Connection, handle::Socket, namespace::Namespace},
    wire::{EncodedArguments, room_names},
};

/// Is told of everything that goes on between the application and its clients, in all namespaces: who comes and goes,
/// joins and leaves rooms, and every event in both directions (socket.io: `onAny`, `onAnyOutgoing`, and the adapter's
/// `join-room` and `leave-room`). [`AppBuilder::observe`](crate::AppBuilder::observe) adds it. Whatever a method is not
/// written for is ignored.
///
/// It can change nothing, and nothing is sent or handled before it returns: it is called where the thing happens, on the
/// way of the message. So it should count, or pass on what it needs, and must not block. A panic is logged, and has no
/// other effect. What an observer itself causes before it returns is told to no observer.
///
/// An application with many processes has observers in each of them, which are told of its clients, and of what it sends;
/// not of what others send to its clients.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
/// use gateway_core::{DisconnectReason, EncodedArguments, Observer, Socket, Target, prelude::*};
///
/// /// Knows how many clients there are, and logs who is told what.
/// #[derive(Default)]
/// struct Traffic {
///     clients: AtomicUsize,
/// }
///
/// impl Observer for Traffic {
///     fn connected(&self, _: &Socket) {
///         self.clients.fetch_add(1, Ordering::Relaxed);
///     }
///
///     fn disconnected(&self, _: &Socket, _: DisconnectReason) {
///         self.clients.fetch_sub(1, Ordering::Relaxed);
///     }
///
///     fn sent(&self, target: &Target<'_>, event: &str, arguments: &EncodedArguments<'_>) {
///         tracing::trace!(?target, event, bytes = arguments.size());
///     }
/// }
///
/// let traffic = Arc::new(Traffic::default());
/// let builder = App::builder().observe(Arc::clone(&traffic));
/// # drop(builder);
/// ```
#[allow(unused_variables, reason = "the names are for those who implement it")]
pub trait Observer: Send + Sync + 'static {
    /// A client has been let in, before its `on_connection`.
    fn connected(&self, socket: &Socket) {}

    /// A client has gone, before its `on_disconnect`. It has been in its rooms until now.
    fn disconnected(&self, socket: &Socket, reason: DisconnectReason) {}

    /// A client has joined a room in which it was not.
    fn joined(&self, socket: &Socket, room: &str) {}

    /// A client has left a room, also because it is gone; [`disconnected`](Self::disconnected) follows then.
    fn left(&self, socket: &Socket, room: &str) {}

    /// A client has sent an event, whether anything handles it or not, before guards and handlers see it. Also one that
    /// is refused because the client sends too many; not one whose name is too long
    /// ([`Limits::event_name_bytes`](crate::Limits::event_name_bytes)). Of the event that renews a session, the arguments
    /// are left out: they are a credential.
    fn received(&self, socket: &Socket, event: &str, arguments: &EncodedArguments<'_>) {}

    /// An event of the client is about to be acknowledged, with the handler's reply or with an error.
    fn answered(&self, socket: &Socket, event: &str, arguments: &EncodedArguments<'_>) {}

    /// An event is about to be sent: by an emit, as a reply, or as an error. Whether it arrives, only an acknowledgement
    /// shows.
    fn sent(&self, target: &Target<'_>, event: &str, arguments: &EncodedArguments<'_>) {}
}

impl<T: Observer + ?Sized> Observer for Arc<T> {
    fn connected(&self, socket: &Socket) {
        T::connected(self, socket);
    }

    fn disconnected(&self, socket: &Socket, reason: DisconnectReason) {
        T::disconnected(self, socket, reason);
    }

    fn joined(&self, socket: &Socket, room: &str) {
        T::joined(self, socket, room);
    }

    fn left(&self, socket: &Socket, room: &str) {
        T::left(self, socket, room);
    }

    fn received(&self, socket: &Socket, event: &str, arguments: &EncodedArguments<'_>) {
        T::received(self, socket, event, arguments);
    }

    fn answered(&self, socket: &Socket, event: &str, arguments: &EncodedArguments<'_>) {
        T::answered(self, socket, event, arguments);
    }

    fn sent(&self, target: &Target<'_>, event: &str, arguments: &EncodedArguments<'_>) {
        T::sent(self, target, event, arguments);
    }
}

/// Whom something is sent to, as it was said: one client, or everybody, or rooms and users, with exceptions. Who that is,
/// is not looked up for it.
///
/// ```
/// use gateway_core::Target;
///
/// fn describe(target: &Target<'_>) -> String {
///     if target.socket().is_some() {
///         return "one client".to_owned();
///     }
///     if target.is_everyone() {
///         return format!("everyone in {}", target.namespace());
///     }
///     let (rooms, users): (Vec<_>, Vec<_>) = (target.rooms().collect(), target.users().collect());
///     format!("the rooms {rooms:?} and the users {users:?}")
/// }
/// # let _ = describe;
/// ```
#[derive(Clone, Copy)]
pub struct Target<'a> {
    namespace: &'a str,
    whom: Whom<'a>,
}

#[derive(Clone, Copy)]
enum Whom<'a> {
    Socket(&'a Socket),
    Group { group: &'a Group, is_local: bool },
}

impl<'a> Target<'a> {
    fn group(&self) -> Option<&'a Group> {
        match self.whom {
            Whom::Socket(_) => None,
            Whom::Group { group, .. } => Some(group),
        }
    }

    /// The namespace's path.
    #[must_use]
    pub fn namespace(&self) -> &'a str {
        self.namespace
    }

    /// The client, if it is sent to one.
    #[must_use]
    pub fn socket(&self) -> Option<&'a Socket> {
        match self.whom {
            Whom::Socket(socket) => Some(socket),
            Whom::Group { .. } => None,
        }
    }

    /// Whether it is sent to the whole namespace, save the [exceptions](Self::except).
    #[must_use]
    pub fn is_everyone(&self) -> bool {
        self.group().is_some_and(|group| group.rooms.is_none())
    }

    /// The rooms whose members it is sent to.
    pub fn rooms(&self) -> impl Iterator<Item = &'a str> {
        self.names().filter_map(|room| room_names::shown_of(room))
    }

    /// The users who are sent it, on all their devices, by their ids.
    pub fn users(&self) -> impl Iterator<Item = &'a str> {
        self.names().filter_map(|room| room_names::user_of(room))
    }

    /// The rooms whose members are not sent it; a socket's id is the name of a room with that socket alone.
    pub fn except(&self) -> impl Iterator<Item = &'a str> {
        let except = self.group().into_iter().flat_map(|group| &group.except);
        except.filter_map(|room| room_names::shown_of(room))
    }

    /// Whether only clients of this process are sent it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self.whom, Whom::Socket(_) | Whom::Group { is_local: true, .. })
    }

    fn names(&self) -> impl Iterator<Item = &'a String> {
        self.group().and_then(|group| group.rooms.as_ref()).into_iter().flatten()
    }
}

impl fmt::Debug for Target<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut target = formatter.debug_struct("Target");
        target.field("namespace", &self.namespace);
        match self.whom {
            Whom::Socket(socket) => target.field("socket", socket).finish(),
            Whom::Group { is_local, .. } => target
                .field("everyone", &self.is_everyone())
                .field("rooms", &self.rooms().collect::<Vec<_>>())
                .field("users", &self.users().collect::<Vec<_>>())
                .field("except", &self.except().collect::<Vec<_>>())
                .field("local", &is_local)
                .finish(),
        }
    }
}

/// Those of the application. Nobody, mostly: then, all of this is a comparison with null.
#[derive(Clone, Default)]
pub(crate) struct Observers(Option<Arc<[Arc<dyn Observer>]>>);

impl Observers {
    pub(crate) fn add(&mut self, observer: Arc<dyn Observer>) {
        let before = self.0.iter().flat_map(|observers| observers.iter().cloned());
        self.0 = Some(before.chain([observer]).collect());
    }

    #[inline]
    pub(crate) fn are_there(&self) -> bool {
        self.0.is_some()
    }

    /// Tells each of them, in the order in which they were added.
    fn tell(&self, tell: impl Fn(&dyn Observer)) {
        let Some(observers) = &self.0 else { return };
        let Some(_telling) = Telling::begin() else { return };
        for observer in observers.iter() {
            if catch_unwind(AssertUnwindSafe(|| tell(&**observer))).is_err() {
                log_panic();
            }
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.as_ref().map_or(0, |observers| observers.len());
        formatter.debug_tuple("Observers").field(&count).finish()
    }
}

/// While observers are told something on this thread: what they do themselves would otherwise go on for ever.
struct Telling;

thread_local! {
    static IS_TELLING: Cell<bool> = const { Cell::new(false) };
}

impl Telling {
    fn begin() -> Option<Self> {
        (!IS_TELLING.replace(true)).then_some(Self)
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        IS_TELLING.set(false);
    }
}

fn log_panic() {
    static LINES: LogLimiter = LogLimiter::of(10);
    if let Some(times) = LINES.count() {
        tracing::error!(times, "an observer panicked");
    }
}

/// What is told of one client.
impl Connection {
    fn observers(&self) -> &Observers {
        &self.namespace().settings.observers
    }

    #[inline]
    pub(crate) fn is_observed(&self) -> bool {
        self.observers().are_there()
    }

    fn tell(self: &Arc<Self>, tell: impl Fn(&dyn Observer, &Socket)) {
        let socket = Socket::new(Arc::clone(self));
        self.observers().tell(|observer| tell(observer, &socket));
    }

    pub(crate) fn tell_connected(self: &Arc<Self>) {
        if self.is_observed() {
            self.tell(|observer, socket| observer.connected(socket));
        }
    }

    /// It is in no room any more, either.
    pub(crate) fn tell_disconnected(self: &Arc<Self>, reason: DisconnectReason) {
        if self.is_observed() {
            self.tell_left(&self.rooms());
            self.tell(|observer, socket| observer.disconnected(socket, reason));
        }
    }

    pub(super) fn tell_joined(self: &Arc<Self>, rooms: &[String]) {
        for room in rooms {
            self.tell(|observer, socket| observer.joined(socket, room));
        }
    }

    pub(super) fn tell_left(self: &Arc<Self>, rooms: &[String]) {
        for room in rooms {
            self.tell(|observer, socket| observer.left(socket, room));
        }
    }

    pub(crate) fn tell_received(self: &Arc<Self>, event: &str, arguments: &EncodedArguments<'_>) {
        self.tell(|observer, socket| observer.received(socket, event, arguments));
    }

    /// It is about to be sent this: an event, or the acknowledgement of its own event `answered`.
    #[inline]
    pub(crate) fn tell_sent(self: &Arc<Self>, frame: &Frame, answered: &str) {
        if self.is_observed() {
            self.tell_frame(frame, answered);
        }
    }

    fn tell_frame(self: &Arc<Self>, frame: &Frame, answered: &str) {
        let packet = frame.packet();
        if frame.is_acknowledgement() {
            let arguments =
                EncodedArguments::of_acknowledgement(packet.text(), packet.attachments());
            self.tell(|observer, socket| observer.answered(socket, answered, &arguments));
            return;
        }
        let arguments = EncodedArguments::of_event(packet.text(), packet.attachments());
        let event = arguments.event();
        let namespace = self.namespace().path();
        self.tell(|observer, socket| {
            observer.sent(&Target { namespace, whom: Whom::Socket(socket) }, &event, &arguments);
        });
    }
}

impl Namespace {
    /// A group is about to be sent an event.
    #[inline]
    pub(super) fn tell_sent(&self, frame: &Frame, event: &str, group: &Group, is_local: bool) {
        if self.settings.observers.are_there() {
            self.tell_frame(frame, event, group, is_local);
        }
    }

    fn tell_frame(&self, frame: &Frame, event: &str, group: &Group, is_local: bool) {
        let packet = frame.packet();
        let arguments = EncodedArguments::of_event(packet.text(), packet.attachments());
        let target = Target { namespace: self.path(), whom: Whom::Group { group, is_local } };
        self.settings.observers.tell(|observer| observer.sent(&target, event, &arguments));
    }
}
