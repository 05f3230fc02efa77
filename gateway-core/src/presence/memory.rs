//! Presence in this process alone.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use futures_util::{future::ready, stream};
use tokio::{sync::mpsc, time::Instant};

use super::store::{Answer, Change, Changes, Device, History, Online, PresenceStore, Version};
use crate::{
    clock::{self, Clock},
    platform::SocketId,
    socket::deadlines::Deadlines,
};

/// Opens a store in which a user without devices counts as online for `grace`.
pub(super) fn open_in_memory(
    grace: Duration,
    history: History,
) -> (Arc<dyn PresenceStore>, Changes) {
    let (changes, told) = mpsc::unbounded_channel();
    let store = Arc::new_cyclic(|this: &Weak<MemoryStore>| {
        let this = Weak::clone(this);
        MemoryStore {
            grace,
            state: Mutex::new(State { users: HashMap::new(), history }),
            changes,
            graces: Deadlines::start(Clock::default(), move |user| {
                if let Some(store) = this.upgrade() {
                    store.end_grace(user);
                }
            }),
        }
    });
    let told = stream::unfold(told, async |mut told| {
        let change = told.recv().await?;
        Some((change, told))
    });
    (store, Box::pin(told))
}

struct MemoryStore {
    grace: Duration,
    /// Changes are sent, and graces started, while this is locked, so that they come in the order in which
    /// things happen here.
    state: Mutex<State>,
    changes: mpsc::UnboundedSender<Change>,
    graces: Deadlines<Arc<str>>,
}

struct State {
    users: HashMap<Arc<str>, User>,
    history: History,
}

/// A user who is online. The entry is removed when the user goes offline.
struct User {
    devices: BTreeMap<u64, SocketId>,
    /// Since when the user has had no devices.
    alone: Option<Instant>,
}

impl MemoryStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, user: &str, device: Device) {
        let mut state = self.state();
        if let Some(known) = state.users.get_mut(user) {
            known.devices.insert(device.number, device.socket);
            if known.alone.take().is_some() {
                self.graces.set(user.into(), None);
            }
            return;
        }
        let user: Arc<str> = user.into();
        let devices = BTreeMap::from([(device.number, device.socket)]);
        state.users.insert(Arc::clone(&user), User { devices, alone: None });
        self.tell(&mut state, user, true);
    }

    fn remove(&self, user: &str, device: Device) {
        let mut state = self.state();
        let Some(known) = state.users.get_mut(user) else { return };
        if known.devices.remove(&device.number).is_none() || !known.devices.is_empty() {
            return;
        }
        known.alone = Some(clock::now());
        if self.grace.is_zero() {
            state.users.remove(user);
            self.tell(&mut state, user.into(), false);
        } else {
            self.graces.set(user.into(), Some(self.grace));
        }
    }

    /// A user's grace may have ended. Since the deadline was set, a device may also have come and gone again.
    fn end_grace(&self, user: Arc<str>) {
        let mut state = self.state();
        let Entry::Occupied(known) = state.users.entry(Arc::clone(&user)) else { return };
        let Some(alone) = known.get().alone else { return };
        let rest = self.grace.saturating_sub(alone.elapsed());
        if rest.is_zero() {
            known.remove();
            self.tell(&mut state, user, false);
        } else {
            self.graces.set(user, Some(rest));
        }
    }

    fn tell(&self, state: &mut State, user: Arc<str>, online: bool) {
        let change = Change { user, online };
        state.history.note(change.clone(), state.users.len());
        // Nobody listens only when the runtime is shutting down.
        self.changes.send(change).ok();
    }
}

impl PresenceStore for MemoryStore {
    fn arrive<'a>(&'a self, user: &'a str, device: Device) -> Answer<'a, ()> {
        Box::pin(async move {
            self.add(user, device);
            Ok(())
        })
    }

    fn leave<'a>(&'a self, user: &'a str, device: Device) -> Answer<'a, ()> {
        Box::pin(async move {
            self.remove(user, device);
            Ok(())
        })
    }

    fn online(&self, since: Option<Version>) -> Online {
        let state = self.state();
        state.history.since(since, || state.users.keys().cloned().collect())
    }

    fn is_online(&self, user: &str) -> bool {
        self.state().users.contains_key(user)
    }

    fn devices<'a>(&'a self, user: &'a str) -> Answer<'a, Vec<SocketId>> {
        let state = self.state();
        let devices = state.users.get(user).map(|user| user.devices.values().copied().collect());
        Box::pin(ready(Ok(devices.unwrap_or_default())))
    }
}
