//! Who is online, as this process knows it by heart.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use super::{
    super::store::{Change, History, Online, Version},
    devices::Waiting,
    scripts::{Event, EventId},
};

/// How long users stay online whom Redis does not know any more: by then every process has said its devices again.
const PATIENCE: Duration = Duration::from_secs(13);

/// It is loaded once, and then follows the events. What it tells are its own changes: however often something is
/// repeated or loaded again, nobody comes online twice.
pub(super) struct View {
    users: HashSet<Arc<str>>,
    /// The last event that it has followed.
    position: EventId,
    standing: Standing,
    /// Whether anybody has looked at it.
    looked: bool,
    /// Users that were not there when it was loaded again, and until when they have time to come back.
    doubtful: HashSet<Arc<str>>,
    decided: Option<Instant>,
    /// Who waits until it has followed an event.
    waiting: BTreeMap<EventId, Vec<Waiting>>,
    history: History,
    changes: mpsc::UnboundedSender<Change>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has never been loaded.
    New,
    Following,
    /// The events are not those that it has followed: Redis was emptied, or has lost the latest of them, or has
    /// forgotten those that were not followed in time.
    Lost,
}

impl View {
    pub(super) fn new(history: History, changes: mpsc::UnboundedSender<Change>) -> Self {
        Self {
            users: HashSet::new(),
            position: EventId::default(),
            standing: Standing::New,
            looked: false,
            doubtful: HashSet::new(),
            decided: None,
            waiting: BTreeMap::new(),
            history,
            changes,
        }
    }

    pub(super) fn online(&mut self, since: Option<Version>) -> Online {
        self.looked = true;
        self.history.since(since, || self.users.iter().cloned().collect())
    }

    pub(super) fn is_online(&mut self, user: &str) -> bool {
        self.looked = true;
        self.users.contains(user)
    }

    pub(super) fn position(&self) -> EventId {
        self.position
    }

    pub(super) fn must_be_loaded(&self) -> bool {
        self.standing != Standing::Following
    }

    /// Takes over who is online as of an event.
    pub(super) fn load(&mut self, position: EventId, users: Vec<Arc<str>>, now: Instant) {
        if self.standing == Standing::New && !self.looked {
            // They have not come online just now, and nobody has missed them.
            self.users = users.into_iter().collect();
            self.history.forget(self.users.len());
        } else {
            let found: HashSet<_> = users.iter().cloned().collect();
            self.doubtful = self.users.difference(&found).cloned().collect();
            self.decided = Some(now + PATIENCE);
            for user in users {
                self.set(user, true);
            }
        }
        self.position = position;
        self.standing = Standing::Following;
        // The events that are waited for may have been lost.
        self.waiting.clear();
    }

    /// Redis does not know an event, to which this view had come.
    pub(super) fn lose(&mut self, position: EventId) {
        if self.standing == Standing::Following && self.position == position {
            self.standing = Standing::Lost;
        }
    }

    /// What it read the events from was interrupted. While it was, nobody could come back: who is doubtful has all the
    /// time again.
    pub(super) fn interrupt(&mut self) {
        if self.decided.is_some() {
            self.lose(self.position);
        }
    }

    /// Follows the next events.
    pub(super) fn follow(&mut self, events: Vec<Option<Event>>) {
        for event in events {
            match event {
                Some(event) if event.after == self.position => {
                    self.position = event.id;
                    self.set(event.user, event.online);
                }
                _ => return self.lose(self.position),
            }
        }
        let later = self.waiting.split_off(&self.position.next());
        let come = std::mem::replace(&mut self.waiting, later);
        release(come.into_values().flatten());
    }

    /// Lets somebody wait until an event has been followed.
    pub(super) fn wait(&mut self, event: EventId, waiting: Vec<Waiting>) {
        if event > self.position {
            self.waiting.entry(event).or_default().extend(waiting);
        } else {
            release(waiting);
        }
    }

    /// Gives up users who had time enough to come back.
    pub(super) fn decide(&mut self, now: Instant) {
        if self.decided.is_some_and(|decided| decided <= now) {
            self.decided = None;
            for user in std::mem::take(&mut self.doubtful) {
                self.set(user, false);
            }
        }
    }

    fn set(&mut self, user: Arc<str>, online: bool) {
        self.doubtful.remove(&user);
        let changed = match online {
            true => self.users.insert(Arc::clone(&user)),
            false => self.users.remove(&user),
        };
        if changed {
            let change = Change { user, online };
            self.history.note(change.clone(), self.users.len());
            // Nobody listens only when the runtime is shutting down.
            self.changes.send(change).ok();
        }
    }
}

fn release(waiting: impl IntoIterator<Item = Waiting>) {
    for waiting in waiting {
        // Nobody waits any more if it took long.
        waiting.send(()).ok();
    }
}
