//! Events to many sockets that ask each of them for an acknowledgement.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, join},
    stream::FuturesUnordered,
};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use crate::{
    clock,
    cluster::{Answer, Asked, Question},
    limits::reached,
    log_limiter::LogLimiter,
    platform::{Frame, Group, Packet, SocketId},
    socket::{
        broadcast::Audience,
        connection::Connection,
        namespace::{Namespace, overflow},
        outbox::Returned,
        remote_socket::EVERYBODY_ELSE,
    },
    wire::InboundArguments,
};

/// How much longer than its clients a process is waited for: its last answer is on its way when their time is over.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// How many bytes of answers one event is acknowledged with, from here and from elsewhere each. Further answers are missing.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// The acknowledgements of an event that was sent to many, by
/// [`Broadcast::emit_with_ack`](crate::Broadcast::emit_with_ack).
///
/// ```
/// # use gateway_core::prelude::*;
/// # fn evaluate(acks: Acks<u32>) {
/// for (socket, answer) in &acks.answers {
///     println!("{socket} says {answer}");
/// }
/// if !acks.is_complete() {
///     println!("{} have not answered, and of {:?} nothing is known", acks.missing.len(), acks.unanswered);
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "whoever does not want the answers can `emit`"]
pub struct Acks<R> {
    /// Who has answered, and what, in the order in which the answers came.
    pub answers: Vec<(SocketId, R)>,
    /// Who has left or has not answered in time, or not with an `R`.
    pub missing: Vec<SocketId>,
    /// The answers of sockets of Node servers in the same cluster, which do not say whose they are.
    pub others: Vec<R>,
    /// How many sockets of Node servers have not answered in time, or not with an `R`.
    pub others_missing: usize,
    /// The processes that have not told who their sockets are, or whether these have answered.
    pub unanswered: Vec<String>,
}

impl<R> Acks<R> {
    /// Whether every socket in every process has answered.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.others_missing == 0 && self.unanswered.is_empty()
    }
}

impl<R> Default for Acks<R> {
    fn default() -> Self {
        Self {
            answers: Vec::new(),
            missing: Vec::new(),
            others: Vec::new(),
            others_missing: 0,
            unanswered: Vec::new(),
        }
    }
}

impl<R: DeserializeOwned> Acks<R> {
    /// Of an event that is sent now.
    pub(super) async fn of(to: &Audience, frame: Frame) -> Self {
        let timeout = to.namespace.settings.ack_timeout;
        let packet = to.adapter().map(|_| frame.packet());
        let here = Asking::all(&to.namespace, &frame, &to.group, timeout).await;
        let there = to.adapter().zip(packet).map(|(adapter, packet)| {
            let question = Question::Event { group: to.group.clone(), packet, timeout };
            adapter.ask(question, timeout.saturating_add(ON_ITS_WAY))
        });
        let there = async {
            match there {
                None => Self::default(),
                Some(Ok(asked)) => Self::from_others(asked).await,
                Some(Err(_down)) => {
                    Self { unanswered: vec![EVERYBODY_ELSE.to_owned()], ..Self::default() }
                }
            }
        };
        let (mut here, there) = join(Self::from_here(here), there).await;
        here.answers.extend(there.answers);
        here.missing.extend(there.missing);
        Self { answers: here.answers, missing: here.missing, ..there }
    }

    async fn from_here(mut asking: Asking) -> Self {
        let (mut acks, bytes) = (Self::default(), Bytes::default());
        while let Some((id, packet)) = asking.next().await {
            match packet.and_then(|packet| bytes.read(&packet)) {
                Some(answer) => acks.answers.push((id, answer)),
                None => acks.missing.push(id),
            }
        }
        acks.missing.extend(asking.silent());
        acks
    }

    async fn from_others(mut asked: Asked) -> Self {
        let (mut acks, bytes) = (Self::default(), Bytes::default());
        let (mut silent, mut unnamed) = (HashSet::new(), 0_usize);
        while let Some(answer) = asked.next().await {
            match answer {
                Answer::Clients { count, ids } => {
                    unnamed += count.saturating_sub(ids.len());
                    silent.extend(ids);
                }
                Answer::Acknowledged { client: Some(id), packet } => {
                    // Whoever has answered already, or was not asked, has nothing to say.
                    if silent.contains(&id)
                        && let Some(answer) = bytes.read(&packet)
                    {
                        silent.remove(&id);
                        acks.answers.push((id, answer));
                    }
                }
                Answer::Acknowledged { client: None, packet } => {
                    acks.others.extend(bytes.read(&packet));
                }
                Answer::Sockets(_) | Answer::Rooms(_) | Answer::Reply(_) => {}
            }
        }
        acks.missing.extend(silent);
        acks.others_missing = unnamed.saturating_sub(acks.others.len());
        acks.unanswered = asked.silent();
        acks
    }
}

