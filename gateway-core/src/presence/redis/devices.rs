//! The devices of this process, and what Redis has yet to be told about them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use tokio::sync::oneshot;

use super::{super::store::Device, scripts::AT_ONCE};
use crate::platform::SocketId;

/// Who waits until Redis knows something.
pub(super) type Waiting = oneshot::Sender<()>;

/// It holds no log of what has happened, but who is here, and of whom Redis does not know it yet, or still thinks so:
/// it cannot grow beyond the connections that there are, and were when Redis went away.
#[derive(Debug, Default)]
pub(super) struct Devices {
    /// By number, which is the order in which they came.
    here: BTreeMap<u64, Here>,
    /// Which of those Redis has not been told of for certain.
    unsaid: BTreeSet<u64>,
    /// Those that have left, of which Redis may know.
    gone: BTreeMap<u64, Gone>,
}

#[derive(Debug)]
struct Here {
    user: Arc<str>,
    socket: SocketId,
    /// Whether Redis may have been told.
    tried: bool,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Gone {
    user: Arc<str>,
    socket: SocketId,
    waiting: Option<Waiting>,
}

/// Some of the devices, and their users.
pub(super) type Batch = Vec<(Device, Arc<str>)>;

impl Devices {
    /// Notes that a device has come; `None` if that is known.
    pub(super) fn arrive(&mut self, user: &str, device: Device) -> Option<oneshot::Receiver<()>> {
        let Device { number, socket } = device;
        if self.here.contains_key(&number) {
            return None;
        }
        let (waiting, told) = oneshot::channel();
        let here = Here { user: user.into(), socket, tried: false, waiting: Some(waiting) };
        self.here.insert(number, here);
        self.unsaid.insert(number);
        Some(told)
    }

    /// Notes that a device has left; `None` if Redis does not know of it.
    pub(super) fn leave(&mut self, device: Device) -> Option<oneshot::Receiver<()>> {
        let Here { user, socket, tried, .. } = self.here.remove(&device.number)?;
        self.unsaid.remove(&device.number);
        if !tried {
            return None;
        }
        let (waiting, told) = oneshot::channel();
        self.gone.insert(device.number, Gone { user, socket, waiting: Some(waiting) });
        Some(told)
    }

    /// How many devices Redis should know.
    pub(super) fn said(&self) -> usize {
        self.here.len() - self.unsaid.len() + self.gone.len()
    }

    /// Those that Redis has to be told of next.
    pub(super) fn next_to_say(&mut self) -> Batch {
        let Self { here, unsaid, .. } = self;
        let next = unsaid.iter().take(AT_ONCE);
        next.filter_map(|&number| {
            let here = here.get_mut(&number)?;
            here.tried = true;
            Some((Device { number, socket: here.socket }, Arc::clone(&here.user)))
        })
        .collect()
    }

    /// Redis has been told. Returns who waits for that.
    pub(super) fn have_said(&mut self, batch: &Batch) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        for (Device { number, .. }, _) in batch {
            self.unsaid.remove(number);
            waiting.extend(self.here.get_mut(number).and_then(|here| here.waiting.take()));
        }
        waiting
    }

    /// Those that Redis has to forget next.
    pub(super) fn next_to_take_back(&self) -> Batch {
        let gone = self.gone.iter().take(AT_ONCE);
        gone.map(|(&number, gone)| (Device { number, socket: gone.socket }, Arc::clone(&gone.user)))
            .collect()
    }

    /// Redis has forgotten them.
    pub(super) fn have_taken_back(&mut self, batch: &Batch) {
        for (Device { number, .. }, _) in batch {
            if let Some(Gone { waiting: Some(waiting), .. }) = self.gone.remove(number) {
                // Nobody waits any more if it took long.
                waiting.send(()).ok();
            }
        }
    }

    /// Redis knows nothing: this process begins under a new name.
    pub(super) fn begin_anew(&mut self) {
        self.unsaid = self.here.keys().copied().collect();
        for here in self.here.values_mut() {
            here.tried = false;
        }
        self.gone.clear();
    }

    /// Redis knows these, and should not know others: what makes the difference is said again, or taken back.
    pub(super) fn repair(&mut self, known: Vec<(Device, String)>) {
        let known: HashMap<u64, (Device, String)> =
            known.into_iter().map(|(device, user)| (device.number, (device, user))).collect();
        self.unsaid.extend(self.here.keys().filter(|number| !known.contains_key(number)));
        for (number, (Device { socket, .. }, user)) in known {
            if !self.here.contains_key(&number) {
                let gone = Gone { user: user.into(), socket, waiting: None };
                self.gone.entry(number).or_insert(gone);
            }
        }
    }
}
