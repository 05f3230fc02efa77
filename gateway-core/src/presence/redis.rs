//! Presence that all processes of an application share, through Redis.
//!
//! Redis decides who is online: its [scripts] put what all processes say into one order, and write down each change in
//! a stream. A process says which [devices] it has, and once a second that it is alive ([`keeper`]); it follows the
//! stream ([`reader`]), so that it knows by heart who is online (its [view]).
//!
//! A process that has not been heard of for ten seconds, the lease, is buried: its devices have left. If nobody was
//! heard of, it was Redis that was away. Then nobody is buried before everybody had the time to come back.

mod devices;
mod keeper;
mod reader;
mod scripts;
#[cfg(test)]
mod tests;
mod view;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{future::BoxFuture, stream};
use redis::RedisError;
use tokio::{
    sync::{Notify, SetOnce, mpsc, oneshot, watch},
    task::JoinSet,
    time::timeout,
};

use self::{
    devices::Devices,
    scripts::{Desk, Time},
    view::View,
};
use super::{
    PresenceError,
    store::{Answer, Change, Changes, Device, History, Online, PresenceStore, Version},
};
use crate::{
    cluster::redis::{Connection, Place},
    excerpt,
    platform::SocketId,
};

/// How long a client that comes or goes waits until everybody can see it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Opens the store of a namespace, in which a user without devices counts as online for `grace`. Applications with the
/// same `prefix` are one.
pub(crate) fn open_in_redis(
    place: Place,
    prefix: &str,
    namespace: &str,
    grace: Duration,
    history: History,
) -> (Arc<dyn PresenceStore>, Changes) {
    let (shared, changes) = Shared::new(place, prefix, namespace, grace, history, Time::default());
    let shared = Arc::new(shared);
    let mut tasks = JoinSet::new();
    tasks.spawn(reader::read(Arc::clone(&shared)));
    tasks.spawn(keeper::keep(Arc::clone(&shared)));
    (Arc::new(RedisStore { shared, _tasks: tasks }), changes)
}

struct RedisStore {
    shared: Arc<Shared>,
    /// They end with the store.
    _tasks: JoinSet<()>,
}

/// What the store's tasks have in common.
struct Shared {
    place: Place,
    /// What all keys begin with.
    prefix: String,
    grace: Duration,
    time: Time,
    devices: Mutex<Devices>,
    view: Mutex<View>,
    /// Set when the view can follow the events: before, nothing is said, or nobody here would hear of it.
    loaded: SetOnce<()>,
    /// There is something to be said, or the end has come.
    work: Notify,
    redis: watch::Sender<Reachable>,
    /// Why Redis cannot be reached, as it was said last.
    reason: Mutex<Option<String>>,
    closing: Mutex<Option<oneshot::Sender<()>>>,
}

/// Whether Redis can be reached.
enum Reachable {
    /// It has not been tried.
    NotYet,
    By(Connection),
    No,
}

impl Shared {
    fn new(
        place: Place,
        prefix: &str,
        namespace: &str,
        grace: Duration,
        history: History,
        time: Time,
    ) -> (Self, Changes) {
        let (changes, told) = mpsc::unbounded_channel();
        let shared = Self {
            place,
            // With the application's hash tag: in a Redis Cluster, all of it is in one place.
            prefix: format!("gw:{{{prefix}}}:{namespace}:"),
            grace,
            time,
            devices: Mutex::default(),
            view: Mutex::new(View::new(history, changes)),
            loaded: SetOnce::new(),
            work: Notify::new(),
            redis: watch::Sender::new(Reachable::NotYet),
            reason: Mutex::default(),
            closing: Mutex::default(),
        };
        let told = stream::unfold(told, async |mut told: mpsc::UnboundedReceiver<Change>| {
            let change = told.recv().await?;
            Some((change, told))
        });
        (shared, Box::pin(told))
    }

    fn devices(&self) -> MutexGuard<'_, Devices> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn desk(&self, connection: Connection) -> Desk {
        Desk::new(connection, &self.prefix, &self.time)
    }

    /// Redis cannot be reached. Says so, once for each reason.
    fn lost(&self, error: &RedisError) {
        self.redis.send_replace(Reachable::No);
        let error = error.to_string();
        let mut reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        if reason.as_ref() != Some(&error) {
            tracing::warn!(
                redis = %self.place,
                error = excerpt::logged(&error),
                "presence cannot reach Redis; who comes and goes is told when it can"
            );
            *reason = Some(error);
        }
    }

    /// Redis has answered.
    fn reached(&self) {
        let reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner).take();
        if reason.is_some() {
            tracing::info!(redis = %self.place, "presence can reach Redis again");
        }
    }

    /// Waits until everybody can see what was noted here, unless that is known to take long.
    async fn seen(&self, told: Option<oneshot::Receiver<()>>) {
        let Some(told) = told else { return };
        self.work.notify_one();
        if !matches!(*self.redis.borrow(), Reachable::No) {
            // It is seen later, then.
            timeout(PATIENCE, told).await.ok();
        }
    }

    async fn sockets(&self, user: &str) -> Result<Vec<SocketId>, PresenceError> {
        let mut redis = self.redis.subscribe();
        let tried = timeout(PATIENCE, redis.wait_for(|redis| !matches!(redis, Reachable::NotYet)));
        let connection = match tried.await {
            Ok(Ok(redis)) => match &*redis {
                Reachable::By(connection) => connection.clone(),
                Reachable::NotYet | Reachable::No => return Err(PresenceError::Unavailable),
            },
            Ok(Err(_)) | Err(_) => return Err(PresenceError::Unavailable),
        };
        self.desk(connection).sockets(user).await.map_err(|_| PresenceError::Unavailable)
    }
}

impl PresenceStore for RedisStore {
    fn arrive<'a>(&'a self, user: &'a str, device: Device) -> Answer<'a, ()> {
        Box::pin(async move {
            let told = self.shared.devices().arrive(user, device);
            self.shared.seen(told).await;
            Ok(())
        })
    }

    fn leave<'a>(&'a self, _user: &'a str, device: Device) -> Answer<'a, ()> {
        Box::pin(async move {
            let told = self.shared.devices().leave(device);
            self.shared.seen(told).await;
            Ok(())
        })
    }

    fn online(&self, since: Option<Version>) -> Online {
        self.shared.view().online(since)
    }

    fn is_online(&self, user: &str) -> bool {
        self.shared.view().is_online(user)
    }

    fn devices<'a>(&'a self, user: &'a str) -> Answer<'a, Vec<SocketId>> {
        Box::pin(self.shared.sockets(user))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let (closing, closed) = oneshot::channel();
            *self.shared.closing.lock().unwrap_or_else(PoisonError::into_inner) = Some(closing);
            self.shared.seen(Some(closed)).await;
        })
    }
}
