//! The updates on their way to one device: each once, in order, until it is gone.

use std::{
    fmt::Display,
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use serde::de::IgnoredAny;
use tokio::sync::Notify;

use super::{Feed, FeedStore, Shared, Unseen};
use crate::{
    clock,
    exception::WsException,
    log_limiter::LogLimiter,
    socket::{
        error::{AckError, EmitError},
        handle::Socket,
    },
};

/// After an error, before the next try.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a delivery may go on after its device has left, to settle what that had acknowledged: a store that hangs must
/// not gather what belongs to devices that are gone.
const FAREWELL: Duration = Duration::from_secs(30);

/// What a device is owed, kept with its socket from the moment it is let in.
pub(super) struct Progress<S> {
    /// The number from which on it is told everything, settled or not: it was there.
    since: AtomicI64,
    news: Notify,
    /// Another feed owes it something else.
    of: PhantomData<fn() -> S>,
}

impl<S> Default for Progress<S> {
    fn default() -> Self {
        Self { since: AtomicI64::new(i64::MAX), news: Notify::new(), of: PhantomData }
    }
}

impl<S> Progress<S> {
    /// The device is to be told an update, even if another one of the user is quicker to settle it.
    pub(super) fn owe(&self, number: i64) {
        // Nothing else is published with it: whoever is told to look reads the store.
        self.since.fetch_min(number, Ordering::Relaxed);
        self.look();
    }

    /// There may be something new.
    pub(super) fn look(&self) {
        self.news.notify_one();
    }

    /// It is known what there was when it began to listen: it is told of that only what nobody has settled, and
    /// everything after.
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

impl From<WsException> for Failure {
    fn from(exception: WsException) -> Self {
        Self::Again(exception)
    }
}

pub(super) struct Delivery<S: FeedStore> {
    device: Socket,
    user: S::User,
    feed: Arc<Shared<S>>,
    progress: Arc<Progress<S>>,
    /// Whether it is known what was there before the device was.
    begun: bool,
    /// The number of the last update it was sent.
    sent: i64,
    /// The numbers of those that were sent, once they are acknowledged; `None` if they are not.
    unanswered: FuturesUnordered<BoxFuture<'static, Option<i64>>>,
}

impl<S: FeedStore> Delivery<S> {
    pub(super) fn new(device: Socket, user: S::User, feed: Arc<Shared<S>>) -> Self {
        let progress = device.data();
        let unanswered = FuturesUnordered::new();
        Self { device, user, feed, progress, begun: false, sent: 0, unanswered }
    }

    /// Until the device is gone, and what it had acknowledged is settled.
    pub(super) async fn run(mut self) {
        let device = self.device.clone();
        // Whatever is asked of the store when the device leaves comes to its end: to be dropped in the middle may cost an
        // application a connection.
        let over = async {
            device.disconnected().await;
            tokio::time::sleep(FAREWELL).await;
        };
        tokio::select! {
            () = self.send() => {}
            () = over => self.warn("the delivery to a device that is gone was ended", &"the store does not answer"),
        }
    }

    async fn send(&mut self) {
        while self.device.is_connected() {
            let patience = match self.send_unseen().await {
                Ok(()) => Duration::MAX,
                Err(Failure::Gone) => break,
                Err(Failure::Again(exception)) => {
                    self.warn("updates wait for another try", &exception.logged());
                    PAUSE
                }
            };
            self.rest(patience).await;
        }
        // What was acknowledged before it left is settled.
        while let Some(answer) = self.unanswered.next().await {
            self.settle(answer).await;
        }
    }

    /// Sends what the device has not been sent: what nobody settled before it came, and everything since.
    async fn send_unseen(&mut self) -> Result<(), Failure> {
        if !self.begun {
            self.progress.begin(self.feed.store.newest(&self.user).await?);
            self.begun = true;
        }
        loop {
            let unseen = Unseen { after: self.sent, since: self.progress.since() };
            let updates = self.feed.store.unseen(&self.user, unseen).await?;
            if updates.is_empty() {
                return Ok(());
            }
            for update in updates {
                while self.unanswered.len() >= S::UNACKNOWLEDGED
                    && let Some(answer) = self.unanswered.next().await
                {
                    self.settle(answer).await;
                }
                self.send_one(&update).await?;
            }
        }
    }

    async fn send_one(&mut self, update: &S::Update) -> Result<(), EmitError> {
        let number = S::number(update);
        let event = S::event(update, self.device.handshake());
        let ack = self.device.request_as::<IgnoredAny, _>(&event).await?;
        self.sent = number;
        self.unanswered.push(Box::pin(async move {
            let answer = ack.within(S::ACK_TIMEOUT).answer().await;
            // Whatever it says: it came.
            let came = matches!(answer, Ok(_) | Err(AckError::Decode(_)));
            came.then_some(number)
        }));
        Ok(())
    }

    /// Settles what is acknowledged until there is news, the device is gone, or `patience` is over.
    async fn rest(&mut self, patience: Duration) {
        let (device, progress) = (self.device.clone(), Arc::clone(&self.progress));
        let over = async {
            tokio::select! {
                () = device.disconnected() => {}
                () = progress.news.notified() => {}
                () = tokio::time::sleep_until(clock::after(patience)) => {}
            }
        };
        tokio::pin!(over);
        loop {
            // In turn: a thousand acknowledgements must not keep the news waiting.
            tokio::select! {
                Some(answer) = self.unanswered.next() => self.settle(answer).await,
                () = &mut over => return,
            }
        }
    }

    async fn settle(&mut self, answer: Option<i64>) {
        let Some(number) = answer else { return };
        if let Err(exception) = self.feed.store.settle(&self.user, number).await {
            // It will be sent again: an update too many, and none too few.
            self.warn("an update was not settled", &exception.logged());
        }
    }

    fn warn(&self, what: &str, error: &dyn Display) {
        // A store that is down fails for every device.
        static LINES: LogLimiter = LogLimiter::of(10);
        if let Some(times) = LINES.count() {
            let (event, user) = (Feed::<S>::NAME, &self.user);
            tracing::warn!(event, %user, %error, times, "{what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_later_is_told_everything_from_then_on() {
        let progress = Progress::<()>::default();
        progress.begin(5);
        assert_eq!(progress.since(), 6);
        progress.owe(8);
        assert_eq!(progress.since(), 6);
    }

    /// Another device may have acknowledged it before this one has even begun.
    #[test]
    fn who_was_there_is_told_however_late_it_begins() {
        let progress = Progress::<()>::default();
        progress.owe(4);
        progress.begin(5);
        assert_eq!(progress.since(), 4);
    }
}
