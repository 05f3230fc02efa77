//! Sending to a group: in one turn where it is small, and a shard a turn where it is not.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use futures_util::future::{BoxFuture, Either};
use socketioxide_core::adapter::{BroadcastOptions, Room};

use super::{
    super::{
        Link, SocketId,
        members::{Group, SHARD},
    },
    Frame, Hub, Refused,
    mirror::{Asking, can_ask, mirror, options},
};
use crate::log_limiter::LogLimiter;

/// Sends to members, one by one: says whether the queue of one is growing.
pub(crate) trait Alone: FnMut(&Frame, &[SocketId]) -> bool + Send + 'static {}

impl<F: FnMut(&Frame, &[SocketId]) -> bool + Send + 'static> Alone for F {}

pub(crate) type Sending = Either<Ready<Sent>, BoxFuture<'static, Sent>>;

/// What became of a send to a group.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    /// How many were sent to together.
    pub(crate) together: u64,
    /// The queue of one of the others is growing.
    pub(crate) crowded: bool,
}

/// Whom a send in several turns is to reach.
enum Snapshot {
    /// Who was in the one room that it goes to: in these shards, when so many had joined rooms.
    Room {
        shards: u32,
        joins: u64,
    },
    Links(Vec<Arc<Link>>),
}

/// A send to a group that was done in one turn.
struct Outcome {
    together: u64,
    /// Who is left, and what they are to be sent.
    left: Option<(Frame, Vec<SocketId>)>,
}

impl Outcome {
    fn finish(self, alone: &mut impl Alone) -> Sent {
        let crowded = self.left.is_some_and(|(frame, ids)| alone(&frame, &ids));
        Sent { together: self.together, crowded }
    }
}

impl Hub {
    /// Sends a frame to all members of a group. Most have a place for it, and are handed it together,
    /// encoded once. The others are `alone`'s to send to.
    ///
    /// What is volatile is only for those whose way out is free, as [`Link::claim_if_free`] says; `alone` must heed it, too.
    ///
    /// It waits for no member. A group that is too large for one turn takes several, and whatever is
    /// sent to groups meanwhile comes after it. Who is there when it begins is reached, but for those
    /// who leave before their turn has come.
    pub(crate) fn send_to_group(
        self: &Arc<Self>,
        frame: Frame,
        group: Group,
        is_volatile: bool,
        mut alone: impl Alone,
    ) -> Sending {
        let Ok(turn) = self.turns.try_read() else {
            return Either::Right(Box::pin(Arc::clone(self).send_in_turn(
                frame,
                group,
                is_volatile,
                alone,
            )));
        };
        match self.send_at_once(frame, group, is_volatile) {
            Ok(outcome) => {
                let sent = outcome.finish(&mut alone);
                drop(turn);
                Either::Left(ready(sent))
            }
            Err(back) => {
                drop(turn);
                let (frame, group) = *back;
                Either::Right(Box::pin(Arc::clone(self).send_in_turn(
                    frame,
                    group,
                    is_volatile,
                    alone,
                )))
            }
        }
    }

    async fn send_in_turn(
        self: Arc<Self>,
        mut frame: Frame,
        mut group: Group,
        is_volatile: bool,
        mut alone: impl Alone,
    ) -> Sent {
        if !self.is_large(&group) {
            let _turn = self.turns.read().await;
            match self.send_at_once(frame, group, is_volatile) {
                Ok(outcome) => return outcome.finish(&mut alone),
                Err(back) => (frame, group) = *back,
            }
        }
        let turn = Arc::clone(&self.turns).write_owned().await;
        let snapshot = self.snapshot(&group);
        // In a task of its own: who gives up waiting must not leave half of the group without.
        let sending = tokio::spawn(async move {
            let _turn = turn;
            self.send_in_turns(frame, group, snapshot, is_volatile, alone).await
        });
        sending.await.unwrap_or_default()
    }

    fn is_large(&self, group: &Group) -> bool {
        self.members().of(group).len() > SHARD
    }

    /// All in one turn, unless those are too many.
    fn send_at_once(
        &self,
        frame: Frame,
        group: Group,
        is_volatile: bool,
    ) -> Result<Outcome, Box<(Frame, Group)>> {
        let members = self.members();
        let reached = members.of(&group);
        if reached.len() > SHARD {
            return Err(Box::new((frame, group)));
        }
        // Whom socketioxide knows by other names than we do, it cannot be asked to send to.
        let Some(Asking { sender }) = can_ask(&members, &group) else {
            return Ok(Outcome { together: 0, left: Some((frame, reached.ids())) });
        };
        let size = frame.size();
        let (mut together, mut alone) = (0, Vec::new());
        let (count, apart) = (&mut together, &mut alone);
        let all_claimed = reached.all(move |link| {
            if !link.is_sent_to_with_others() {
                apart.push(link.id);
                return true;
            }
            let claimed = link.claim_as(size, is_volatile);
            *count += u64::from(claimed);
            claimed
        });
        if !all_claimed {
            // The queue of who has no place takes it from here, and takes it out of the next group.
            let mut claimed = together;
            reached.all(|link| {
                if claimed > 0 && link.is_sent_to_with_others() {
                    link.unclaim(size);
                    claimed -= 1;
                }
                claimed > 0
            });
            return Ok(Outcome { together: 0, left: Some((frame, reached.ids())) });
        }
        drop(reached);
        let left = (!alone.is_empty()).then(|| (frame.clone(), alone));
        self.broadcast(frame, options(&members, group, sender));
        Ok(Outcome { together, left })
    }

