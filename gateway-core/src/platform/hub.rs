//! The sockets and rooms of one namespace.

mod frame;
mod group;
mod mirror;

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic::Ordering},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use socketioxide::{AckError, adapter::Emitter};
use socketioxide_core::adapter::{
    BroadcastOptions, CoreLocalAdapter, SocketEmitter, errors::SocketError,
};

use self::mirror::{APART, mirrored};
pub(crate) use self::{
    frame::{EncodeError, Frame},
    group::{Sending, Sent},
};
use super::{
    Link, Packet, SocketId,
    members::{Group, Members, Names, Room},
};

/// Why a socket did not take a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no room for it at the moment.
    Full,
    /// It is gone.
    Gone,
}

/// Why a socket is in none of the rooms it was to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotJoined {
    /// It is gone.
    Gone,
    /// There would be too many: rooms of the socket, or members of the room.
    TooMany,
}

/// The acknowledgement of one socket.
pub(crate) enum Answer {
    Here(Packet),
    OnItsWay(Pin<Box<<Emitter as SocketEmitter>::AckStream>>),
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").finish_non_exhaustive()
    }
}

impl Answer {
    /// `None` if none can come any more.
    pub(crate) async fn packet(self) -> Option<Packet> {
        match self {
            Self::Here(packet) => Some(packet),
            Self::OnItsWay(mut answers) => {
                let (_, answer) = answers.next().await?;
                answer.ok().map(Packet::from)
            }
        }
    }
}

pub(crate) struct Hub {
    local: CoreLocalAdapter<Emitter>,
    members: RwLock<Members>,
    /// Held while something is sent to a group: exclusively by sends that take more than one turn, and shared by the others.
    /// It is fair, so nobody is sent the later of two before the earlier.
    turns: Arc<tokio::sync::RwLock<()>>,
}

impl Hub {
    pub(super) fn new(local: CoreLocalAdapter<Emitter>) -> Self {
        Self { local, members: RwLock::default(), turns: Arc::default() }
    }

    pub(super) fn local(&self) -> &CoreLocalAdapter<Emitter> {
        &self.local
    }

    /// Passes a frame to one socket, which must be open and have claimed a place for it. Never waits.
    pub(crate) fn send(&self, to: SocketId, frame: Frame) -> Result<(), Refused> {
        match self.local.broadcast(frame.0, BroadcastOptions::new(to.0)) {
            Ok(()) => Ok(()),
            Err(errors) => Err(errors.first().map_or(Refused::Gone, Refused::from)),
        }
    }

    /// As [`send`](Self::send), for an event that asks for an acknowledgement.
    pub(crate) fn send_with_ack(&self, to: &Link, frame: Frame) -> Result<Answer, Refused> {
        // How long to wait is the caller's business, and an answer nobody waits for is forgotten.
        let (answers, _) = self.local.broadcast_with_ack(
            frame.0,
            BroadcastOptions::new(to.id.0),
            Some(Duration::MAX),
        );
        let mut answers = Box::pin(answers);
        // If socketioxide could not even send the event, it says so in the answer. Unconstrained, because a task that has
        // used up its turn would see no answer at all.
        match tokio::task::unconstrained(answers.next()).now_or_never() {
            None => Ok(Answer::OnItsWay(answers)),
            Some(Some((_, Ok(value)))) => Ok(Answer::Here(Packet::from(value))),
            Some(Some((_, Err(AckError::Socket(error))))) => Err(Refused::from(&error)),
            Some(_) => Err(Refused::Gone),
        }
    }

    pub(crate) fn enter(&self, link: &Arc<Link>) {
        let mut members = self.members_mut();
        if members.enter(Arc::clone(link)) {
            self.local.del_all(link.id.0);
        }
    }

    /// Socketioxide has a socket in its table: from now on it can be sent to. It may be one that
    /// `returns`.
    pub(super) fn open(&self, link: &Link, returns: bool) {
        let mut members = self.members_mut();
        if returns {
            self.local.del(link.id.0, [APART]);
        }
        let places = mirrored(members.open(link).iter().cloned());
        if !places.is_empty() {
            self.local.add_all(link.id.0, places);
        }
    }

    /// Socketioxide has put a socket into its table, or taken one out.
    pub(super) fn tabled(&self, change: isize) {
        self.members_mut().tabled(change);
    }

    /// A socket that is gone stays in socketioxide's table, where nothing is sent to it.
    pub(super) fn leave_unheard(&self, id: SocketId) {
        let members = self.members_mut();
        // Who has come back meanwhile is sent to.
        if !members.has(id) {
            self.local.add_all(id.0, [APART]);
        }
    }

