//! What processes say to each other beside the log: heartbeats, questions, answers.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};

use super::{
    adapter::Shared,
    ask, emitters,
    engine::{Failure, Published, Talking},
    health::{Echo, Part},
    peers::{HEARTBEAT, Heartbeat},
    retry::Retry,
};
use crate::{clock, metrics, wire::msgpack};

/// How much may wait that was published by others.
const QUEUE: usize = 4_096;

/// How long the others have to say that they are there, before a process that has just come counts as connected and may
/// ask who is.
const ACQUAINTANCE: Duration = Duration::from_millis(200);

/// How often health and peers are looked at.
const WATCH: Duration = Duration::from_millis(250);

pub(super) async fn talk(shared: Arc<Shared>) {
    let mut retry = Retry::default();
    let hearts = Hearts::default();
    loop {
        let failed = |failure| shared.health.failed(Part::Talking, &failure);
        let attempt = async || {
            let (sender, heard) = mpsc::channel(QUEUE);
            Ok((shared.engine.talking(sender).await?, heard))
        };
        let (talking, heard) = retry.connect(attempt, failed).await;
        let failure = talk_over(&shared, &hearts, talking, heard, &mut retry).await;
        shared.talks(None);
        failed(failure);
    }
}

/// Reports what has changed.
pub(super) async fn watch(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(WATCH).await;
        shared.health.report();
        shared.peers.check(shared.health.is_up());
    }
}

/// The heartbeats of this process.
#[derive(Default)]
struct Hearts(Mutex<(u64, Option<Instant>)>);

impl Hearts {
    fn next(&self) -> u64 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = (last.0 + 1, Some(clock::now()));
        last.0
    }

    /// How long the last one took, if it is this that has come back.
    fn took(&self, count: u64) -> Option<Duration> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, at) = *last;
        at.filter(|_| number == count).map(|at| clock::now().saturating_duration_since(at))
    }
}

/// Talks until the connection fails.
async fn talk_over(
    shared: &Arc<Shared>,
    hearts: &Hearts,
    talking: Arc<dyn Talking>,
    mut heard: mpsc::Receiver<Published>,
    retry: &mut Retry,
) -> Failure {
    shared.post.clear();
    // A heartbeat names those in which this process hears questions, and no others: who asks waits for its answer.
    let mut namespaces = match subscribe(shared, &*talking).await {
        Ok(namespaces) => namespaces,
        Err(failure) => return failure,
    };
    retry.succeeded();
    shared.talks(Some(Arc::clone(&talking)));
    shared.health.connected(Part::Talking);
    let mut beat = tokio::time::interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let done = tokio::select! {
            published = heard.recv() => match published {
                Some(published) => {
                    if let Some(time) = receive(shared, hearts, &published) {
                        beat.reset_after(time);
                    }
                    Ok(())
                }
                None => Err(Failure::new("the connection was closed")),
            },
            messages = shared.post.next() => talking.publish(messages).await,
            _ = beat.tick() => {
                let beat = heartbeat(shared, hearts.next(), namespaces.clone(), false);
                talking.publish(vec![beat]).await
            }
            () = shared.opened.notified() => {
                beat.reset_immediately();
                subscribe(shared, &*talking).await.map(|subscribed| namespaces = subscribed)
            }
        };
        if let Err(failure) = done {
            return failure;
        }
    }
}

/// Begins to hear what is published in the namespaces there are, and returns them.
async fn subscribe(shared: &Shared, talking: &dyn Talking) -> Result<Vec<String>, Failure> {
    let inboxes = shared.inboxes();
    let namespaces = || inboxes.keys().map(|namespace| &**namespace);
    talking.subscribe(channels(shared, namespaces())).await?;
    if shared.layout.emitters {
        talking.subscribe(emitters::channels(&shared.layout, namespaces())).await?;
        let patterns = emitters::patterns(&shared.layout, namespaces());
        if !patterns.is_empty() {
            talking.subscribe_by_patterns(patterns).await?;
        }
    }
    Ok(namespaces().map(str::to_owned).collect())
}

fn channels<'a>(shared: &Shared, namespaces: impl Iterator<Item = &'a str>) -> Vec<String> {
    let layout = &shared.layout;
    let of = |namespace: &str| {
        [
            layout.questions(namespace),
            layout.ours(namespace),
            layout.answers(namespace, &shared.uid),
        ]
    };
    namespaces.flat_map(of).chain([layout.heartbeats()]).collect()
}

fn heartbeat(shared: &Shared, count: u64, namespaces: Vec<String>, bye: bool) -> Published {
    let heartbeat = Heartbeat { uid: shared.uid.clone(), count, namespaces, bye };
    let data = msgpack::write(&heartbeat).unwrap_or_default().into();
    Published { channel: shared.layout.heartbeats(), data, by_pattern: false }
}

pub(super) async fn say_goodbye(shared: &Shared) {
    if let Some(talking) = shared.talking() {
        // Who does not hear it will notice by itself.
        let _ = talking.publish(vec![heartbeat(shared, 0, Vec::new(), true)]).await;
    }
}

/// Who says something, and what it is.
#[derive(Deserialize)]
struct Head {
    uid: String,
    nsp: String,
    #[serde(rename = "type")]
    kind: u16,
}

/// Says in what time the next heartbeat is due, if sooner than usual.
fn receive(shared: &Arc<Shared>, hearts: &Hearts, published: &Published) -> Option<Duration> {
    if shared.layout.emitters && (emitters::hear(shared, published) || published.by_pattern) {
        return None;
    }
    if published.channel == shared.layout.heartbeats() {
        return match msgpack::read::<Heartbeat>(&published.data) {
            Ok(heartbeat) if heartbeat.uid == shared.uid => {
                let took = hearts.took(heartbeat.count)?;
                match shared.health.echoed(took) {
                    Echo::First => return Some(ACQUAINTANCE),
                    Echo::AfterSilence => shared.peers.are_heard_again(),
                    Echo::Next => {}
                }
                None
            }
            // Who is new must hear of this process before it asks anything.
            Ok(heartbeat) => shared.peers.heard(heartbeat).then_some(Duration::ZERO),
            Err(_) => {
                metrics::cluster_malformed();
                None
            }
        };
    }
    hear_question_or_answer(shared, published);
    None
}

fn hear_question_or_answer(shared: &Arc<Shared>, published: &Published) {
    let Ok(head) = msgpack::read::<Head>(&published.data) else {
        metrics::cluster_malformed();
        return;
    };
    if head.uid == shared.uid {
        return;
    }
    let Some(inbox) = shared.inbox(&head.nsp) else { return };
    if let Err(error) =
        ask::receive(shared, &inbox, &head.uid, &head.nsp, head.kind, &published.data)
    {
        inbox.count_malformed(&error);
    }
}
