//! Who is here, and in which room.
//!
//! The base keeps rooms too, by ids alone. Ours know each member's [`Link`], so that a send to a
//! room can make sure that every member has a place for it before it is handed over in one go.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use foldhash::fast::RandomState;
use smallvec::SmallVec;
use socketioxide_core::Sid;

use super::{Link, SocketId};

type Map<K, V> = HashMap<K, V, RandomState>;
type Links = Map<SocketId, Arc<Link>>;

/// Names of rooms; one, nearly always.
pub(crate) type Names = SmallVec<[String; 1]>;

/// The sockets in any of `rooms` (in the namespace, when there are none) and in none of `except`; a
/// socket's id is the name of a room with that socket alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) rooms: Names,
    pub(crate) except: Names,
}

#[derive(Default)]
pub(super) struct Members {
    everyone: Map<SocketId, Member>,
    rooms: Map<Arc<str>, Links>,
}

struct Member {
    link: Arc<Link>,
    rooms: SmallVec<[Arc<str>; 1]>,
}

impl Members {
    pub(super) fn enter(&mut self, link: Arc<Link>) {
        self.everyone.insert(link.id, Member { link, rooms: SmallVec::new() });
    }

    /// Takes a socket out, and not one that has come since under the same id: a client that leaves
    /// the namespace and comes back on the same line keeps its id. Says whether it was here.
    pub(super) fn remove(&mut self, link: &Link) -> bool {
        if !self.is_here(link) {
            return false;
        }
        let member = self.everyone.remove(&link.id);
        for room in member.into_iter().flat_map(|member| member.rooms) {
            self.take_out(&room, link.id);
        }
        true
    }

    /// Whether it is this very socket that is here under its id.
    pub(super) fn is_here(&self, link: &Link) -> bool {
        self.everyone.get(&link.id).is_some_and(|member| std::ptr::eq(&*member.link, link))
    }

    pub(super) fn join(&mut self, id: SocketId, room: &str) {
        let Some(member) = self.everyone.get_mut(&id) else { return };
        let name = match self.rooms.get_key_value(room) {
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(room),
        };
        let links = self.rooms.entry(Arc::clone(&name)).or_default();
        if links.insert(id, Arc::clone(&member.link)).is_none() {
            member.rooms.push(name);
        }
    }

    pub(super) fn leave(&mut self, id: SocketId, room: &str) {
        if let Some(member) = self.everyone.get_mut(&id) {
            member.rooms.retain(|name| &**name != room);
        }
        self.take_out(room, id);
    }

    fn take_out(&mut self, room: &str, id: SocketId) {
        let Some(links) = self.rooms.get_mut(room) else { return };
        links.remove(&id);
        if links.is_empty() {
            self.rooms.remove(room);
        }
    }

    pub(super) fn rooms_of(&self, id: SocketId) -> impl Iterator<Item = &str> {
        self.everyone.get(&id).into_iter().flat_map(|member| &member.rooms).map(|room| &**room)
    }

    pub(super) fn rooms(&self) -> impl Iterator<Item = &str> {
        self.rooms.keys().map(|room| &**room)
    }

    /// Each socket of the group, once.
    pub(super) fn of(&self, group: &Group) -> Reached<'_> {
        let mut seen: HashSet<SocketId, RandomState> = HashSet::default();
        for room in &group.except {
            seen.extend(self.named(room).map(|link| link.id));
            seen.extend(self.in_room(room).map(|link| link.id));
        }
        let everyone = || self.everyone.values().map(|member| &member.link);
        Reached::Listed(match group.rooms.as_slice() {
            [] if seen.is_empty() => everyone().collect(),
            [] => everyone().filter(|link| !seen.contains(&link.id)).collect(),
            [room] if seen.is_empty() && socket_named(room).is_none() => {
                return self.rooms.get(&**room).map_or(Reached::Nobody, Reached::Room);
            }
            rooms => rooms
                .iter()
                .flat_map(|room| self.named(room).into_iter().chain(self.in_room(room)))
                .filter(|link| seen.insert(link.id))
                .collect(),
        })
    }

    fn in_room(&self, room: &str) -> impl Iterator<Item = &Arc<Link>> {
        self.rooms.get(room).into_iter().flat_map(Map::values)
    }

    /// The socket whose id this is.
    pub(super) fn named(&self, room: &str) -> Option<&Arc<Link>> {
        let member = self.everyone.get(&SocketId(socket_named(room)?))?;
        Some(&member.link)
    }
}

/// The sockets of a group.
pub(super) enum Reached<'a> {
    Nobody,
    /// One room, and nothing to leave out: by far the most frequent.
    Room(&'a Links),
    Listed(Vec<&'a Arc<Link>>),
}

impl Reached<'_> {
    /// Whether all of them are so; asks no further after the first that is not.
    pub(super) fn all(&self, mut so: impl FnMut(&Link) -> bool) -> bool {
        match self {
            Self::Nobody => true,
            Self::Room(links) => links.values().all(|link| so(link)),
            Self::Listed(links) => links.iter().all(|link| so(link)),
        }
    }

    pub(super) fn ids(&self) -> Vec<SocketId> {
        match self {
            Self::Nobody => Vec::new(),
            Self::Room(links) => links.keys().copied().collect(),
            Self::Listed(links) => links.iter().map(|link| link.id).collect(),
        }
    }
}

/// The socket a room is named after. Ids have 16 characters, so ordinary names are told by length.
fn socket_named(room: &str) -> Option<Sid> {
    if room.len() == 16 { room.parse().ok() } else { None }
}
