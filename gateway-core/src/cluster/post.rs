//! What is to be published: answers, which nobody waits for here.

use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::engine::Published;
use crate::{defaults, log_limiter::LogLimiter};

#[derive(Default)]
pub(super) struct Post {
    queue: Mutex<Queue>,
    more: Notify,
    dropped: LogLimiter,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Published>,
    bytes: usize,
}

impl Post {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever asked will name this process as silent if there is no room.
    pub(super) fn publish(&self, message: Published) {
        let size = message.data.len() + message.channel.len();
        let mut queue = self.lock();
        let fits = queue.bytes + size <= defaults::CLUSTER_QUEUE;
        if fits {
            queue.bytes += size;
            queue.messages.push_back(message);
        }
        drop(queue);
        if fits {
            self.more.notify_one();
        } else if let Some(times) = self.dropped.count() {
            tracing::warn!(
                times,
                "answers to other processes are dropped: they are too large, or too many"
            );
        }
    }

    /// Everything that waits, as soon as there is something.
    pub(super) async fn next(&self) -> Vec<Published> {
        loop {
            let queue = mem::take(&mut *self.lock());
            if !queue.messages.is_empty() {
                return queue.messages.into();
            }
            self.more.notified().await;
        }
    }

    /// Forgets what could not be published in time to be of use.
    pub(super) fn clear(&self) {
        *self.lock() = Queue::default();
    }
}
