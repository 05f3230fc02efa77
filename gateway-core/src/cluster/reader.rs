//! Reads the log, and hands to each namespace what others have said in it.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use super::{
    adapter::Shared,
    engine::{Extent, Failure, Position, Read, Reading},
    format::kind,
    health::Part,
    incoming::{Change, Incoming, Verdict},
    pace::Pace,
    retry::Retry,
};
use crate::{clock, metrics};

/// How often it is looked at what has become of the log.
const COMPARE: Duration = Duration::from_secs(1);

pub(super) async fn read(shared: Arc<Shared>) {
    let mut retry = Retry::default();
    loop {
        let failed = |failure| shared.health.failed(Part::Reading, &failure);
        let mut reading = retry.connect(|| shared.engine.reading(), failed).await;
        failed(read_over(&shared, &mut *reading, &mut retry).await);
    }
}

/// Reads until the connection fails.
async fn read_over(shared: &Shared, reading: &mut dyn Reading, retry: &mut Retry) -> Failure {
    let mut pace = Pace::default();
    loop {
        match reading.extents().await {
            Ok(extents) => compare(shared, &extents),
            Err(failure) => return failure,
        }
        retry.succeeded();
        shared.health.connected(Part::Reading);
        let compared_at = clock::now();
        while clock::now().saturating_duration_since(compared_at) < COMPARE {
            pace.keep().await;
            let positions = positions(shared);
            match reading.read(&positions).await {
                Ok(read) => hear(shared, read),
                Err(failure) => return failure,
            }
        }
    }
}

fn positions(shared: &Shared) -> Vec<Position> {
    let streams = shared.incoming.lock().unwrap_or_else(PoisonError::into_inner);
    streams.iter().map(Incoming::position).collect()
}

fn compare(shared: &Shared, extents: &[Extent]) {
    let mut streams = shared.incoming.lock().unwrap_or_else(PoisonError::into_inner);
    if streams.is_empty() {
        *streams = extents.iter().map(Incoming::from_the_end).collect();
        return;
    }
    let changes = streams.iter_mut().zip(extents).map(|(stream, extent)| stream.compare(extent));
    let changes: Vec<_> = changes.collect();
    settle(shared, &streams);
    drop(streams);
    for (stream, change) in changes.into_iter().enumerate() {
        match change {
            Change::None => {}
            Change::Trimmed => {
                tracing::warn!("the cluster's log was trimmed before it was read to its end");
                tell_missed(shared, stream);
            }
            Change::Lost => {
                tracing::warn!("the cluster's log was lost, and is read from its beginning");
            }
        }
    }
}

/// Answers who has asked whether something was heard, where it was.
fn settle(shared: &Shared, streams: &[Incoming]) {
    for inbox in shared.inboxes().values() {
        inbox.settle(|stream, uid| Some(streams.get(stream)?.progress(uid)));
    }
}

fn hear(shared: &Shared, read: Vec<Read>) {
    let (mut heard, mut known) = (0, 0);
    // Locked for all of them: who asks whether an entry has come in shall find it in the inbox then.
    let mut streams = shared.incoming.lock().unwrap_or_else(PoisonError::into_inner);
    let inboxes = shared.inboxes();
    for Read { stream, position, entry } in read {
        let Some(incoming) = streams.get_mut(stream) else { continue };
        incoming.read(position);
        let Some(entry) = entry else {
            metrics::cluster_malformed();
            continue;
        };
        if entry.uid == *shared.uid {
            continue;
        }
        match incoming.judge(position, &entry) {
            Verdict::Known => {
                known += 1;
                continue;
            }
            Verdict::New { missed: 0 } => {}
            Verdict::New { missed } => miss(shared, stream, missed),
        }
        if entry.kind == kind::GAP {
            continue;
        }
        heard += 1;
        if let Some(inbox) = inboxes.get(&*entry.namespace) {
            inbox.push(entry.kind, entry.data);
        }
    }
    settle(shared, &streams);
    drop(inboxes);
    drop(streams);
    metrics::cluster_read(heard, known);
}

fn miss(shared: &Shared, stream: usize, entries: u64) {
    metrics::cluster_missed(entries);
    tell_missed(shared, stream);
}

/// Tells everybody who may have been meant that something is missing.
fn tell_missed(shared: &Shared, stream: usize) {
    for (namespace, inbox) in &*shared.inboxes() {
        if shared.may_be_in(stream, namespace) {
            inbox.push_missed();
        }
    }
}
