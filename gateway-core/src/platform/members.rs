//! Who is here, and in which room.
//!
//! The base keeps rooms too, by ids alone. Ours know each member's [`Link`], so that a send to a
//! room can make sure that every member has a place for it before it is handed over in one go.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use foldhash::fast::RandomState;
use smallvec::SmallVec;
use socketioxide_core::Sid;

use super::{Link, SocketId};

type Map<K, V> = HashMap<K, V, RandomState>;

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

/// The sockets of a room. That of a user has one, mostly, and every user has such a room.
pub(super) enum Links {
    One(Arc<Link>),
    Many(Box<Map<SocketId, Arc<Link>>>),
}

struct Member {
    link: Arc<Link>,
    rooms: SmallVec<[Arc<str>; 1]>,
}

impl Members {
    /// Takes a socket in, in no room. Says whether one was here under its id, which is in none any
    /// more, either.
    pub(super) fn enter(&mut self, link: Arc<Link>) -> bool {
        let id = link.id;
        let before = self.everyone.insert(id, Member { link, rooms: SmallVec::new() });
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
        for room in member.into_iter().flat_map(|member| member.rooms) {
            self.take_out(&room, id);
        }
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
        let added = match self.rooms.entry(Arc::clone(&name)) {
            Entry::Occupied(mut room) => room.get_mut().insert(&member.link),
            Entry::Vacant(room) => {
                room.insert(Links::One(Arc::clone(&member.link)));
                true
            }
        };
        if added {
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
        if self.rooms.get_mut(room).is_some_and(|links| links.is_empty_without(id)) {
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
        self.rooms.get(room).into_iter().flat_map(Links::iter)
    }

    /// The socket whose id this is.
    pub(super) fn named(&self, room: &str) -> Option<&Arc<Link>> {
        let member = self.everyone.get(&SocketId(socket_named(room)?))?;
        Some(&member.link)
    }
}

impl Links {
    /// Says whether it was not there.
    fn insert(&mut self, link: &Arc<Link>) -> bool {
        match self {
            Self::One(one) if one.id == link.id => false,
            Self::One(one) => {
                let both = [Arc::clone(one), Arc::clone(link)].map(|link| (link.id, link));
                *self = Self::Many(Box::new(both.into_iter().collect()));
                true
            }
            Self::Many(many) => many.insert(link.id, Arc::clone(link)).is_none(),
        }
    }

    /// Takes one out, and says whether nobody is left.
    fn is_empty_without(&mut self, id: SocketId) -> bool {
        match self {
            Self::One(one) => one.id == id,
            Self::Many(many) => {
                many.remove(&id);
                many.is_empty()
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<Link>> {
        let (one, many) = match self {
            Self::One(one) => (Some(one), None),
            Self::Many(many) => (None, Some(many)),
        };
        one.into_iter().chain(many.into_iter().flat_map(|many| many.values()))
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
            Self::Room(Links::One(link)) => so(link),
            Self::Room(Links::Many(links)) => links.values().all(|link| so(link)),
            Self::Listed(links) => links.iter().all(|link| so(link)),
        }
    }

    pub(super) fn ids(&self) -> Vec<SocketId> {
        match self {
            Self::Nobody => Vec::new(),
            Self::Room(links) => links.iter().map(|link| link.id).collect(),
            Self::Listed(links) => links.iter().map(|link| link.id).collect(),
        }
    }
}

/// The socket a room is named after. Ids have 16 characters, so ordinary names are told by length.
fn socket_named(room: &str) -> Option<Sid> {
    if room.len() == 16 { room.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    /// `a` and `b` in "lobby", `b` and `c` in "staff", `d` in no room.
    fn four() -> (Members, [SocketId; 4]) {
        let ids = [(); 4].map(|()| SocketId(Sid::new()));
        let mut members = Members::default();
        for id in ids {
            members.enter(Arc::new(Link::of_nobody(id)));
        }
        let [a, b, c, _] = ids;
        for (id, room) in [(a, "lobby"), (b, "lobby"), (b, "staff"), (c, "staff")] {
            members.join(id, room);
        }
        (members, ids)
    }

    fn reached(members: &Members, rooms: &[&str], except: &[&str]) -> HashSet<SocketId> {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let ids = members.of(&Group { rooms: names(rooms), except: names(except) }).ids();
        let set: HashSet<SocketId> = ids.iter().copied().collect();
        assert_eq!(set.len(), ids.len(), "each once");
        set
    }

    #[test]
    fn a_group_is_any_of_its_rooms_and_none_of_the_excepted() {
        let (members, [a, b, c, d]) = four();
        assert_eq!(reached(&members, &[], &[]), [a, b, c, d].into());
        assert_eq!(reached(&members, &["lobby"], &[]), [a, b].into());
        assert_eq!(reached(&members, &["lobby", "staff"], &[]), [a, b, c].into());
        assert_eq!(reached(&members, &["lobby"], &["staff"]), [a].into());
        assert_eq!(reached(&members, &[], &["staff"]), [a, d].into());
        assert_eq!(reached(&members, &["nowhere"], &[]), [].into());
    }

    #[test]
    fn the_id_of_a_socket_is_a_room_of_its_own() {
        let (members, [a, b, c, d]) = four();
        let (a_room, d_room) = (a.to_string(), d.to_string());
        assert_eq!(reached(&members, &[&d_room], &[]), [d].into());
        assert_eq!(reached(&members, &["lobby", &a_room, &d_room], &[]), [a, b, d].into());
        assert_eq!(reached(&members, &[], &[&a_room, &d_room]), [b, c].into());
        assert_eq!(reached(&members, &[&a_room], &["lobby"]), [].into());
        // A name of that length need not be anybody's id.
        assert_eq!(reached(&members, &["sixteen-letters_"], &[]), [].into());
    }

    #[test]
    fn who_goes_leaves_no_room_behind() {
        let (mut members, [a, b, c, _]) = four();
        members.leave(a, "lobby");
        assert_eq!(members.rooms_of(a).count(), 0);
        let gone = Arc::clone(&members.everyone[&b].link);
        assert!(members.remove(&gone));
        assert!(!members.remove(&gone));
        assert_eq!(members.rooms().collect::<Vec<_>>(), ["staff"]);
        assert_eq!(reached(&members, &["staff"], &[]), [c].into());
    }

    #[test]
    fn who_comes_back_under_the_same_id_is_not_taken_out_for_the_one_before() {
        let (mut members, [a, ..]) = four();
        let before = Arc::clone(&members.everyone[&a].link);
        members.remove(&before);
        members.enter(Arc::new(Link::of_nobody(a)));
        assert!(!members.is_here(&before));
        assert!(!members.remove(&before));
        assert_eq!(reached(&members, &[&a.to_string()], &[]), [a].into());
        assert_eq!(members.rooms_of(a).count(), 0);
    }

    #[test]
    fn who_comes_in_the_place_of_another_is_in_none_of_its_rooms() {
        let (mut members, [a, b, ..]) = four();
        assert!(members.enter(Arc::new(Link::of_nobody(a))));
        assert_eq!(members.rooms_of(a).count(), 0);
        assert_eq!(reached(&members, &["lobby"], &[]), [b].into());
    }

    #[test]
    fn joining_twice_is_joining_once() {
        let (mut members, [a, ..]) = four();
        members.join(a, "lobby");
        assert_eq!(members.rooms_of(a).collect::<Vec<_>>(), ["lobby"]);
        let both: Names = smallvec!["lobby".to_owned(), "lobby".to_owned()];
        assert_eq!(members.of(&Group { rooms: both, ..Group::default() }).ids().len(), 2);
    }
}
