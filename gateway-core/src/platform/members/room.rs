//! The members of one room, in shards.

use std::sync::Arc;

use super::{
    super::{Link, SocketId},
    Map,
};

/// The sockets of a room. That of a user has one, mostly, and every user has such a room.
pub(in crate::platform) enum Room {
    One(Membership),
    Many(Box<Shards>),
}

pub(in crate::platform) struct Membership {
    pub(in crate::platform) link: Arc<Link>,
    /// The number of the join.
    pub(in crate::platform) since: u64,
}

/// A room's members, in parts that are small enough to be sent to without keeping others waiting.
/// Nobody goes from one to another while staying in the room.
#[derive(Default)]
pub(in crate::platform) struct Shards {
    pub(super) shards: Vec<Shard>,
    len: usize,
    /// There is no room in those before.
    open: usize,
}

#[derive(Default)]
pub(super) struct Shard {
    pub(super) members: Map<SocketId, Membership>,
    /// The join of the latest member, also where it has left.
    newest: u64,
}

/// Members of a shard, at most.
pub(in crate::platform) const SHARD: usize = 512;

/// Where a socket is in a room: the room's name, and the shard.
#[derive(Clone)]
pub(in crate::platform) struct Place {
    pub(in crate::platform) room: Arc<str>,
    pub(in crate::platform) shard: u32,
}

impl Room {
    /// Takes in one that is not there; says into which shard.
    pub(super) fn insert(&mut self, membership: Membership) -> u32 {
        match self {
            Self::One(_) => {
                let shards = Box::<Shards>::default();
                let Self::One(one) = std::mem::replace(self, Self::Many(shards)) else {
                    unreachable!("it was one");
                };
                // The first in goes where it was.
                self.insert(one);
                self.insert(membership)
            }
            Self::Many(shards) => shards.insert(membership),
        }
    }

    /// Takes one out, and says whether nobody is left.
    pub(super) fn is_empty_without(&mut self, id: SocketId, shard: u32) -> bool {
        match self {
            Self::One(one) => one.link.id == id,
            Self::Many(shards) => {
                shards.remove(id, shard);
                shards.len == 0
            }
        }
    }

    pub(in crate::platform) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(shards) => shards.len,
        }
    }

    pub(super) fn contains(&self, id: SocketId) -> bool {
        match self {
            Self::One(one) => one.link.id == id,
            Self::Many(shards) => shards.shards.iter().any(|shard| shard.members.contains_key(&id)),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Membership> {
        (0..self.shards()).flat_map(|shard| self.shard(shard))
    }

    /// How many shards there are, empty ones included.
    pub(in crate::platform) fn shards(&self) -> u32 {
        match self {
            Self::One(_) => 1,
            Self::Many(shards) => shards.shards.len() as u32,
        }
    }

    pub(in crate::platform) fn shard(&self, number: u32) -> impl Iterator<Item = &Membership> {
        let (one, many) = match self {
            Self::One(one) => ((number == 0).then_some(one), None),
            Self::Many(shards) => (None, shards.shards.get(number as usize)),
        };
        one.into_iter().chain(many.into_iter().flat_map(|shard| shard.members.values()))
    }

    /// Whether somebody may have joined a shard since so many joins.
    pub(in crate::platform) fn has_joined_since(&self, number: u32, joins: u64) -> bool {
        match self {
            Self::One(one) => one.since > joins,
            Self::Many(shards) => {
                shards.shards.get(number as usize).is_some_and(|shard| shard.newest > joins)
            }
        }
    }
}

impl Shards {
    fn insert(&mut self, membership: Membership) -> u32 {
        while self.shards.get(self.open).is_some_and(|shard| shard.members.len() >= SHARD) {
            self.open += 1;
        }
        if self.open == self.shards.len() {
            self.shards.push(Shard::default());
        }
        let shard = &mut self.shards[self.open];
        shard.newest = shard.newest.max(membership.since);
        shard.members.insert(membership.link.id, membership);
        self.len += 1;
        self.open as u32
    }

    fn remove(&mut self, id: SocketId, number: u32) {
        let shard = self.shards.get_mut(number as usize);
        if shard.is_some_and(|shard| shard.members.remove(&id).is_some()) {
            self.len -= 1;
            self.open = self.open.min(number as usize);
        }
    }
}
