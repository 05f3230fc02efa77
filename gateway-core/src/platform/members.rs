//! Who is here, and in which room.
//!
//! Socketioxide keeps rooms too, by ids alone. Ours know each member's [`Link`], so that a send to a
//! room can make sure that every member has a place for it before it is handed over in one go.

mod reached;
mod room;

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use foldhash::fast::RandomState;
use smallvec::SmallVec;
use socketioxide_core::Sid;

use self::reached::Source;
pub(super) use self::{
    reached::{Except, Reached},
    room::{Membership, Place, Room, SHARD},
};
use super::{Link, SocketId};
use crate::wire::room_names;

type Map<K, V> = HashMap<K, V, RandomState>;

/// Names of rooms; one, nearly always.
pub(crate) type Names = SmallVec<[String; 1]>;

/// The sockets in any of `rooms`, or in the whole namespace, and in none of `except`; a socket's id is
/// the name of a room with that socket alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    /// `None` before any were asked for: everyone. No rooms at all are nobody.
    pub(crate) rooms: Option<Names>,
    pub(crate) except: Names,
}

impl Group {
    /// Those in these rooms, too.
    pub(crate) fn add(&mut self, rooms: Names) {
        match &mut self.rooms {
            Some(asked) => asked.extend(rooms),
            None => self.rooms = Some(rooms),
        }
    }
}

#[derive(Default)]
pub(super) struct Members {
    everyone: Map<SocketId, Member>,
    rooms: Map<Arc<str>, Room>,
    /// Of those here, how many are not yet in socketioxide's table.
    unopened: usize,
    /// How many are in socketioxide's table, including those that are no longer here.
    ///
    /// It may be negative for a moment: if a client leaves while it comes in, its leaving may be reported first.
    tabled: isize,
    /// How often somebody has joined a room.
    joins: u64,
}

struct Member {
    link: Arc<Link>,
    places: SmallVec<[Place; 1]>,
}

impl Members {
    /// Takes a socket in, in no room. Returns whether there was one under its id, which is then in no room any more, either.
    pub(super) fn enter(&mut self, link: Arc<Link>) -> bool {
        let id = link.id;
        self.unopened += usize::from(!link.is_open());
        let before = self.everyone.insert(id, Member { link, places: SmallVec::new() });
        let was_here = before.is_some();
        self.clear_out(id, before);
        was_here
    }

    /// Takes a socket out, and not one that has come since under the same id: a client that leaves
    /// the namespace and comes back on the same line keeps its id. Says whether it was here.
    pub(super) fn remove(&mut self, link: &Link) -> bool {
        if !self.is_here(link) {
            return false;
        }
        let member = self.everyone.remove(&link.id);
        self.clear_out(link.id, member);
        true
    }

    fn clear_out(&mut self, id: SocketId, member: Option<Member>) {
        let Some(member) = member else { return };
        self.unopened -= usize::from(!member.link.is_open());
        for place in &member.places {
            self.take_out(place, id);
        }
    }

    /// Socketioxide has it in its table now: its places, all at once, where it is here.
    pub(super) fn open(&mut self, link: &Link) -> &[Place] {
        let Some(member) = self.everyone.get(&link.id) else { return &[] };
        if !std::ptr::eq(&*member.link, link) || link.is_open() {
            return &[];
        }
        self.unopened -= 1;
        link.set_open();
        &member.places
    }

    /// One more is in socketioxide's table, or one less.
    pub(super) fn tabled(&mut self, change: isize) {
        self.tabled += change;
    }

    /// Whether socketioxide's table has those who are here, and nobody else.
    pub(super) fn is_table(&self) -> bool {
        self.unopened == 0 && self.tabled == self.everyone.len() as isize
    }

    /// Whether somebody is here under this id.
    pub(super) fn has(&self, id: SocketId) -> bool {
        self.everyone.contains_key(&id)
    }

    /// Whether it is this very socket that is here under its id.
    pub(super) fn is_here(&self, link: &Link) -> bool {
        self.everyone.get(&link.id).is_some_and(|member| std::ptr::eq(&*member.link, link))
    }

    /// Whether a socket may be in these rooms, too, where it may be in so many, the one of its user not
    /// counted.
    pub(super) fn has_place(&self, id: SocketId, rooms: &[String], most: usize) -> bool {
        let places = self.everyone.get(&id).map_or(&[][..], |member| &member.places);
        if rooms.len() <= most.saturating_sub(places.len()) {
            return true;
        }
        // Only so near the limit it is counted which are new, and each once.
        let is_in = |room: &String| self.rooms.get(&**room).is_some_and(|room| room.contains(id));
        let new: HashSet<&String> = rooms.iter().filter(|room| !is_in(room)).collect();
        let before = places.iter().filter(|place| !room_names::is_of_user(&place.room)).count();
        new.len() <= most.saturating_sub(before)
    }

