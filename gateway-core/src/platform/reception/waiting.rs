//! Until when sessions may join a namespace: one queue and one task for all of them. All have the same
//! time, so who came first is due first.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::Visit;
use crate::clock;

/// Who is on its way in. No session is kept because of it.
pub(super) struct Waiting {
    patience: Duration,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// In the order in which they came.
    comers: VecDeque<Turn>,
    /// Those whose time is over, but for the answer to their CONNECT, which they wait for.
    asking: VecDeque<Turn>,
    /// There is a task that waits for the next turn.
    is_watched: bool,
    /// How many there may be before it is looked who of them has gone.
    sweep_at: usize,
}

struct Turn {
    due: Instant,
    visit: Weak<Visit>,
}

/// How often it is looked whether those have their answer.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Comers among whom nobody is looked for who has gone.
const FEW: usize = 1024;

impl Waiting {
    /// For so long a time.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, queue: Mutex::default() }
    }

    pub(super) fn add(self: &Arc<Self>, visit: &Arc<Visit>) {
        let mut queue = self.queue();
        queue.sweep();
        let turn = Turn { due: clock::after(self.patience), visit: Arc::downgrade(visit) };
        queue.comers.push_back(turn);
        if self.patience < Duration::MAX && !queue.is_watched {
            queue.is_watched = true;
            tokio::spawn(Arc::clone(self).watch());
        }
    }

    /// Ends who has not joined in time, until nobody is left whose time could end.
    async fn watch(self: Arc<Self>) {
        while let Some((due, next)) = self.due() {
            due.iter().for_each(|visit| visit.end());
            drop(due);
            sleep_until(next).await;
        }
    }

    /// Whose time is over, and when to look again.
    fn due(&self) -> Option<(Vec<Arc<Visit>>, Instant)> {
        let now = clock::now();
        let mut queue = self.queue();
        let mut over = Vec::new();
        while let Some(turn) = queue.next(now) {
            let Some(visit) = turn.visit.upgrade() else { continue };
            if visit.is_unjoined() && visit.is_asking() {
                queue.asking.push_back(Turn { due: now + LOOK_AGAIN, visit: turn.visit });
            } else if visit.is_unjoined() {
                over.push(visit);
            }
        }
        let next = queue.comers.front().into_iter().chain(queue.asking.front());
        let next = next.map(|turn| turn.due).min();
        if over.is_empty() && next.is_none() {
            queue.is_watched = false;
            return None;
        }
        Some((over, next.unwrap_or(now)))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let queue = self.queue();
        queue.comers.len() + queue.asking.len()
    }
}

impl Queue {
    /// The next turn that is due.
    fn next(&mut self, now: Instant) -> Option<Turn> {
        let is_due = |turn: &mut Turn| turn.due <= now;
        self.comers.pop_front_if(is_due).or_else(|| self.asking.pop_front_if(is_due))
    }

    /// Forgets who has joined or gone, before there are many of them: each comer pays for two.
    fn sweep(&mut self) {
        if self.comers.len() < self.sweep_at.max(FEW) {
            return;
        }
        self.comers.retain(|turn| turn.visit.upgrade().is_some_and(|visit| visit.is_unjoined()));
        self.sweep_at = self.comers.len() * 2;
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Waiting").field("patience", &self.patience).finish_non_exhaustive()
    }
}
