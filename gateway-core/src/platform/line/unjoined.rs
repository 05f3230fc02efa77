//! A session that has not joined a namespace yet. Nobody has said that its client may come in, so all that it makes the
//! server keep is counted.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Line;
use crate::{
    limits::Limits,
    platform::{fault::Fault, places::Place},
};

/// What it has taken of the places for all of them.
#[derive(Debug)]
pub(crate) struct Unjoined {
    pub(crate) _session: Place,
    /// Of its request, and of all that it has said since.
    pub(crate) bytes: Place,
    pub(crate) speech: Speech,
}

/// What one session may say before it joins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speech {
    most: usize,
    said: usize,
}

impl Speech {
    /// Bytes of a CONNECT beside the namespace's name and what is brought along, with room to spare.
    const AROUND: usize = 32;

    /// As much as it takes to fail as often as a client may, each time with all that it may bring along.
    pub(crate) fn of(limits: &Limits) -> Self {
        let connect = limits.auth_bytes.saturating_add(limits.namespace_name_bytes);
        let connect = connect.saturating_add(Self::AROUND);
        Self { most: connect.saturating_mul(limits.failed_connects), said: 0 }
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Fault> {
        self.said = self.said.saturating_add(bytes);
        let most = self.most;
        if self.said > most { Err(Fault::TalkativeStranger { most }) } else { Ok(()) }
    }
}

/// Nothing where the session has joined. In a box, since most have.
#[derive(Debug, Default)]
pub(super) struct Stranger(Mutex<Option<Box<Unjoined>>>);

impl Stranger {
    fn lock(&self) -> MutexGuard<'_, Option<Box<Unjoined>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// The session begins, and has joined nothing.
    pub(crate) fn begin(&self, unjoined: Unjoined) {
        *self.0.stranger.lock() = Some(Box::new(unjoined));
    }

    /// It has joined a namespace, whatever namespaces it leaves later.
    pub(super) fn joined(&self) {
        let unjoined = self.0.stranger.lock().take();
        drop(unjoined);
    }

    pub(crate) fn is_unjoined(&self) -> bool {
        self.0.stranger.lock().is_some()
    }

    /// Its client has said so many bytes more. Says whether it is still a stranger.
    ///
    /// # Errors
    /// Where it says too much, or strangers do together.
    pub(crate) fn says(&self, bytes: usize) -> Result<bool, Fault> {
        let mut unjoined = self.0.stranger.lock();
        let Some(unjoined) = &mut *unjoined else { return Ok(false) };
        unjoined.speech.grow(bytes)?;
        unjoined.bytes.grow(bytes).map_err(|_full| Fault::UnjoinedBytes)?;
        Ok(true)
    }
}
