//! What socketioxide's own table of rooms is told, and what it can be asked in return.

use socketioxide_core::adapter::{BroadcastFlags, BroadcastOptions, Room};

use super::super::{
    SocketId,
    members::{Group, Members, Place},
};
use crate::wire::room_names;

/// socketioxide's room of those that group sends leave out; no application's room begins like this.
pub(super) const APART: &str = "\u{1}apart";

/// Whether socketioxide knows of a room. Ours, those of users, have so few members that a send to each
/// costs less than a second table for every connection.
fn is_mirrored(room: &str) -> bool {
    !room_names::is_own(room)
}

/// What a shard of a room is called in socketioxide's table: the first as the room itself.
pub(super) fn mirror(room: &str, shard: u32) -> String {
    match shard {
        0 => room.to_owned(),
        // No application's room begins like this.
        _ => format!("\u{1}{shard}\u{1}{room}"),
    }
}

pub(super) fn mirrored(places: impl Iterator<Item = Place>) -> Vec<String> {
    let places = places.filter(|place| is_mirrored(&place.room));
    places.map(|place| mirror(&place.room, place.shard)).collect()
}

/// How socketioxide is asked to send to a group.
pub(super) struct Asking {
    /// The one socket that is left out by itself.
    pub(super) sender: Option<SocketId>,
}

/// Whether socketioxide can be asked to send to a group. The answer is right as long as the members are
/// locked.
pub(super) fn can_ask(members: &Members, group: &Group) -> Option<Asking> {
    let rooms = group.rooms.as_deref();
    // For no rooms it would send to all.
    if rooms.is_some_and(<[String]>::is_empty) {
        return None;
    }
    let mut asked = rooms.unwrap_or_default().iter();
    if !asked.clone().chain(&group.except).all(|room| is_mirrored(room)) {
        return None;
    }
    // It knows no sockets among the rooms, and leaves out one socket, the sender.
    let mut senders = group.except.iter().filter_map(|room| members.named(room));
    let sender = senders.next().map(|link| link.id);
    if senders.next().is_some() || asked.any(|room| members.named(room).is_some()) {
        return None;
    }
    // Of those in no room in particular it has a list of its own.
    (rooms.is_some() || members.is_table()).then_some(Asking { sender })
}

/// The group for socketioxide, with all shards of its rooms.
pub(super) fn options(
    members: &Members,
    group: Group,
    sender: Option<SocketId>,
) -> BroadcastOptions {
    let mut options = BroadcastOptions::default();
    if group.rooms.is_none() || sender.is_some() {
        options.add_flag(BroadcastFlags::Broadcast);
    }
    for (rooms, names) in
        [(group.rooms.unwrap_or_default(), &mut options.rooms), (group.except, &mut options.except)]
    {
        for room in rooms {
            let shards = members.room(&room).map_or(1, |room| room.shards());
            names.extend((1..shards).map(|shard| Room::Owned(mirror(&room, shard))));
            names.push(Room::Owned(room));
        }
    }
    options.except.push(Room::Borrowed(APART));
    options.sid = sender.map(|SocketId(sid)| sid);
    options
}
