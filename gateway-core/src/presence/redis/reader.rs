//! Follows the events in Redis.

use std::{convert::Infallible, sync::Arc, time::Duration};

use redis::RedisResult;

use super::{Shared, scripts::Desk};
use crate::cluster::Retry;

/// How long Redis keeps us waiting for the next event. Meanwhile nothing else can be noticed.
const WAIT: Duration = Duration::from_secs(1);

/// Follows the events for as long as the store lives.
pub(super) async fn read(shared: Arc<Shared>) {
    let mut retry = Retry::default();
    loop {
        let failed = |error| {
            shared.view().interrupt();
            if !shared.loaded.initialized() {
                // Later, who says what happens here notices, too.
                shared.lost(&error);
            }
        };
        let attempt = || shared.place.connect_to_wait(&shared.prefix, WAIT);
        let connection = retry.connect(attempt, failed).await;
        let mut desk = shared.desk(connection);
        let Err(error) = follow(&shared, &mut desk, &mut retry).await;
        failed(error);
    }
}

/// Follows the events for as long as a connection lives.
async fn follow(shared: &Shared, desk: &mut Desk, retry: &mut Retry) -> RedisResult<Infallible> {
    loop {
        // Not at first: somebody may wait for it to work.
        let wait = if shared.loaded.initialized() { WAIT } else { Duration::ZERO };
        step(shared, desk, wait).await?;
        // Only the first time counts.
        shared.loaded.set(()).ok();
        retry.succeeded();
    }
}

/// Follows what has happened, or the next that does within a time.
pub(super) async fn step(shared: &Shared, desk: &mut Desk, wait: Duration) -> RedisResult<()> {
    if shared.view().must_be_loaded() {
        let (position, users) = desk.online().await?;
        shared.view().load(position, users, shared.time.now());
    }
    let position = shared.view().position();
    let events = desk.events(position, wait).await?;
    let mut view = shared.view();
    view.follow(events);
    view.decide(shared.time.now());
    Ok(())
}
