//! One turn for each room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use gateway_core::code;
use gateway_core::prelude::WsException;
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

/// How long a turn is waited for: as long as for the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whose turn it is to change a room. Rooms do not wait for each other, and rooms nobody wants to
/// change are forgotten.
#[derive(Debug, Default)]
pub(super) struct Turns {
    rooms: Mutex<HashMap<String, Weak<Turn>>>,
}

/// Who has it locked has the turn. It is kept by those who wait for it, and by whose it is.
type Turn = tokio::sync::Mutex<()>;

impl Turns {
    /// Waits for the turn of that room, in the order of coming. It ends when the guard is dropped.
    ///
    /// Who waits longer than for a database is refused: whatever holds the room up would otherwise
    /// gather everyone who speaks in it.
    pub(super) async fn of(&self, room_id: &str) -> Result<OwnedMutexGuard<()>, WsException> {
        let busy = |_elapsed| WsException::new("the room is busy").with_code(code::OVERLOADED);
        timeout(PATIENCE, self.turn(room_id).lock_owned()).await.map_err(busy)
    }

    fn turn(&self, room_id: &str) -> Arc<Turn> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = rooms.get(room_id).and_then(Weak::upgrade) {
            return turn;
        }
        if rooms.len() == rooms.capacity() {
            rooms.retain(|_, turn| turn.strong_count() > 0);
            // As many again may come before this is done again, so that it costs each of them little.
            let wanted = rooms.len();
            rooms.shrink_to_fit();
            rooms.reserve(wanted + 1);
        }
        let turn = Arc::default();
        rooms.insert(room_id.to_owned(), Arc::downgrade(&turn));
        turn
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
    async fn rooms_that_nobody_wants_any_more_are_forgotten_and_no_others() {
        let turns = Turns::default();
        let known = || turns.rooms.lock().unwrap().len();
        let mut held = Vec::new();
        for number in 0..1_000 {
            held.push(turns.of(&format!("held {number}")).await.unwrap());
        }
        let mut waiting = Box::pin(turns.of("held 0"));
        assert!(waiting.as_mut().now_or_never().is_none());
        for number in 0..10_000 {
            turns.of(&number.to_string()).await.unwrap();
            // Who gives up is not waited for.
            assert!(turns.of("held 1").now_or_never().is_none());
            assert!(known() < 5_000, "{}", known());
        }
        drop(held.swap_remove(0));
        let first = waiting.await.unwrap();
        assert!(turns.of("held 0").now_or_never().is_none());

        drop((first, held));
        for number in 0..10_000 {
            turns.of(&number.to_string()).await.unwrap();
        }
        assert!(known() < 100, "{}", known());
    }
}