    fn snapshot(&self, group: &Group) -> Snapshot {
        let members = self.members();
        let sharded = match group.rooms.as_deref() {
            Some([room]) if can_ask(&members, group).is_some() => members.room(room),
            _ => None,
        };
        match sharded {
            Some(room) => Snapshot::Room { shards: room.shards(), joins: members.joins() },
            None => Snapshot::Links(members.of(group).links()),
        }
    }

    /// A shard in each turn, where the group is one room; or else a few members, one by one.
    async fn send_in_turns(
        &self,
        frame: Frame,
        group: Group,
        snapshot: Snapshot,
        is_volatile: bool,
        mut alone: impl Alone,
    ) -> Sent {
        let mut sent = Sent::default();
        let (shards, joins) = match snapshot {
            Snapshot::Room { shards, joins } => (shards, joins),
            Snapshot::Links(links) => {
                sent.crowded |= self.send_one_by_one(&frame, &group, &links, &mut alone).await;
                return sent;
            }
        };
        for shard in 0..shards {
            let (together, links) = self.send_to_shard(&frame, &group, shard, joins, is_volatile);
            sent.together += together;
            tokio::task::yield_now().await;
            sent.crowded |= self.send_one_by_one(&frame, &group, &links, &mut alone).await;
        }
        sent
    }

    async fn send_one_by_one(
        &self,
        frame: &Frame,
        group: &Group,
        links: &[Arc<Link>],
        alone: &mut impl Alone,
    ) -> bool {
        /// So many need a fraction of a millisecond.
        const AT_ONCE: usize = 128;

        let mut crowded = false;
        for links in links.chunks(AT_ONCE) {
            let ids = {
                let members = self.members();
                let still = links.iter().filter(|link| members.reaches(group, link));
                still.map(|link| link.id).collect::<Vec<_>>()
            };
            crowded |= alone(frame, &ids);
            tokio::task::yield_now().await;
        }
        crowded
    }

    /// Sends to those of a shard who had joined when there had been so many joins: says to how many,
    /// and who is left.
    fn send_to_shard(
        &self,
        frame: &Frame,
        group: &Group,
        shard: u32,
        joins: u64,
        is_volatile: bool,
    ) -> (u64, Vec<Arc<Link>>) {
        let members = self.members();
        let rooms = group.rooms.as_deref().unwrap_or_default();
        let room = rooms.first().and_then(|room| members.room(room));
        let Some(room) = room else { return (0, Vec::new()) };
        let except = members.except(group);
        let reached = || {
            let reached = room.shard(shard).filter(|member| member.since <= joins);
            reached.map(|member| &member.link).filter(|link| !except.has(link.id))
        };
        let asking = can_ask(&members, group).filter(|_| !room.has_joined_since(shard, joins));
        let Some(Asking { sender }) = asking else {
            return (0, reached().cloned().collect());
        };
        let size = frame.size();
        let (mut together, mut alone) = (0_u64, Vec::new());
        for link in reached() {
            if !link.is_sent_to_with_others() {
                alone.push(Arc::clone(link));
            } else if link.claim_as(size, is_volatile) {
                together += 1;
            } else {
                let claimed = reached().filter(|link| link.is_sent_to_with_others());
                claimed.take(together as usize).for_each(|link| link.unclaim(size));
                return (0, reached().cloned().collect());
            }
        }
        let except = group.except.clone();
        let mut options = options(&members, Group { except, ..Group::default() }, sender);
        options.rooms = rooms.iter().map(|room| Room::Owned(mirror(room, shard))).collect();
        self.broadcast(frame.clone(), options);
        (together, alone)
    }

    /// Hands a frame to many, all of whom have claimed a place for it.
    fn broadcast(&self, frame: Frame, options: BroadcastOptions) {
        let refused = self.local.broadcast(frame.0, options).err();
        let full = refused.iter().flatten().filter(|error| Refused::from(*error) == Refused::Full);
        let full = full.count();
        if full > 0 {
            // Of packets of its own: their clients have asked for very many, and read none.
            static LINES: LogLimiter = LogLimiter::new();
            if let Some(times) = LINES.count() {
                tracing::error!(full, times, "socketioxide had no room for a packet to a room");
            }
        }
    }
}
