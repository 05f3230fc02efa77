//! Deadlines of many things at once. One task serves all of them, so that an idle connection, or a user without
//! devices, does not cost a timer of its own.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, SystemTime},
};

use futures_util::StreamExt;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::time::{DelayQueue, delay_queue};

use crate::clock::{self, Clock};

/// Keys, each with the time when it is due.
pub(crate) struct Deadlines<K>(mpsc::UnboundedSender<(K, Option<Duration>)>);

/// The queue cannot wait for years; deadlines further away than this are checked again.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl<K: Clone + Eq + Hash + Send + 'static> Deadlines<K> {
    /// Starts the task, which calls `due` with each key whose time has come. If that was far away, or the calendar has
    /// jumped, `due` may be called too early, so it checks the clock, and sets again what is not due yet. The task ends
    /// when this is dropped.
    pub(crate) fn start(clock: Clock, due: impl Fn(K) + Send + 'static) -> Self {
        let (changes, inbox) = mpsc::unbounded_channel();
        tokio::spawn(watch(inbox, clock, due));
        Self(changes)
    }

    /// Makes the key due after `wait`, and no longer when it was before; with `None`, not at all.
    pub(crate) fn set(&self, key: K, wait: Option<Duration>) {
        // Nobody listens only when the runtime is shutting down.
        self.0.send((key, wait)).ok();
    }
}

async fn watch<K: Clone + Eq + Hash>(
    mut changes: mpsc::UnboundedReceiver<(K, Option<Duration>)>,
    clock: Clock,
    due: impl Fn(K),
) {
    let mut calendar = Calendar::new(&clock);
    let mut looks = interval(BETWEEN_LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut queue = DelayQueue::new();
    let mut places: HashMap<K, delay_queue::Key> = HashMap::new();
    loop {
        tokio::select! {
            change = changes.recv() => {
                let Some((key, wait)) = change else { return };
                if let Some(place) = places.remove(&key) {
                    queue.remove(&place);
                }
                if let Some(wait) = wait {
                    places.insert(key.clone(), queue.insert(key, wait.min(LONGEST)));
                }
            }
            Some(expired) = queue.next() => {
                let key = expired.into_inner();
                places.remove(&key);
                due(key);
            }
            _ = looks.tick(), if !places.is_empty() => {
                if calendar.has_jumped(&clock) {
                    queue.clear();
                    places.drain().for_each(|(key, _)| due(key));
                }
            }
        }
    }
}

/// How often to check whether the calendar has jumped, because the machine was suspended or its clock was set.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Both times, as they were last read.
struct Calendar {
    wall: SystemTime,
    monotonic: Instant,
}

impl Calendar {
    fn new(clock: &Clock) -> Self {
        Self { wall: clock.wall(), monotonic: clock::now() }
    }

    /// Whether the calendar has moved differently from the monotonic time.
    fn has_jumped(&mut self, clock: &Clock) -> bool {
        /// Corrections of a healthy clock are smaller.
        const TOLERANCE: Duration = Duration::from_millis(500);

        let last = std::mem::replace(self, Self::new(clock));
        let expected = last.wall + self.monotonic.duration_since(last.monotonic);
        let off = self.wall.duration_since(expected).unwrap_or_else(|error| error.duration());
        off > TOLERANCE
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_calendar_that_jumps_makes_all_be_looked_at() {
        let clock = Clock::starting_at(SystemTime::UNIX_EPOCH);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let deadlines = Deadlines::start(clock.clone(), {
            let seen = Arc::clone(&seen);
            move |key: u8| seen.lock().unwrap().push(key)
        });
        deadlines.set(1, Some(Duration::from_secs(3600)));
        deadlines.set(2, Some(Duration::from_secs(5)));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(*seen.lock().unwrap(), [2], "each in its time while the clock is right");
        clock.jump(Duration::from_secs(3600));
        tokio::time::sleep(BETWEEN_LOOKS * 2).await;
        assert_eq!(*seen.lock().unwrap(), [2, 1]);
        tokio::time::sleep(Duration::from_secs(7200)).await;
        assert_eq!(seen.lock().unwrap().len(), 2, "and no more than once");
    }
}
