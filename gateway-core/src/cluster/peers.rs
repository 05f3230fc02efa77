//! The other processes of this framework, by their heartbeats.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{clock, excerpt, metrics};

/// How often a process says that it lives.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);

/// How old the last heartbeat may be of who must answer questions.
const YOUNG: Duration = Duration::from_secs(3);

/// How long a silent process is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);

/// How many processes are remembered.
const MOST: usize = 1_000;

/// What a process says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Heartbeat {
    pub(super) uid: String,
    /// The how many-th it is.
    pub(super) count: u64,
    pub(super) namespaces: Vec<String>,
    /// It is the last one.
    pub(super) bye: bool,
}

#[derive(Default)]
pub(super) struct Peers(Mutex<HashMap<String, Peer, RandomState>>);

struct Peer {
    heard_at: Instant,
    namespaces: Vec<String>,
    /// Whether it was logged that nothing is heard of it.
    is_silent: bool,
}

impl Peer {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard_at)
    }
}

/// What is known of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Alive,
    /// Its heartbeat is late.
    Late,
    /// It said good-bye, or was never heard of.
    Gone,
}

impl Peers {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Peer, RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether it is news: of a process that was not known, or has opened a namespace. It knows as little of this
    /// one.
    pub(super) fn heard(&self, heartbeat: Heartbeat) -> bool {
        let mut peers = self.lock();
        if heartbeat.bye {
            if peers.remove(&heartbeat.uid).is_some() {
                tracing::info!(
                    process = excerpt::logged(&heartbeat.uid),
                    "a process has left the cluster"
                );
            }
            return false;
        }
        let now = clock::now();
        if let Some(peer) = peers.get_mut(&heartbeat.uid) {
            let is_news = peer.age(now) > YOUNG || peer.namespaces != heartbeat.namespaces;
            *peer = Peer { heard_at: now, namespaces: heartbeat.namespaces, is_silent: false };
            return is_news;
        }
        if peers.len() >= MOST {
            return false;
        }
        tracing::info!(
            process = excerpt::logged(&heartbeat.uid),
            "a process has joined the cluster"
        );
        let peer = Peer { heard_at: now, namespaces: heartbeat.namespaces, is_silent: false };
        peers.insert(heartbeat.uid, peer);
        true
    }

    /// The cluster was silent, and is no longer. That nothing was heard of a process meanwhile says nothing about it: it
    /// still has to answer, until its next heartbeats are late.
    pub(super) fn are_heard_again(&self) {
        let now = clock::now();
        for peer in self.lock().values_mut().filter(|peer| !peer.is_silent) {
            peer.heard_at = now;
        }
    }

    /// Who must answer questions in a namespace.
    pub(super) fn of(&self, namespace: &str) -> Vec<String> {
        let now = clock::now();
        let peers = self.lock();
        let of = |peer: &Peer| {
            peer.age(now) < YOUNG && peer.namespaces.iter().any(|name| name == namespace)
        };
        peers.iter().filter(|(_, peer)| of(peer)).map(|(uid, _)| uid.clone()).collect()
    }

    pub(super) fn life(&self, uid: &str) -> Life {
        match self.lock().get(uid) {
            None => Life::Gone,
            Some(peer) if peer.age(clock::now()) > 2 * HEARTBEAT => Life::Late,
            Some(_) => Life::Alive,
        }
    }

    /// Logs who has fallen silent, and forgets who has been silent for long. While the cluster itself is silent, that
    /// says nothing about others.
    pub(super) fn check(&self, is_up: bool) {
        let now = clock::now();
        let mut peers = self.lock();
        for (uid, peer) in peers.iter_mut() {
            if is_up && !peer.is_silent && peer.age(now) > YOUNG {
                peer.is_silent = true;
                tracing::warn!(
                    process = excerpt::logged(uid),
                    "a process of the cluster has fallen silent"
                );
            }
        }
        if is_up {
            peers.retain(|_, peer| peer.age(now) < REMEMBERED);
        }
        drop(peers);
        metrics::cluster_peers(self.count());
    }

    /// How many are heard of.
    pub(super) fn count(&self) -> usize {
        let now = clock::now();
        self.lock().values().filter(|peer| peer.age(now) < YOUNG).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat(uid: &str) -> Heartbeat {
        Heartbeat { uid: uid.to_owned(), count: 1, namespaces: vec!["/".to_owned()], bye: false }
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_outage_those_who_were_there_still_have_to_answer() {
        let peers = Peers::default();
        peers.heard(heartbeat("dead"));
        tokio::time::advance(2 * YOUNG).await;
        peers.check(true);
        peers.heard(heartbeat("cut off"));
        for _ in 0..10 {
            tokio::time::advance(YOUNG).await;
            peers.check(false);
        }
        assert!(peers.of("/").is_empty());
        peers.are_heard_again();
        assert_eq!(peers.of("/"), ["cut off"]);
        assert_eq!((peers.life("cut off"), peers.life("dead")), (Life::Alive, Life::Late));
        tokio::time::advance(YOUNG).await;
        assert!(peers.of("/").is_empty());
    }
}
