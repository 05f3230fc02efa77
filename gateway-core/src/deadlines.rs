//! When something is due, for many at once. One task for all of them: who waits for its time, an
//! idle connection or a user without devices, costs no timer of its own.

use std::{collections::HashMap, hash::Hash, time::Duration};

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_util::time::{DelayQueue, delay_queue};

/// Keys, each with the time when it is due.
pub(crate) struct Deadlines<K>(mpsc::UnboundedSender<(K, Option<Duration>)>);

/// The queue cannot wait for years; what is further away is looked at again.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl<K: Clone + Eq + Hash + Send + 'static> Deadlines<K> {
    /// Starts the task, which calls `due` with each key whose time has come; where that was far away,
    /// long before it, so `due` looks at the clock. The task ends when this is dropped.
    pub(crate) fn start(due: impl Fn(K) + Send + 'static) -> Self {
        let (changes, inbox) = mpsc::unbounded_channel();
        tokio::spawn(watch(inbox, due));
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
    due: impl Fn(K),
) {
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
        }
    }
}