    /// Says where in the room it is now, if it was not there.
    pub(super) fn join(&mut self, id: SocketId, room: &str) -> Option<Place> {
        let member = self.everyone.get_mut(&id)?;
        // Not by its places, of which there may be many.
        if self.rooms.get(room).is_some_and(|room| room.contains(id)) {
            return None;
        }
        self.joins += 1;
        let membership = Membership { link: Arc::clone(&member.link), since: self.joins };
        let name = match self.rooms.get_key_value(room) {
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(room),
        };
        let shard = match self.rooms.entry(Arc::clone(&name)) {
            Entry::Occupied(mut room) => room.get_mut().insert(membership),
            Entry::Vacant(room) => {
                room.insert(Room::One(membership));
                0
            }
        };
        let place = Place { room: name, shard };
        member.places.push(place.clone());
        Some(place)
    }

    /// Says where in the room it was.
    pub(super) fn leave(&mut self, id: SocketId, room: &str) -> Option<Place> {
        let places = &mut self.everyone.get_mut(&id)?.places;
        let at = places.iter().position(|place| &*place.room == room)?;
        let place = places.swap_remove(at);
        self.take_out(&place, id);
        Some(place)
    }

    fn take_out(&mut self, place: &Place, id: SocketId) {
        let room = self.rooms.get_mut(&place.room);
        if room.is_some_and(|room| room.is_empty_without(id, place.shard)) {
            self.rooms.remove(&place.room);
        }
    }

    pub(super) fn rooms_of(&self, id: SocketId) -> impl Iterator<Item = &str> {
        self.everyone
            .get(&id)
            .into_iter()
            .flat_map(|member| &member.places)
            .map(|place| &*place.room)
    }

    pub(super) fn rooms(&self) -> impl Iterator<Item = &str> {
        self.rooms.keys().map(|room| &**room)
    }

    /// Each socket of the group, once.
    pub(super) fn of(&self, group: &Group) -> Reached<'_> {
        let except = self.except(group);
        let from = match group.rooms.as_deref() {
            None => Source::Everyone(&self.everyone),
            Some([]) => Source::Nobody,
            Some([room]) if self.named(room).is_none() => {
                self.rooms.get(&**room).map_or(Source::Nobody, Source::Room)
            }
            Some(rooms) => {
                let mut seen: HashSet<SocketId, RandomState> = HashSet::default();
                let links = rooms
                    .iter()
                    .flat_map(|room| self.named(room).into_iter().chain(self.in_room(room)));
                Source::Listed(links.filter(|link| seen.insert(link.id)).collect())
            }
        };
        Reached { from, except }
    }

    pub(super) fn except(&self, group: &Group) -> Except<'_> {
        Except {
            sockets: group.except.iter().filter_map(|room| Some(self.named(room)?.id)).collect(),
            rooms: group.except.iter().filter_map(|room| self.rooms.get(&**room)).collect(),
        }
    }

    /// Whether a group still reaches a socket that it reached.
    pub(super) fn reaches(&self, group: &Group, link: &Link) -> bool {
        let Some(member) = self.everyone.get(&link.id) else { return false };
        let is_in = |room: &String| {
            member.places.iter().any(|place| *place.room == **room)
                || socket_named(room).is_some_and(|sid| SocketId(sid) == link.id)
        };
        std::ptr::eq(&*member.link, link)
            && group.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(is_in))
            && !group.except.iter().any(is_in)
    }

    fn in_room(&self, room: &str) -> impl Iterator<Item = &Arc<Link>> {
        let links = self.rooms.get(room).into_iter().flat_map(Room::iter);
        links.map(|membership| &membership.link)
    }

    pub(super) fn room(&self, room: &str) -> Option<&Room> {
        self.rooms.get(room)
    }

    /// How often somebody has joined a room so far.
    pub(super) fn joins(&self) -> u64 {
        self.joins
    }

    /// The socket whose id this is.
    pub(super) fn named(&self, room: &str) -> Option<&Arc<Link>> {
        let member = self.everyone.get(&SocketId(socket_named(room)?))?;
        Some(&member.link)
    }
}

/// The socket a room is named after. Ids have 16 characters, so ordinary names are told by length.
fn socket_named(room: &str) -> Option<Sid> {
    if room.len() == 16 { room.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
