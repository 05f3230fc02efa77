//! Whom a group reaches.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{
    super::{Link, SocketId},
    Map, Member,
    room::Room,
};

/// The sockets of a group.
pub(in crate::platform) struct Reached<'a> {
    pub(super) from: Source<'a>,
    pub(super) except: Except<'a>,
}

pub(super) enum Source<'a> {
    Nobody,
    Everyone(&'a Map<SocketId, Member>),
    /// One room: by far the most frequent.
    Room(&'a Room),
    Listed(Vec<&'a Arc<Link>>),
}

/// Who is left out.
pub(in crate::platform) struct Except<'a> {
    pub(super) sockets: SmallVec<[SocketId; 1]>,
    pub(super) rooms: SmallVec<[&'a Room; 1]>,
}

impl Except<'_> {
    fn is_nobody(&self) -> bool {
        self.sockets.is_empty() && self.rooms.is_empty()
    }

    #[inline]
    pub(in crate::platform) fn has(&self, id: SocketId) -> bool {
        self.sockets.contains(&id) || self.rooms.iter().any(|room| room.contains(id))
    }
}

impl Reached<'_> {
    /// How many those are, at most.
    pub(in crate::platform) fn len(&self) -> usize {
        match &self.from {
            Source::Nobody => 0,
            Source::Everyone(everyone) => everyone.len(),
            Source::Room(room) => room.len(),
            Source::Listed(links) => links.len(),
        }
    }

    /// Whether all of them are so; asks no further after the first that is not.
    pub(in crate::platform) fn all(&self, mut so: impl FnMut(&Arc<Link>) -> bool) -> bool {
        let (except, all_are_meant) = (&self.except, self.except.is_nobody());
        let mut so = move |link: &Arc<Link>| !all_are_meant && except.has(link.id) || so(link);
        match &self.from {
            Source::Nobody => true,
            Source::Everyone(everyone) => everyone.values().all(|member| so(&member.link)),
            Source::Room(Room::One(one)) => so(&one.link),
            Source::Room(Room::Many(shards)) => {
                // Two loops, because one iterator over both costs as much as what is done in it.
                for shard in &shards.shards {
                    for membership in shard.members.values() {
                        if !so(&membership.link) {
                            return false;
                        }
                    }
                }
                true
            }
            Source::Listed(links) => links.iter().all(|link| so(link)),
        }
    }

    pub(in crate::platform) fn links(&self) -> Vec<Arc<Link>> {
        let mut links = Vec::with_capacity(self.len());
        self.all(|link| {
            links.push(Arc::clone(link));
            true
        });
        links
    }

    pub(in crate::platform) fn ids(&self) -> Vec<SocketId> {
        let mut ids = Vec::with_capacity(self.len());
        self.all(|link| {
            ids.push(link.id);
            true
        });
        ids
    }
}