    /// Takes a socket out of the namespace and its rooms.
    pub(crate) fn forget(&self, link: &Link) {
        if self.members_mut().remove(link) {
            self.local.del_all(link.id.0);
        }
    }

    /// Joins rooms, all or none of them, where the socket may be in so many. `joined` is told those in which it was not.
    pub(crate) fn join(
        &self,
        link: &Link,
        rooms: &[String],
        most: usize,
        joined: impl FnMut(&str),
    ) -> Result<(), NotJoined> {
        let may_join = |members: &Members| members.has_place(link.id, rooms, most);
        self.join_if(link, rooms, may_join, joined)
    }

    /// Joins a room that may have so many members.
    pub(crate) fn join_up_to(&self, link: &Link, room: &str, most: usize) -> Result<(), NotJoined> {
        let is_free = |members: &Members| members.room(room).map_or(0, Room::len) < most;
        self.join_if(link, &[room.to_owned()], is_free, |_| {})
    }

    /// Unless the socket is gone: socketioxide would keep the rooms for one it has forgotten.
    fn join_if(
        &self,
        link: &Link,
        rooms: &[String],
        may_join: impl FnOnce(&Members) -> bool,
        mut joined: impl FnMut(&str),
    ) -> Result<(), NotJoined> {
        let mut members = self.members_mut();
        if !members.is_here(link) {
            return Err(NotJoined::Gone);
        }
        if !may_join(&members) {
            return Err(NotJoined::TooMany);
        }
        let places =
            rooms.iter().filter_map(|room| members.join(link.id, room)).collect::<Vec<_>>();
        places.iter().for_each(|place| joined(&place.room));
        // Of one that is not open yet, socketioxide learns when it is.
        if link.is_open() {
            let places = mirrored(places.into_iter());
            if !places.is_empty() {
                self.local.add_all(link.id.0, places);
            }
        }
        Ok(())
    }

    /// `left` is told the rooms in which it was.
    pub(crate) fn leave(&self, link: &Link, rooms: Names, mut left: impl FnMut(&str)) {
        let mut members = self.members_mut();
        if members.is_here(link) {
            let places = rooms.iter().filter_map(|room| members.leave(link.id, room));
            let places = places.inspect(|place| left(&place.room));
            self.local.del(link.id.0, mirrored(places));
        }
    }

    pub(crate) fn rooms_of(&self, id: SocketId) -> Vec<String> {
        self.members().rooms_of(id).map(str::to_owned).collect()
    }

    /// The rooms that have a member.
    pub(crate) fn rooms(&self) -> Vec<String> {
        self.members().rooms().map(str::to_owned).collect()
    }

    /// The sockets a group reaches.
    pub(crate) fn reached(&self, group: &Group) -> Vec<SocketId> {
        self.members().of(group).ids()
    }

    /// Whether a group reaches any sockets, but for those that it leaves out.
    pub(crate) fn may_reach(&self, group: &Group) -> bool {
        self.members().of(group).len() > 0
    }

    /// Takes a socket out of group sends, or lets it take part again.
    pub(crate) fn set_apart(&self, link: &Link, apart: bool) {
        // With the table locked nobody sends.
        let members = self.members_mut();
        link.apart.store(apart, Ordering::Relaxed);
        // One that is gone must not take out the client that came back under its id.
        match (members.is_here(link), apart) {
            (false, _) => {}
            (true, true) => self.local.add_all(link.id.0, [APART]),
            (true, false) => self.local.del(link.id.0, [APART]),
        }
    }

    fn members(&self) -> RwLockReadGuard<'_, Members> {
        self.members.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn members_mut(&self) -> RwLockWriteGuard<'_, Members> {
        self.members.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends one socket's connection to the namespace, and not that of a client that has come since under its id.
    ///
    /// # Errors
    /// If the queue is full: socketioxide must first queue its good-bye, and otherwise does nothing at all.
    pub(crate) fn disconnect(&self, link: &Link) -> Result<(), Refused> {
        if !self.members().is_here(link) {
            return Err(Refused::Gone);
        }
        link.send_away(|| self.local.disconnect_socket(BroadcastOptions::new(link.id.0)))
            .map_err(|errors| errors.first().map_or(Refused::Gone, Refused::from))
    }
}

impl From<&SocketError> for Refused {
    fn from(error: &SocketError) -> Self {
        match error {
            SocketError::InternalChannelFull => Self::Full,
            SocketError::Closed => Self::Gone,
        }
    }
}
