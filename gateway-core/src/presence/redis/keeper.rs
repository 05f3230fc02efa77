//! Says in Redis which devices this process has, and that it is alive.

use std::{
    mem,
    sync::{Arc, PoisonError},
    time::Duration,
};

use redis::RedisResult;
use tokio::time::sleep_until;

use super::{
    super::store::Device,
    Reachable, Shared,
    devices::Batch,
    scripts::{AT_ONCE, Answered, Desk},
};
use crate::{
    clock,
    cluster::{Retry, random},
};

/// How often a process says that it is alive.
const BEAT: Duration = Duration::from_secs(1);

/// Between two beats, at least.
const PAUSE: Duration = Duration::from_millis(10);

/// Keeps Redis up to date, until the store is closed or dropped.
pub(super) async fn keep(shared: Arc<Shared>) {
    shared.loaded.wait().await;
    let mut process = Process::default();
    let mut retry = Retry::default();
    loop {
        let failed = |error| shared.lost(&error);
        let connection = retry.connect(|| shared.place.connect(&shared.prefix), failed).await;
        shared.redis.send_replace(Reachable::By(connection.clone()));
        let mut desk = shared.desk(connection);
        match serve(&shared, &mut process, &mut desk, &mut retry).await {
            Ok(()) => return,
            Err(error) => failed(error),
        }
    }
}

/// Keeps Redis up to date for as long as a connection lives, or until the store is closed.
async fn serve(
    shared: &Shared,
    process: &mut Process,
    desk: &mut Desk,
    retry: &mut Retry,
) -> RedisResult<()> {
    process.doubt();
    let mut next_beat = clock::now();
    loop {
        let closing = shared.closing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(closing) = closing {
            // What does not work now is done by others, when the lease is over.
            process.close(shared, desk).await.ok();
            closing.send(()).ok();
            return Ok(());
        }
        process.say(shared, desk).await?;
        if next_beat <= clock::now() {
            next_beat = clock::now() + process.beat(shared, desk).await?;
            retry.succeeded();
            shared.reached();
            continue;
        }
        tokio::select! {
            () = shared.work.notified() => {}
            () = sleep_until(next_beat) => {}
        }
    }
}

/// This process, as Redis knows it.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// None, before it is known or once it is thought dead. It never comes back by the same name.
    name: Option<String>,
    /// Whether Redis knew of more devices than there are, or fewer, at the last beat.
    differed: bool,
    /// Whether Redis may be another, which has not heard of everything.
    uncertain: bool,
}

impl Process {
    /// The name by which Redis knows it.
    async fn name(&mut self, shared: &Shared, desk: &mut Desk) -> RedisResult<String> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let name = format!("{:016x}", random());
        desk.register(&name).await?;
        shared.devices().begin_anew();
        self.differed = false;
        self.uncertain = false;
        Ok(self.name.insert(name).clone())
    }

    #[cfg(test)]
    pub(super) fn known_as(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Redis was away. It may have come back without the latest of what it knew, however many devices that leaves.
    pub(super) fn doubt(&mut self) {
        self.uncertain = true;
    }

    /// Says who has come and who has left, until there is nothing more to say.
    pub(super) async fn say(&mut self, shared: &Shared, desk: &mut Desk) -> RedisResult<()> {
        loop {
            let name = self.name(shared, desk).await?;
            // Those who come before those who go: a user who changes devices does not go offline in between.
            let come = shared.devices().next_to_say();
            if !come.is_empty() {
                match desk.arrive(&name, users(&come)).await? {
                    Some(event) => {
                        let waiting = shared.devices().have_said(&come);
                        shared.view().wait(event, waiting);
                    }
                    None => self.name = None,
                }
                continue;
            }
            let gone = shared.devices().next_to_take_back();
            if gone.is_empty() {
                return Ok(());
            }
            desk.leave(&name, shared.grace, users(&gone)).await?;
            shared.devices().have_taken_back(&gone);
        }
    }

    /// Says that it is alive. Returns when it should do so again.
    pub(super) async fn beat(&mut self, shared: &Shared, desk: &mut Desk) -> RedisResult<Duration> {
        let name = self.name(shared, desk).await?;
        let (position, said) = (shared.view().position(), shared.devices().said());
        let Answered { alive, devices, known, more, next_grace } =
            desk.beat(&name, shared.grace, AT_ONCE, position).await?;
        if !known {
            shared.view().lose(position);
        }
        if !alive {
            self.name = None;
            return Ok(Duration::ZERO);
        }
        // Once may be chance: an answer that was lost. Twice, Redis has lost something.
        let differed = mem::replace(&mut self.differed, devices != said);
        if self.uncertain || differed && self.differed {
            let known = desk.devices_of(&name).await?;
            shared.devices().repair(known);
            self.uncertain = false;
            return Ok(Duration::ZERO);
        }
        Ok(if more { PAUSE } else { next_grace.unwrap_or(BEAT).clamp(PAUSE, BEAT) })
    }

    /// Leaves, with all devices.
    pub(super) async fn close(&mut self, shared: &Shared, desk: &mut Desk) -> RedisResult<()> {
        if let Some(name) = self.name.take() {
            while desk.close(&name, shared.grace, AT_ONCE).await? {}
        }
        Ok(())
    }
}

fn users(batch: &Batch) -> impl Iterator<Item = (Device, &str)> {
    batch.iter().map(|(device, user)| (*device, &**user))
}
