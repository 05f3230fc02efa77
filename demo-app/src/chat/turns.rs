//! One turn for each room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gateway_core::code;
use gateway_core::prelude::WsException;
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

/// How long a turn is waited for: as long as for the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whose turn it is to change a room. Rooms do not wait for each other, and a room nobody wants to
/// change takes no memory.
#[derive(Debug, Default)]
pub(super) struct Turns {
    rooms: Mutex<HashMap<String, Line>>,
}

/// Those who want to change one room.
#[derive(Debug, Default)]
struct Line {
    /// How many they are, with the one who has the turn.
    length: usize,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The turn. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    // Before the place, which may take the room out.
    _turn: OwnedMutexGuard<()>,
    _place: Place<'a>,
}

/// A place in the line of a room, given up when it is dropped: a client that leaves does not wait on.
#[derive(Debug)]
struct Place<'a> {
    turns: &'a Turns,
    room_id: &'a str,
}

impl Turns {
    /// Waits for the turn of that room, in the order of coming.
    ///
    /// Who waits longer than for a database is refused: whatever holds the room up would otherwise
    /// gather everyone who speaks in it.
    pub(super) async fn of<'a>(&'a self, room_id: &'a str) -> Result<Turn<'a>, WsException> {
        let (place, turn) = self.line_up(room_id);
        match timeout(PATIENCE, turn.lock_owned()).await {
            Ok(turn) => Ok(Turn { _turn: turn, _place: place }),
            Err(_elapsed) => Err(WsException::new("the room is busy").with_code(code::OVERLOADED)),
        }
    }

    fn line_up<'a>(&'a self, room_id: &'a str) -> (Place<'a>, Arc<tokio::sync::Mutex<()>>) {
        let mut rooms = self.rooms();
        let line = rooms.entry(room_id.to_owned()).or_default();
        line.length += 1;
        (Place { turns: self, room_id }, Arc::clone(&line.turn))
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<String, Line>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut rooms = self.turns.rooms();
        if let Some(line) = rooms.get_mut(self.room_id) {
            line.length -= 1;
            if line.length == 0 {
                rooms.remove(self.room_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_room_that_is_held_up_holds_up_no_other() {
        let turns = Turns::default();
        let held = turns.of("stuck").await.unwrap();
        assert!(turns.of("stuck").now_or_never().is_none());
        assert!(turns.of("lobby").now_or_never().is_some());

        let begun = Instant::now();
        let refused = turns.of("stuck").await.unwrap_err();
        assert_eq!((refused.code(), begun.elapsed()), (code::OVERLOADED, PATIENCE));
        drop(held);
        assert!(turns.of("stuck").now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_turn_is_one_at_a_time_and_in_order() {
        let turns = Arc::new(Turns::default());
        let order = Arc::new(Mutex::new(Vec::new()));
        let first = turns.of("lobby").await.unwrap();
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..10 {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            waiting.spawn(async move {
                let _turn = turns.of("lobby").await.unwrap();
                tokio::task::yield_now().await;
                order.lock().unwrap().push(number);
            });
            tokio::task::yield_now().await;
        }
        drop(first);
        waiting.join_all().await;
        assert_eq!(*order.lock().unwrap(), (0..10).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_room_is_forgotten_with_the_last_who_wants_it() {
        let turns = Turns::default();
        let first = turns.of("lobby").await.unwrap();
        let mut second = Box::pin(turns.of("lobby"));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(turns.rooms().len(), 1);
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(turns.rooms().len(), 1);

        // Who gives up is not waited for.
        assert!(turns.of("lobby").now_or_never().is_none());
        drop(second);
        assert!(turns.rooms().is_empty());
    }
}
