//! Writes to the log what this process has said, batch by batch, over a connection that is made again for ever.

use std::{sync::Arc, time::Duration};

use super::{
    adapter::Shared,
    engine::{Failure, Writing},
    health::Part,
    pace::Pace,
    retry::Retry,
};
use crate::metrics;

/// How often the log is asked whether it still has what was written last, while nothing new is written.
const CHECK: Duration = Duration::from_secs(1);

pub(super) async fn write(shared: Arc<Shared>) {
    let mut retry = Retry::default();
    loop {
        let failed = |failure| shared.health.failed(Part::Writing, &failure);
        let mut writing = retry.connect(|| shared.engine.writing(&shared.uid), failed).await;
        let failure = write_over(&shared, &mut *writing, &mut retry).await;
        shared.outgoing.interrupted();
        failed(failure);
    }
}

/// Writes until the connection fails.
async fn write_over(shared: &Shared, writing: &mut dyn Writing, retry: &mut Retry) -> Failure {
    let mark = writing.mark().await;
    if let Err(failure) = heed(shared, writing, mark).await {
        return failure;
    }
    retry.succeeded();
    shared.health.connected(Part::Writing);
    let mut pace = Pace::default();
    loop {
        if shared.outgoing.has_more() {
            pace.keep().await;
        }
        let step = match shared.outgoing.take() {
            Some(batch) => {
                let (entries, again) = (batch.drafts.len(), batch.again);
                let expected = Some(batch.mark);
                writing.append(batch.drafts, batch.mark).await.inspect(|mark| {
                    if *mark == expected {
                        metrics::cluster_written(entries, again);
                    }
                })
            }
            None => {
                let waited = tokio::time::timeout(CHECK, shared.outgoing.more()).await;
                if waited.is_ok() || !shared.outgoing.has_written() {
                    continue;
                }
                writing.mark().await
            }
        };
        if let Err(failure) = heed(shared, writing, step).await {
            return failure;
        }
    }
}

/// The log's mark was read. If it has lost something, its readers have to know before that is written again.
async fn heed(
    shared: &Shared,
    writing: &mut dyn Writing,
    mark: Result<Option<u64>, Failure>,
) -> Result<(), Failure> {
    match shared.outgoing.marked(mark?) {
        true => writing.renew().await,
        false => Ok(()),
    }
}
