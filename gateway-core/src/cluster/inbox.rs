//! What a namespace of this process has yet to hear.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use super::{Answers, Member, Message, format, incoming::Progress};
use crate::{defaults, log_limiter::LogLimiter, metrics};

/// What an item needs beside its data.
const OVERHEAD: usize = 64;

/// How many questions may wait for entries that are not here yet.
const QUESTIONS: usize = 1_024;

pub(super) struct Inbox {
    namespace: Arc<str>,
    member: watch::Sender<Option<Weak<dyn Member>>>,
    items: Mutex<Items>,
    more: Notify,
    /// The bytes of all namespaces.
    bytes: Arc<AtomicUsize>,
    malformed: LogLimiter,
    overflowing: LogLimiter,
}

#[derive(Default)]
struct Items {
    waiting: VecDeque<Item>,
    bytes: usize,
    /// Questions whether everything has been heard up to an entry that is not here yet.
    settling: Vec<Settling>,
}

enum Item {
    Entry {
        kind: u16,
        data: Bytes,
    },
    /// Said beside the log; and the bytes it had.
    Said(Message, usize),
    Missed,
    /// It is answered when its turn has come: then everything before it has been heard.
    Settle(#[allow(dead_code, reason = "dropping it is the answer")] Answers),
}

struct Settling {
    stream: usize,
    uid: String,
    number: u64,
    /// How far it was read when that was asked.
    asked: Progress,
    answers: Answers,
}

impl Item {
    fn size(&self) -> usize {
        match self {
            Self::Entry { data, .. } => OVERHEAD + data.len(),
            Self::Said(_, size) => OVERHEAD + size,
            Self::Missed | Self::Settle(_) => 0,
        }
    }
}

impl Items {
    /// Leaves a mark in its place, and returns the bytes that it had.
    fn drop_the_oldest(&mut self) -> Option<usize> {
        let oldest = self.waiting.iter().position(|item| item.size() > 0)?;
        let is_marked = oldest > 0 && matches!(self.waiting[oldest - 1], Item::Missed);
        let size = self.waiting[oldest].size();
        if is_marked {
            self.waiting.remove(oldest);
        } else {
            self.waiting[oldest] = Item::Missed;
        }
        self.bytes -= size;
        Some(size)
    }
}

impl Inbox {
    pub(super) fn new(namespace: Arc<str>, bytes: Arc<AtomicUsize>) -> Self {
        Self {
            namespace,
            member: watch::Sender::new(None),
            items: Mutex::default(),
            more: Notify::new(),
            bytes,
            malformed: LogLimiter::new(),
            overflowing: LogLimiter::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn attach(&self, member: Weak<dyn Member>) {
        self.member.send_replace(Some(member));
    }

    pub(super) fn member(&self) -> Option<Arc<dyn Member>> {
        self.member.borrow().as_ref().and_then(Weak::upgrade)
    }

    /// Somebody else has written this. If there is no room for it, the oldest are missed.
    pub(super) fn push(&self, kind: u16, data: Bytes) {
        self.push_item(Item::Entry { kind, data });
    }

    /// Somebody else has said this beside the log, in so many bytes.
    pub(super) fn push_said(&self, message: Message, bytes: usize) {
        self.push_item(Item::Said(message, bytes));
    }

    fn push_item(&self, item: Item) {
        let size = item.size();
        let mut missed = 0;
        let mut items = self.lock();
        // Relaxed: what is counted does not order anything, and a few bytes more or less do no harm.
        let mut bytes = self.bytes.fetch_add(size, Ordering::Relaxed) + size;
        items.waiting.push_back(item);
        items.bytes += size;
        // Who floods one namespace takes nothing from the others.
        while bytes > defaults::CLUSTER_INBOX && items.bytes > defaults::CLUSTER_INBOX_OWN {
            let Some(size) = items.drop_the_oldest() else { break };
            bytes = self.bytes.fetch_sub(size, Ordering::Relaxed) - size;
            missed += 1;
        }
        drop(items);
        self.more.notify_one();
        self.count_overflow(missed);
    }

    /// Something is missing before what comes next.
    pub(super) fn push_missed(&self) {
        let mut items = self.lock();
        if !matches!(items.waiting.back(), Some(Item::Missed)) {
            items.waiting.push_back(Item::Missed);
        }
        drop(items);
        self.more.notify_one();
    }

    /// Answers when everything has been heard up to an entry of this number.
    pub(super) fn settle_later(
        &self,
        stream: usize,
        uid: &str,
        number: u64,
        asked: Progress,
        answers: Answers,
    ) {
        let mut items = self.lock();
        items.settling.retain(|settling| !settling.answers.is_late());
        if items.settling.len() < QUESTIONS {
            items.settling.push(Settling { stream, uid: uid.to_owned(), number, asked, answers });
        } else {
            answers.forget();
        }
    }

    /// Entries have come in: `progress` says how far a process was read in a stream.
    pub(super) fn settle(&self, progress: impl Fn(usize, &str) -> Option<Progress>) {
        let mut items = self.lock();
        if items.settling.is_empty() {
            return;
        }
        let is_here = |settling: &mut Settling| {
            let progress = progress(settling.stream, &settling.uid);
            progress.is_some_and(|progress| progress.has(settling.number, settling.asked))
        };
        let here: Vec<_> = items.settling.extract_if(.., is_here).collect();
        items.waiting.extend(here.into_iter().map(|settling| Item::Settle(settling.answers)));
        drop(items);
        self.more.notify_one();
    }

    fn pop(&self) -> Option<Item> {
        let mut items = self.lock();
        let item = items.waiting.pop_front()?;
        items.bytes -= item.size();
        // Relaxed: as above.
        self.bytes.fetch_sub(item.size(), Ordering::Relaxed);
        Some(item)
    }

    async fn next(&self) -> Item {
        loop {
            if let Some(item) = self.pop() {
                return item;
            }
            self.more.notified().await;
        }
    }

    /// Lets the member hear everything in turn, as soon as there is one, and as long as it exists.
    pub(super) async fn run(&self) {
        let mut attached = self.member.subscribe();
        if attached.wait_for(Option::is_some).await.is_err() {
            return;
        }
        loop {
            let item = self.next().await;
            let Some(member) = self.member() else { continue };
            match item {
                Item::Entry { kind, data } => {
                    if let Some(message) = self.decode(kind, &data, &*member) {
                        member.hear(message).await;
                    }
                }
                Item::Said(message, _) => member.hear(message).await,
                Item::Missed => member.missed(),
                Item::Settle(answers) => drop(answers),
            }
        }
    }

    /// `None` if it is for nobody here, or cannot be read.
    fn decode(&self, kind: u16, data: &[u8], member: &dyn Member) -> Option<Message> {
        // Most of a large application's rooms are elsewhere, and reading all of an event costs more than all the rest.
        let opening = (kind == format::kind::EVENT).then(|| format::opening(data)).flatten();
        let message = match opening {
            Some(opening) if !member.may_reach(&opening.group) => return None,
            Some(opening) => format::decode_rest(opening, data).map(Some),
            None => format::decode(kind, data),
        };
        match message {
            Ok(Some(message)) => Some(message),
            Ok(None) => {
                metrics::cluster_unknown();
                None
            }
            Err(error) => {
                self.count_malformed(&error);
                None
            }
        }
    }

    pub(super) fn count_malformed(&self, error: &format::Malformed) {
        metrics::cluster_malformed();
        if let Some(times) = self.malformed.count() {
            tracing::warn!(
                namespace = &*self.namespace,
                error = crate::excerpt::logged(error),
                times,
                "a message of another process cannot be read"
            );
        }
    }

    fn count_overflow(&self, missed: u64) {
        if missed == 0 {
            return;
        }
        metrics::cluster_missed(missed);
        if let Some(times) = self.overflowing.count() {
            tracing::warn!(
                namespace = &*self.namespace,
                times,
                "other processes send more than this one can process: the oldest messages are missed"
            );
        }
    }
}
