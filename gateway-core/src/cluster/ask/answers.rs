//! Answering what other processes ask.

use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    super::{
        Answer, Question,
        adapter::Shared,
        engine::Published,
        format::{self, Malformed, kind},
        inbox::Inbox,
    },
    messages::{
        self, EventQuestion, Sender, ServerSideQuestion, SettleQuestion, SocketsQuestion, read,
    },
};
use crate::{clock, log_limiter::LogLimiter};

/// How many questions of others may be open at once.
const MOST: usize = 1_024;

/// For how long anybody can be interested in whether something has been done.
const LATE: Duration = Duration::from_secs(30);

/// How long a server of another make waits for acknowledgements if it does not say.
const TIMEOUT: u64 = 5_000;

/// Where a process answers a question. Dropped, it says that this was all.
pub(crate) struct Answers {
    shared: Weak<Shared>,
    namespace: Arc<str>,
    /// Who asks.
    uid: String,
    id: String,
    /// Whether a process of this framework asks.
    is_ours: bool,
    /// A server of another make waits for one reply of everybody.
    owes_reply: AtomicBool,
    asked_at: Instant,
    /// Nobody is told anything any more.
    is_forgotten: bool,
    open: Arc<AtomicUsize>,
}

impl fmt::Debug for Answers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answers").finish_non_exhaustive()
    }
}

impl Answers {
    pub(crate) fn answer(&self, answer: Answer) {
        if matches!(answer, Answer::Reply(_)) {
            // Relaxed: it orders nothing.
            self.owes_reply.store(false, Ordering::Relaxed);
        }
        self.publish(|from, id| messages::answer(from, id, answer));
    }

    /// Whether whoever asked has long given up.
    pub(in super::super) fn is_late(&self) -> bool {
        clock::now().saturating_duration_since(self.asked_at) > LATE
    }

    /// Gives no answer at all.
    pub(in super::super) fn forget(mut self) {
        self.is_forgotten = true;
    }

    fn publish(&self, message: impl FnOnce(Sender<'_>, &str) -> Result<bytes::Bytes, Malformed>) {
        let Some(shared) = self.shared.upgrade() else { return };
        let from = Sender { uid: &shared.uid, namespace: &self.namespace };
        match message(from, &self.id) {
            Ok(data) => {
                let channel = shared.layout.answers(&self.namespace, &self.uid);
                shared.post.publish(Published { channel, data, by_pattern: false });
            }
            Err(error) => {
                static LIMITER: LogLimiter = LogLimiter::new();
                if let Some(times) = LIMITER.count() {
                    let error = crate::excerpt::logged(error);
                    tracing::warn!(error, times, "an answer cannot be encoded for another process");
                }
            }
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        // Relaxed: it orders nothing.
        self.open.fetch_sub(1, Ordering::Relaxed);
        if self.is_forgotten {
            return;
        }
        if self.is_ours {
            self.publish(messages::done);
        } else if *self.owes_reply.get_mut() {
            self.publish(messages::no_reply);
        }
    }
}

/// Who asks, and where.
struct Asker<'a> {
    shared: &'a Arc<Shared>,
    uid: &'a str,
    namespace: &'a str,
}

impl Asker<'_> {
    fn answers(&self, id: String, is_ours: bool, owes_reply: bool) -> Option<Answers> {
        let open = Arc::clone(&self.shared.asking.answering);
        // Relaxed: it orders nothing, and one more or less does no harm.
        if open.load(Ordering::Relaxed) >= MOST {
            static LIMITER: LogLimiter = LogLimiter::new();
            if let Some(times) = LIMITER.count() {
                tracing::warn!(times, "other processes ask more than this one can answer");
            }
            return None;
        }
        open.fetch_add(1, Ordering::Relaxed);
        Some(Answers {
            shared: Arc::downgrade(self.shared),
            namespace: self.namespace.into(),
            uid: self.uid.to_owned(),
            id,
            is_ours,
            owes_reply: AtomicBool::new(owes_reply),
            asked_at: clock::now(),
            is_forgotten: false,
            open,
        })
    }
}

/// Another process asks.
pub(super) fn asked(
    shared: &Arc<Shared>,
    inbox: &Inbox,
    uid: &str,
    namespace: &str,
    kind: u16,
    data: &[u8],
) -> Result<(), Malformed> {
    let asker = Asker { shared, uid, namespace };
    let (question, answers) = match kind {
        kind::SOCKETS => {
            let SocketsQuestion { request_id, gateway, rooms_only, opts } = read(data)?;
            let question = match rooms_only {
                true => Question::Rooms,
                false => Question::Sockets { group: opts.group() },
            };
            (question, asker.answers(request_id, gateway, false))
        }
        kind::SERVER_SIDE => {
            let ServerSideQuestion { request_id, gateway, packet } = read(data)?;
            let (event, payload) = format::server_side(&packet)?;
            let Some(id) = request_id else {
                inbox.push_said(super::super::Message::ServerSide { event, payload }, data.len());
                return Ok(());
            };
            let question = Question::ServerSide { event, payload };
            (question, asker.answers(id, gateway, !gateway))
        }
        kind::EVENT => {
            let EventQuestion { request_id, gateway, opts, packet } = read(data)?;
            let Some(id) = request_id else {
                return Err(Malformed::Other(
                    "an event that asks for no answer belongs in the log",
                ));
            };
            let timeout = Duration::from_millis(opts.flags.timeout.unwrap_or(TIMEOUT));
            let (group, packet) = (opts.group(), packet.into_packet()?);
            let question = Question::Event { group, packet, timeout };
            (question, asker.answers(id, gateway, false))
        }
        _ => {
            let SettleQuestion { request_id, number } = read(data)?;
            if let Some(answers) = asker.answers(request_id, true, false) {
                shared.settle(inbox, uid, number, namespace, answers);
            }
            return Ok(());
        }
    };
    let Some(answers) = answers else { return Ok(()) };
    if let Some(member) = inbox.member() {
        member.asked(question, answers);
    }
    Ok(())
}
