//! Shutting down: the order of the steps, and how much of the time each may take. Only this file knows them.
//!
//! 1. Nobody is let in any more, `/readyz` says so, and new messages are refused.
//! 2. The messages in hand are answered. Past [`ANSWERED`], those that have not begun are refused,
//!    until [`REFUSED`].
//! 3. Clients on polling get [`LAST_POLL`] to fetch what they were sent, until [`POLLED`]; meanwhile every
//!    client's `on_disconnect` runs, until [`HOOKS_RUN`].
//! 4. Presence and the cluster are told that nobody is here any more, after everything that clients' leaving has to
//!    tell them.
//! 5. The connections are closed, until [`CLOSED`]. The rest of the time is for open HTTP requests, which are
//!    ended when it is over.
//!
//! What hangs in one step takes no time from the next. All steps together take a little less than the whole
//! time, so that the process ends by itself and is not ended by [`stop_signal`](crate::stop_signal).

use std::{sync::Arc, time::Duration};

use futures_util::future::{join, join_all};
use tokio::time::{Instant, timeout_at};

use crate::{
    clock,
    cluster::Cluster,
    dispatch::{draining::Draining, gateway::GatewayRuntime},
    platform::{Mounted, server::Ended},
};

/// When each step must be over, as a share of the time of all steps, counted from the start.
const ANSWERED: f64 = 0.6;
const REFUSED: f64 = 0.7;
const POLLED: f64 = 0.8;
const HOOKS_RUN: f64 = 0.85;
const CLOSED: f64 = 0.9;

/// The share of the whole time that all steps together may take.
pub(super) const ALL: f64 = 0.97;

/// How long a client on polling has to fetch what it was sent last.
const LAST_POLL: Duration = Duration::from_secs(1);

/// Everything that has to be told that the application is shutting down.
pub(super) struct Drain {
    pub(super) gateways: Vec<Arc<GatewayRuntime>>,
    pub(super) mounted: Mounted,
    pub(super) draining: Arc<Draining>,
    pub(super) cluster: Option<Cluster>,
}

impl Drain {
    /// Shuts down within the time until `deadline`.
    pub(super) async fn run(&self, deadline: Instant) -> Ended {
        let mut ended = Ended::ByItself;
        let mut force = |what| {
            tracing::warn!("{what} in time");
            ended = Ended::ByForce;
        };
        let begun = clock::now();
        let by = |share: f64| begun + (deadline - begun).mul_f64(share);
        self.draining.begin();
        let gateways = || self.gateways.iter();

        let answered = join_all(gateways().map(|gateway| gateway.finish()));
        if timeout_at(by(ANSWERED), answered).await.is_err() {
            force("some messages in hand were not answered");
            let refused = join_all(gateways().map(|gateway| gateway.refuse_waiting()));
            timeout_at(by(REFUSED), refused).await.ok();
        }
        self.draining.end_patience();
        let last_poll = async {
            if gateways().any(|gateway| gateway.is_polled()) {
                tokio::time::sleep(LAST_POLL).await;
            }
        };
        let last_poll = timeout_at(by(POLLED), last_poll);
        let evicted =
            timeout_at(by(HOOKS_RUN), join_all(gateways().map(|gateway| gateway.evict())));
        if join(last_poll, evicted).await.1.is_err() {
            force("some on_disconnect hooks did not end");
        }
        let left = async {
            join_all(gateways().map(|gateway| gateway.close_presence())).await;
            if let Some(cluster) = &self.cluster {
                cluster.close().await;
            }
        };
        // What does not know yet that this process has ended, finds out by itself.
        let left = timeout_at(by(CLOSED), left);
        let closed = timeout_at(by(CLOSED), self.mounted.close());
        if join(left, closed).await.1.is_err() {
            force("some connections did not close");
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use super::*;
    use crate::{
        Reply, clock,
        dispatch::testing::{Plan, World, eventually},
    };

    /// What a client hears of a drain, in which a message takes so long, or hangs.
    struct Shutdown {
        ended: Ended,
        took: Duration,
        heard: Vec<String>,
        hooks: usize,
    }

    async fn shut_down(patience: Duration, message: Option<Duration>) -> Shutdown {
        let (taken, hooks) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (took, ran) = (Arc::clone(&taken), Arc::clone(&hooks));
        let mut plan = Plan::default()
            .handle("work", move |context| {
                took.fetch_add(1, Ordering::SeqCst);
                async move {
                    match message {
                        Some(takes) => tokio::time::sleep(takes).await,
                        None => pending().await,
                    }
                    Reply::new(&context, "done")
                }
            })
            .on_disconnect(move || {
                ran.fetch_add(1, Ordering::SeqCst);
                async { Ok(()) }
            });
        plan.options.concurrency = 1;
        let world = World::of(plan).await;
        let mut client = world.client().await;
        client.say(r#"421["work"]"#).await;
        client.say(r#"422["work"]"#).await;
        eventually(|| taken.load(Ordering::SeqCst) == 1).await;
        // The second was sent before the drain begins, and must also have arrived.
        let here = world.gateway.conversations.read().unwrap().values().next().cloned();
        let conversation = here.and_then(|here| here.upgrade()).expect("a client");
        eventually(|| conversation.has_waiting()).await;
        drop(conversation);
        let World { gateway, mounted, serving, .. } = world;
        let draining = Arc::clone(&gateway.draining);
        let drain = Drain { gateways: vec![gateway], mounted, draining, cluster: None };
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        let hearing = tokio::spawn(async move {
            while let Some(packet) = client.hear().await {
                hears.lock().unwrap().push(packet);
            }
        });
        let begun = clock::now();
        let ended = drain.run(begun + patience).await;
        let took = begun.elapsed();
        hearing.await.unwrap();
        drop(serving);
        let heard = std::mem::take(&mut *heard.lock().unwrap());
        Shutdown { ended, took, heard, hooks: hooks.load(Ordering::SeqCst) }
    }

    #[tokio::test]
    async fn messages_in_hand_are_answered_then_hooks_run_then_connections_close() {
        let takes = Duration::from_millis(100);
        let Shutdown { ended, took, heard, hooks } =
            shut_down(Duration::from_secs(10), Some(takes)).await;
        assert_eq!(ended, Ended::ByItself);
        // And at last the close of the session.
        let expected = [r#"431["done"]"#, r#"432["done"]"#, "1"];
        assert_eq!(heard, expected, "also the one that waited");
        assert_eq!(hooks, 1);
        assert!(took < Duration::from_secs(5), "no longer than it takes: {took:?}");
    }

    #[tokio::test]
    async fn what_hangs_takes_its_share_and_no_more() {
        let patience = Duration::from_secs(2);
        let Shutdown { ended, took, heard, hooks } = shut_down(patience, None).await;
        assert_eq!(ended, Ended::ByForce);
        // The one that has begun is not answered; the one that waits is refused.
        assert!(
            heard
                .iter()
                .any(|packet| packet.starts_with("432[") && packet.contains("SHUTTING_DOWN")),
            "{heard:?}"
        );
        assert!(!heard.iter().any(|packet| packet.starts_with("431")), "{heard:?}");
        assert_eq!(hooks, 1);
        assert!(
            took >= patience.mul_f64(ANSWERED) && took <= patience.mul_f64(CLOSED + 0.05),
            "{took:?}"
        );
    }
}
