//! Who hears which room.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::mpsc::UnboundedSender;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// What a connection is sent by others.
pub(crate) type Inbox = UnboundedSender<Utf8Bytes>;

#[derive(Default)]
pub(crate) struct Rooms(Mutex<HashMap<String, HashMap<u64, Inbox>>>);

impl Rooms {
    pub(crate) fn join(&self, room: &str, member: u64, inbox: &Inbox) {
        let mut rooms = self.0.lock().expect("rooms");
        rooms.entry(room.to_owned()).or_default().insert(member, inbox.clone());
    }

    pub(crate) fn leave(&self, room: &str, member: u64) {
        let mut rooms = self.0.lock().expect("rooms");
        if let Some(members) = rooms.get_mut(room) {
            members.remove(&member);
            if members.is_empty() {
                rooms.remove(room);
            }
        }
    }

    pub(crate) fn send(&self, room: &str, text: &Utf8Bytes) {
        let rooms = self.0.lock().expect("rooms");
        for inbox in rooms.get(room).into_iter().flat_map(HashMap::values) {
            // A member that has gone leaves the room by itself.
            inbox.send(text.clone()).ok();
        }
    }
}
