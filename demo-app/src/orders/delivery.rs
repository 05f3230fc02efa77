//! The updates on their way to one device: each once, in order, until it is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use gateway_core::prelude::*;
use tokio::sync::Notify;

use super::model::OrderUpdate;
use super::store::OrderStore;
use crate::language::Language;
use crate::user::UserId;

/// How long an acknowledgement is waited for: a phone may have to wake up first.
const ACK_PATIENCE: Duration = Duration::from_secs(60);

/// Updates that may be unanswered at once, for devices that never acknowledge.
const UNANSWERED_MAX: usize = 1_000;

/// After an error, before the next try.
const PAUSE: Duration = Duration::from_secs(1);

/// What a device is owed, kept with its socket from the moment it is let in.
#[derive(Debug)]
pub(super) struct Progress {
    /// The number from which on it is told everything, settled or not: it was there.
    since: AtomicI64,
    news: Notify,
}

impl Default for Progress {
    fn default() -> Self {
        Self { since: AtomicI64::new(i64::MAX), news: Notify::new() }
    }
}

impl Progress {
    /// The device is to be told an update, even if another one of the user is quicker to settle it.
    pub(super) fn owe(&self, number: i64) {
        self.since.fetch_min(number, Ordering::Relaxed);
        self.look();
    }

    /// There may be something new.
    pub(super) fn look(&self) {
        self.news.notify_one();
    }

    /// It is known what there was when it began to listen: it is told of that only what nobody has
    /// settled, and everything after.
    fn begin(&self, newest: i64) {
        self.since.fetch_min(newest + 1, Ordering::Relaxed);
    }

    fn since(&self) -> i64 {
        self.since.load(Ordering::Relaxed)
    }
}

/// Why an update was not sent.
enum Failure {
    Gone,
    Again(WsException),
}

impl From<EmitError> for Failure {
    fn from(error: EmitError) -> Self {
        match error {
            EmitError::Disconnected => Self::Gone,
            error => Self::Again(error.into()),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Again(error.into())
    }
}

pub(super) struct Delivery {
    device: Socket,
    language: Language,
    user: UserId,
    orders: Arc<OrderStore>,
    progress: Arc<Progress>,
    /// Whether it is known what was there before the device was.
    begun: bool,
    /// The number of the last update it was sent.
    sent: i64,
    /// The numbers of those that were sent, once they are acknowledged; `None` if they are not.
    unanswered: FuturesUnordered<BoxFuture<'static, Option<i64>>>,
}

impl Delivery {
    pub(super) fn new(device: Socket, user: UserId, orders: Arc<OrderStore>) -> Self {
        let language = Language::of(device.handshake());
        let progress = device.data();
        let unanswered = FuturesUnordered::new();
        Self { device, language, user, orders, progress, begun: false, sent: 0, unanswered }
    }

    /// Until the device is gone.
    pub(super) async fn run(mut self) {
        while self.device.is_connected() {
            let patience = match self.send_unseen().await {
                Ok(()) => Duration::MAX,
                Err(Failure::Gone) => break,
                Err(Failure::Again(error)) => {
                    tracing::warn!(user = %self.user, %error, "order updates wait for another try");
                    PAUSE
                }
            };
            self.rest(patience).await;
        }
        // What was acknowledged before it left is settled.
        while let Some(answer) = self.unanswered.next().await {
            settle(&self.orders, self.user, answer).await;
        }
    }

    /// Sends what the device has not been sent: what nobody settled before it came, and everything
    /// since.
    async fn send_unseen(&mut self) -> Result<(), Failure> {
        if !self.begun {
            self.progress.begin(self.orders.newest(self.user).await?);
            self.begun = true;
        }
        loop {
            let updates = self.orders.unseen(self.user, self.sent, self.progress.since()).await?;
            if updates.is_empty() {
                return Ok(());
            }
            for update in updates {
                while self.unanswered.len() >= UNANSWERED_MAX
                    && let Some(answer) = self.unanswered.next().await
                {
                    settle(&self.orders, self.user, answer).await;
                }
                let told = OrderUpdate::new(&update, self.language);
                let ack = self.device.request(&told).await?;
                self.sent = update.number;
                self.unanswered.push(Box::pin(async move {
                    let answer = ack.within(ACK_PATIENCE).answer().await;
                    // Whatever it says: it came.
                    let came = matches!(answer, Ok(()) | Err(AckError::Decode(_)));
                    came.then_some(update.number)
                }));
            }
        }
    }

    /// Settles what is acknowledged until there is news, the device is gone, or `patience` is over.
    async fn rest(&mut self, patience: Duration) {
        let (device, progress) = (self.device.clone(), Arc::clone(&self.progress));
        let over = async {
            tokio::select! {
                () = device.disconnected() => {}
                () = progress.news.notified() => {}
                () = tokio::time::sleep(patience) => {}
            }
        };
        tokio::pin!(over);
        loop {
            // In turn: a thousand acknowledgements must not keep the news waiting.
            tokio::select! {
                Some(answer) = self.unanswered.next() => {
                    settle(&self.orders, self.user, answer).await;
                }
                () = &mut over => return,
            }
        }
    }
}

async fn settle(orders: &OrderStore, user: UserId, answer: Option<i64>) {
    let Some(number) = answer else { return };
    if let Err(error) = orders.settle(user, number).await {
        // It will be sent again: an update too many, and none too few.
        tracing::warn!(%user, number, %error, "an order update was not settled");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_later_is_told_everything_from_then_on() {
        let progress = Progress::default();
        progress.begin(5);
        assert_eq!(progress.since(), 6);
        progress.owe(8);
        assert_eq!(progress.since(), 6);
    }

    /// Another device may have acknowledged it before this one has even begun.
    #[test]
    fn who_was_there_is_told_however_late_it_begins() {
        let progress = Progress::default();
        progress.owe(4);
        progress.begin(5);
        assert_eq!(progress.since(), 4);
    }
}