/// How many bytes of answers have come.
#[derive(Default)]
struct Bytes(AtomicUsize);

impl Bytes {
    fn read<R: DeserializeOwned>(&self, packet: &Packet) -> Option<R> {
        static LINES: LogLimiter = LogLimiter::new();
        // A count that publishes nothing.
        let before = self.0.fetch_add(packet.size(), Ordering::Relaxed);
        if before.saturating_add(packet.size()) > MOST_BYTES {
            if let Some(times) = LINES.count() {
                tracing::warn!(times, "clients acknowledge an event with too many bytes");
            }
            return None;
        }
        let arguments = InboundArguments::acknowledgement(packet.text(), packet.attachments());
        arguments.decode().inspect_err(|error| tracing::debug!(%error, "an acknowledgement does not have the expected form")).ok()
    }
}

type OneAnswer = BoxFuture<'static, (SocketId, Option<Packet>)>;

/// The sockets of this process that were asked, and have not answered yet.
pub(super) struct Asking {
    ids: Vec<SocketId>,
    silent: HashSet<SocketId>,
    answers: FuturesUnordered<OneAnswer>,
    deadline: Instant,
}

impl Asking {
    /// Sends the event to all sockets of this process that the group reaches, without waiting for any of them.
    pub(super) async fn all(
        namespace: &Arc<Namespace>,
        frame: &Frame,
        group: &Group,
        within: Duration,
    ) -> Self {
        /// So many need a fraction of a millisecond.
        const AT_ONCE: usize = 128;

        let ids = namespace.hub().reached(group);
        let (mut answers, deadline) = (FuturesUnordered::new(), clock::after(within));
        for ids in ids.chunks(AT_ONCE) {
            let members = namespace.pick(ids);
            answers.extend(members.into_iter().filter_map(|member| ask(&member, frame.clone())));
            tokio::task::yield_now().await;
        }
        Self { silent: ids.iter().copied().collect(), ids, answers, deadline }
    }

    /// Who was asked, or could not be.
    pub(super) fn ids(&self) -> &[SocketId] {
        &self.ids
    }

    /// The next who has answered, or has left. `None` once there is nobody left to answer, or the time is over.
    pub(super) async fn next(&mut self) -> Option<(SocketId, Option<Packet>)> {
        // What came in time counts, even if this task has used up its turn.
        let next = match self.answers.next().now_or_never() {
            Some(next) => next,
            None => timeout_at(self.deadline, self.answers.next()).await.ok().flatten(),
        };
        let (id, packet) = next?;
        self.silent.remove(&id);
        Some((id, packet))
    }

    /// Who has not been heard of.
    pub(super) fn silent(self) -> HashSet<SocketId> {
        self.silent
    }
}

/// Sends the event to one socket. `None` if it takes no more, or is behind with its acknowledgements.
fn ask(member: &Arc<Connection>, frame: Frame) -> Option<OneAnswer> {
    let namespace = member.namespace();
    let Some(asked) = member.link.ask(namespace.caps.outstanding_asks) else {
        reached::outstanding_asks(namespace.path());
        return None;
    };
    let offered = match member.offer_request(frame) {
        Ok(offered) => offered,
        Err(Returned::Gone) => return None,
        Err(Returned::Full(_)) => {
            overflow(member);
            return None;
        }
    };
    namespace.metrics.deliveries.increment(1);
    let member = Arc::clone(member);
    Some(Box::pin(async move {
        let _asked = asked;
        let packet = async {
            let answer = match offered {
                Ok(answer) => answer,
                Err(told) => told.await.ok()?.ok()?,
            };
            answer.packet().await
        };
        let packet = tokio::select! {
            // What came in time counts, even if the client has left since and this task has used up its turn.
            biased;
            packet = tokio::task::unconstrained(packet) => packet,
            () = member.gone() => None,
        };
        (member.id(), packet)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_bytes_are_read_and_no_more() {
        let (bytes, size) = (Bytes::default(), MOST_BYTES / 2);
        let half = Packet::new(format!("[\"{}\"]", "x".repeat(size - 4)), Vec::new());
        assert_eq!(half.size(), size);
        for _ in 0..2 {
            assert!(bytes.read::<String>(&half).is_some());
        }
        assert_eq!(bytes.read::<u32>(&Packet::new("[1]".to_owned(), Vec::new())), None);
    }
}
