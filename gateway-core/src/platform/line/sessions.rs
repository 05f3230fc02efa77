//! The sessions that began on polling, by their ids, and the WebSockets they try.

use std::{
    collections::{HashMap, hash_map::Entry},
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use foldhash::fast::RandomState;
use socketioxide_core::Sid;
use tokio::sync::oneshot;

use super::{
    DISMISSED, FrameByFrame, Line, LineStream, PROBED, Polled, Posts, STREAMS, State, StreamOptions,
};
use crate::platform::RequestHead;

/// Sends a packet into a session on polling, as its client would.
type Post = Box<dyn Fn(Sid, &'static str) + Send + Sync>;

/// Those only that socketioxide has opened, and until their end.
pub(crate) struct Sessions {
    known: Mutex<Known>,
    post: Post,
}

#[derive(Default)]
struct Known {
    sessions: HashMap<Sid, Session, RandomState>,
    /// Dropped with the session.
    attempts: HashMap<Sid, oneshot::Sender<Infallible>, RandomState>,
}

struct Session {
    line: Weak<State>,
    /// Of its handshake.
    head: Weak<RequestHead>,
}

impl Sessions {
    /// `post` sends a packet into a session on polling, as a request of its client would.
    pub(crate) fn new(post: impl Fn(Sid, &'static str) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { known: Mutex::default(), post: Box::new(post) })
    }

    pub(crate) fn get(&self, sid: Sid) -> Option<Line> {
        self.lock().sessions.get(&sid)?.line.upgrade().map(Line)
    }

    /// The request that has opened a session.
    pub(crate) fn handshake(&self, sid: Sid) -> Option<Arc<RequestHead>> {
        self.lock().sessions.get(&sid)?.head.upgrade()
    }

    /// A session was opened.
    pub(crate) fn insert(self: &Arc<Self>, sid: Sid, line: &Line, head: Weak<RequestHead>) {
        let polled = Polled { sid, sessions: Arc::downgrade(self), posts: Posts::default() };
        if line.0.polled.set(Box::new(polled)).is_ok() {
            let session = Session { line: Arc::downgrade(&line.0), head };
            self.lock().sessions.insert(sid, session);
            if line.has(DISMISSED) {
                // Before it could be reached.
                line.end_polling();
            }
        }
    }

    /// A session tries a WebSocket: the only one, for as long as what is returned lives.
    pub(crate) fn attempt(self: &Arc<Self>, sid: Sid) -> Result<Attempt, NoAttempt> {
        let line = self.get(sid).ok_or(NoAttempt::Unknown)?;
        let mut known = self.lock();
        // Under the lock, since an attempt that succeeds says so before it leaves its place.
        if line.has(STREAMS) {
            return Err(NoAttempt::Upgraded);
        }
        match known.attempts.entry(sid) {
            Entry::Occupied(_) => Err(NoAttempt::Upgrading),
            Entry::Vacant(place) => {
                let (session, ended) = oneshot::channel();
                place.insert(session);
                let sessions = Arc::downgrade(self);
                Ok(Attempt { sid, line: Arc::downgrade(&line.0), sessions, ended })
            }
        }
    }

    pub(super) fn forget(&self, sid: Sid) {
        let mut known = self.lock();
        known.sessions.remove(&sid);
        known.attempts.remove(&sid);
    }

    pub(super) fn post(&self, sid: Sid, packet: &'static str) {
        (self.post)(sid, packet);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().sessions.len()
    }

    #[cfg(test)]
    pub(crate) fn attempts(&self) -> usize {
        self.lock().attempts.len()
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// A WebSocket that a session on polling tries, until it has gone over to it or this is dropped.
///
/// The session does not live on because of it.
#[derive(Debug)]
pub(crate) struct Attempt {
    sid: Sid,
    line: Weak<State>,
    sessions: Weak<Sessions>,
    ended: oneshot::Receiver<Infallible>,
}

/// Why a session does not try a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAttempt {
    /// There is no such session.
    Unknown,
    /// It tries another one.
    Upgrading,
    /// It has one, or has had one.
    Upgraded,
}

impl Attempt {
    /// Resolves when the session has ended.
    pub(crate) async fn ended(&mut self) {
        let Err(_dropped) = (&mut self.ended).await;
    }

    /// The client has its answer to the probe, or will have it: ends the poll that waits, so that it
    /// can go over. To be called again for a client that has polled once more before it knew.
    pub(crate) fn flush_polls(&self) {
        if let Some(line) = self.line.upgrade().map(Line) {
            line.set(PROBED);
            line.0.requests.notify_waiters();
        }
    }

    /// The session goes over, unless it has ended.
    pub(crate) fn succeed<S>(
        self,
        stream: FrameByFrame<S>,
        options: StreamOptions,
    ) -> Option<LineStream<S>>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let line = Line(self.line.upgrade()?);
        Some(stream.upgraded(line, options))
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(line) = self.line.upgrade().map(Line) {
            line.clear(PROBED);
        }
        if let Some(sessions) = self.sessions.upgrade() {
            sessions.lock().attempts.remove(&self.sid);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::duplex;

    use super::*;

    fn sid(text: &str) -> Sid {
        text.parse().unwrap()
    }

    /// A session, and the others.
    fn session() -> (Arc<Sessions>, Sid, Line) {
        let sessions = Sessions::new(|_, _| {});
        let (sid, line) = (sid("AAAAAAAAAAAAAAAA"), Line::default());
        sessions.insert(sid, &line, Weak::new());
        (sessions, sid, line)
    }

    #[test]
    fn sessions_are_known_as_long_as_they_live() {
        let (sessions, a, line) = session();
        assert!(sessions.get(a).is_some() && sessions.get(sid("BBBBBBBBBBBBBBBB")).is_none());
        assert_eq!(sessions.len(), 1);
        drop(line);
        assert_eq!(sessions.len(), 0);
    }

    #[test]
    fn a_session_tries_one_websocket_at_a_time_until_one_succeeds() {
        let (sessions, a, _line) = session();
        let refusal = |sid| sessions.attempt(sid).map(drop).unwrap_err();
        assert_eq!(refusal(sid("BBBBBBBBBBBBBBBB")), NoAttempt::Unknown);
        let first = sessions.attempt(a).unwrap();
        assert_eq!(refusal(a), NoAttempt::Upgrading);
        drop(first);
        assert_eq!(sessions.attempts(), 0);

        let second = sessions.attempt(a).unwrap();
        let stream = FrameByFrame::new(duplex(64).0);
        let stream = second.succeed(stream, StreamOptions::default());
        assert_eq!((refusal(a), sessions.attempts()), (NoAttempt::Upgraded, 0));
        drop(stream);
        assert_eq!(refusal(a), NoAttempt::Upgraded);
    }

    #[test]
    fn an_attempt_ends_with_its_session() {
        let (sessions, a, line) = session();
        let mut attempt = sessions.attempt(a).unwrap();
        assert!(attempt.ended().now_or_never().is_none());
        drop(line);
        assert!(attempt.ended().now_or_never().is_some());
        assert_eq!(sessions.attempts(), 0);
        assert!(
            attempt.succeed(FrameByFrame::new(duplex(64).0), StreamOptions::default()).is_none()
        );
    }

    #[test]
    fn a_poll_is_flushed_for_a_probe_and_for_nothing_else() {
        let (sessions, a, line) = session();
        let mut poll = Box::pin(line.polls_flushed());
        line.pause();
        line.resume();
        assert!(poll.as_mut().now_or_never().is_none());
        let attempt = sessions.attempt(a).unwrap();
        attempt.flush_polls();
        assert!(poll.now_or_never().is_some());

        // The next one waits until it is flushed, too, and again when the attempt has failed.
        let mut next = Box::pin(line.polls_flushed());
        assert!(next.as_mut().now_or_never().is_none());
        attempt.flush_polls();
        assert!(next.now_or_never().is_some());
        let mut last = Box::pin(line.polls_flushed());
        drop(attempt);
        line.pause();
        line.resume();
        assert!(last.as_mut().now_or_never().is_none());
    }
}
