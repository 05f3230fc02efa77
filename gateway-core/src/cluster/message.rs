//! What processes tell and ask each other about one namespace.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::Answers;
use crate::platform::{Group, Names, Packet, SocketId};

/// What one process says, and all others hear, in the order in which it was said.
#[derive(Debug)]
pub(crate) enum Message {
    /// An event for sockets of a group, wherever they are.
    Event {
        group: Group,
        packet: Packet,
        /// Whether it is only for sockets whose way out is free, and not worth being kept.
        is_volatile: bool,
    },
    Join {
        group: Group,
        rooms: Names,
    },
    Leave {
        group: Group,
        rooms: Names,
    },
    /// `close` ends the whole session of each client, and not only its place in this namespace.
    Disconnect {
        group: Group,
        close: bool,
    },
    /// For the application itself, not for clients. The payload is JSON.
    ServerSide {
        event: String,
        payload: Arc<str>,
    },
    /// A user has begun a session, which replaces those of lower ranks.
    Replace {
        user: String,
        rank: u64,
    },
}

/// What one process asks all others.
#[derive(Debug)]
pub(crate) enum Question {
    /// Which sockets of the group are yours? [`Answer::Sockets`], once.
    Sockets { group: Group },
    /// Which rooms have a member with you? [`Answer::Rooms`], once. Who does not know this question answers with
    /// [`Answer::Sockets`] of everybody.
    Rooms,
    /// For the application itself, as [`Message::ServerSide`]. [`Answer::Reply`], once; nothing from a process that does
    /// not listen.
    ServerSide { event: String, payload: Arc<str> },
    /// Send this to your sockets of the group, and wait that long for their acknowledgements. [`Answer::Clients`] first,
    /// and then an [`Answer::Acknowledged`] for each client that has answered.
    Event { group: Group, packet: Packet, timeout: Duration },
}

/// What a process answers. Several answers may belong to one question.
#[derive(Debug)]
pub(crate) enum Answer {
    Sockets(Vec<Found>),
    Rooms(Vec<String>),
    /// JSON.
    Reply(Arc<str>),
    /// To how many clients an event goes, and who they are; servers of other makes say only how many.
    Clients {
        count: usize,
        ids: Vec<SocketId>,
    },
    /// The arguments of a client's acknowledgement; servers of other makes do not say whose it is.
    Acknowledged {
        client: Option<SocketId>,
        packet: Packet,
    },
}

/// A socket in another process.
#[derive(Debug)]
pub(crate) struct Found {
    /// Those of servers of other makes are longer than ours.
    pub(crate) id: String,
    pub(crate) rooms: Vec<String>,
    /// What it is known as: JSON, or `null`. Of servers of other makes: the socket's `data`.
    pub(crate) identity: Arc<str>,
}

impl Found {
    /// Without the one that servers of other makes have for each socket alone.
    pub(crate) fn into_rooms(self) -> Vec<String> {
        let Self { id, mut rooms, identity: _ } = self;
        rooms.retain(|room| *room != id);
        rooms
    }
}

/// One namespace of this process, as the rest of the cluster sees it.
pub(crate) trait Member: Send + Sync + 'static {
    /// Whether there is anybody whom an event for this group would be sent to.
    fn may_reach(&self, group: &Group) -> bool;

    /// Another process has said this. Nothing else is heard before the future has ended.
    fn hear(self: Arc<Self>, message: Message) -> BoxFuture<'static, ()>;

    /// Something that another process said is lost for good.
    fn missed(&self);

    /// Another process asks. It waits until `answers` is dropped. This must not block: what takes time has a task.
    fn asked(self: Arc<Self>, question: Question, answers: Answers);
}

/// The cluster cannot be reached at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClusterDown;

/// Why not everybody has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotAll {
    Down,
    /// The names of those that were silent.
    Silent(Vec<String>),
}
