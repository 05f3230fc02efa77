//! When sessions end. One task for all of them: an idle connection costs no timer of its own.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_util::time::{DelayQueue, delay_queue};

use crate::{namespace::Namespace, platform::SocketId};

#[derive(Clone)]
pub(crate) struct Deadlines(mpsc::UnboundedSender<Change>);

struct Change {
    socket: (Arc<Namespace>, SocketId),
    /// `None`: the socket is gone, or its session does not end.
    at: Option<SystemTime>,
}

/// The queue cannot wait for years; what is further away is looked at again.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Deadlines {
    /// Starts the task; it ends when the application is dropped.
    pub(crate) fn start() -> Self {
        let (changes, inbox) = mpsc::unbounded_channel();
        tokio::spawn(watch(inbox));
        Self(changes)
    }

    pub(crate) fn set(&self, namespace: Arc<Namespace>, id: SocketId, at: Option<SystemTime>) {
        // Nobody listens only when the runtime is shutting down.
        self.0.send(Change { socket: (namespace, id), at }).ok();
    }
}

async fn watch(mut changes: mpsc::UnboundedReceiver<Change>) {
    let mut queue: DelayQueue<(Arc<Namespace>, SocketId)> = DelayQueue::new();
    let mut keys: HashMap<(usize, SocketId), delay_queue::Key> = HashMap::new();
    let name = |socket: &(Arc<Namespace>, SocketId)| (Arc::as_ptr(&socket.0).addr(), socket.1);
    loop {
        tokio::select! {
            change = changes.recv() => {
                let Some(change) = change else { return };
                if let Some(key) = keys.remove(&name(&change.socket)) {
                    queue.remove(&key);
                }
                if let Some(at) = change.at {
                    let wait = at.duration_since(SystemTime::now()).unwrap_or_default();
                    let id = name(&change.socket);
                    keys.insert(id, queue.insert(change.socket, wait.min(LONGEST)));
                }
            }
            Some(due) = queue.next() => {
                let socket = due.into_inner();
                keys.remove(&name(&socket));
                if let Some(connection) = socket.0.client(socket.1) {
                    connection.check_session();
                }
            }
        }
    }
}
