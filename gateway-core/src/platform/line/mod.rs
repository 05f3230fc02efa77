//! The line to each client: below socketioxide, what leaves and what comes is read off the wire.
//!
//! A [`Line`] belongs to an Engine.IO session and not to a TCP connection: a session on polling has
//! many, and one that goes over to a WebSocket keeps what it counts. What socketioxide was handed and
//! has not left is in its [`Ledger`]; [`LineStream`] (WebSocket) and [`PolledBody`] (polling) see it
//! leave. Here a line is cut, paused, and told to close with a code, on both transports.

mod ahead;
mod answers;
mod beginning;
mod encoded;
mod frame_by_frame;
mod frames;
mod http;
mod inbound;
mod judge;
mod ledger;
mod linger;
mod membership;
mod outbound;
mod packets;
mod phase;
mod polling;
mod posting;
mod sessions;
mod stall;
mod stream;
#[cfg(test)]
mod testing;
mod unjoined;
mod upgraded;
mod utf8;

use std::{
    fmt,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use futures_util::task::AtomicWaker;
use socketioxide_core::Sid;
use tokio::sync::Notify;

pub(crate) use frame_by_frame::FrameByFrame;
pub(crate) use http::{Below, HttpLine, HttpStream, Request};
pub(crate) use judge::{Judge, PacketLimits};
pub(crate) use ledger::{InFlight, Ledger, WINDOW_BYTES, WINDOW_PACKETS};
pub(crate) use linger::Linger;
pub(crate) use membership::Name;
pub(crate) use phase::Stage;
pub(crate) use polling::{PolledBody, end_session};
pub(crate) use sessions::{Attempt, NoAttempt, Sessions};
pub(crate) use stall::DrainRate;
pub(crate) use stream::{LineStream, StreamOptions};
pub(crate) use unjoined::{Speech, Unjoined};
pub(crate) use upgraded::Upgraded;

use self::{
    answers::Answers,
    membership::{Memberships, UnderWay},
    posting::Posts,
    unjoined::Stranger,
};
use super::{Client, DisconnectReason, fault::Fault};

/// One session, as those see it who are not its reader or writer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line(Arc<State>);

#[derive(Default)]
struct State {
    ledger: Ledger,
    /// Of those below, and how often [`PAUSE`].
    ///
    /// Whoever sets one wakes those whom it concerns afterwards, and those look again after they have
    /// left their wakers: sequentially consistent, so that one of the two sees the other.
    flags: AtomicU32,
    reader: AtomicWaker,
    writer: AtomicWaker,
    /// Told when something changes that requests on polling wait for.
    requests: Notify,
    /// What the close frame of socketioxide is rewritten to.
    close: OnceLock<Box<[u8]>>,
    /// Where the session began on polling.
    polled: OnceLock<Box<Polled>>,
    stranger: Stranger,
    memberships: Memberships,
    under_way: UnderWay,
    answers: Answers,
    /// Events that socketioxide has handed on.
    heard: AtomicU32,
    client: OnceLock<Client>,
}

/// What a session on polling has and others have not.
struct Polled {
    sid: Sid,
    /// By which it is reached between requests.
    sessions: Weak<Sessions>,
    posts: Posts,
}

/// The session is to end, and nothing more passes.
const CUT: u32 = 1;
/// A ping has left, and nobody has looked yet whether its answer can come in.
const PINGED: u32 = 2;
/// The close frame is rewritten.
const CLOSES_WITH: u32 = 4;
/// The session has a WebSocket, or has had one.
const STREAMS: u32 = 8;
/// socketioxide is told of an upgrade that its client has gone through, and is not to answer.
const RETELLS: u32 = 16;
/// A WebSocket that the session tries was probed, and waits for the polls to end.
const PROBED: u32 = 32;
/// The client did what it may not do.
const FAULTY: u32 = 64;
/// What it did was to send a packet that cannot be read.
const UNREADABLE: u32 = 128;
/// It was cut because nothing could be written any more.
const BROKEN: u32 = 256;
/// The client was sent away from a namespace, and may not have heard of it.
const SENT_AWAY: u32 = 512;
/// The session has ended, whoever still holds something of it.
const ENDED: u32 = 1024;
/// Somebody waits for that: bodies on polling are looked at for it.
const WATCHED: u32 = 2048;
/// The session is to end, and is told why: nothing more is read.
const DISMISSED: u32 = 4096;
/// The client was sent away from a namespace at some time.
const LOST_A_NAMESPACE: u32 = 8192;
/// socketioxide has said that the session is over.
const CLOSED: u32 = 16_384;
/// One of those who want reading to pause: their number is above the flags.
const PAUSE: u32 = 1 << 16;

fn is_paused(flags: u32) -> bool {
    flags >= PAUSE
}

impl Line {
    /// With a window of that many bytes.
    pub(crate) fn new(window: usize) -> Self {
        let mut state = State::default();
        state.ledger = Ledger::new(window);
        Self(Arc::new(state))
    }

    /// What is with socketioxide's writer.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// Ends the session, whatever it waits for, and the connection under it where that is a
    /// WebSocket.
    pub(crate) fn cut(&self) {
        if self.set(CUT) {
            return;
        }
        self.0.reader.wake();
        self.0.writer.wake();
        self.end();
        self.end_polling();
    }

    /// The session has ended, or is about to: there is nobody left to do anything for.
    pub(crate) fn end(&self) {
        if !self.set(ENDED) {
            self.0.requests.notify_waiters();
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has(ENDED)
    }

    /// Resolves when the session has ended. Of one on polling, when its client has said so, or a poll of
    /// it has been ended: of a client that is silent nothing is known here.
    pub(crate) async fn ended(&self) {
        /// With several, the first to be done takes it away from the others, which have a time limit.
        struct Watch<'a>(&'a Line);
        impl Drop for Watch<'_> {
            fn drop(&mut self) {
                self.0.clear(WATCHED);
            }
        }
        self.set(WATCHED);
        let _watch = Watch(self);
        loop {
            let changed = self.0.requests.notified();
            if self.has_ended() {
                return;
            }
            changed.await;
        }
    }

    /// Whether somebody waits for the end of the session.
    pub(crate) fn is_watched(&self) -> bool {
        self.has(WATCHED)
    }

    /// Ends the session and tells its client why, as [`close_with`](Self::close_with) does: nothing more
    /// is read of it, which makes socketioxide close it.
    pub(crate) fn dismiss(&self, code: u16, reason: &str) {
        self.close_with(code, reason);
        if !self.set(DISMISSED) {
            self.0.reader.wake();
            self.end_polling();
        }
    }

    /// The connection has ended under its writer.
    fn broke(&self) {
        if !self.is_cut() {
            self.set(BROKEN);
        }
        self.cut();
    }

    /// The client did what it may not do: it is told by the close frame and the log is told, and the
    /// session ends.
    pub(crate) fn fail(&self, fault: Fault) {
        if self.has(FAULTY) {
            return;
        }
        // First what the end that follows is to say.
        let (code, reason) = fault.close();
        self.close_with(code, &reason);
        if fault.is_unreadable() {
            self.set(UNREADABLE);
        }
        if self.set(FAULTY) {
            return;
        }
        fault.report(self.0.client.get());
        self.0.reader.wake();
        self.end_polling();
    }

    /// Whether the client did what it may not do, and is not heard any more.
    pub(crate) fn is_faulty(&self) -> bool {
        self.has(FAULTY)
    }

    /// Why the session has ended, where that was decided here.
    pub(crate) fn verdict(&self) -> Option<DisconnectReason> {
        let flags = self.flags();
        if flags & UNREADABLE != 0 {
            Some(DisconnectReason::ParseError)
        } else if flags & FAULTY != 0 || flags & (CUT | BROKEN) == CUT {
            Some(DisconnectReason::TransportError)
        } else {
            None
        }
    }

    /// Whose session it is.
    pub(crate) fn is_of(&self, client: Client) {
        self.0.client.set(client).ok();
    }

    /// An event was handed on.
    #[inline]
    pub(crate) fn hear(&self) {
        // Counted and compared by the same task.
        let heard = self.0.heard.load(Ordering::Relaxed);
        self.0.heard.store(heard.wrapping_add(1), Ordering::Relaxed);
    }

    /// How many events were.
    #[inline]
    pub(crate) fn heard(&self) -> u32 {
        self.0.heard.load(Ordering::Relaxed)
    }

    /// Gives the reader nothing more after the end of the current message, until
    /// [`resume`](Self::resume) was called as often. What has been read is kept, and the session's
    /// heartbeat goes on as if its client had answered.
    pub(crate) fn pause(&self) {
        let before = self.0.flags.fetch_add(PAUSE, Ordering::SeqCst);
        if !is_paused(before) && before & PINGED != 0 {
            self.answer_ping();
        }
    }

    /// Lets reading go on, unless somebody else has paused it, too.
    pub(crate) fn resume(&self) {
        let before = self.0.flags.fetch_sub(PAUSE, Ordering::SeqCst);
        if !is_paused(before - PAUSE) {
            self.0.reader.wake();
            self.0.requests.notify_waiters();
        }
    }

    pub(crate) fn is_paused(&self) -> bool {
        is_paused(self.flags()) || self.0.answers.are_too_many()
    }

    /// Resolves when reading is not paused, or the line was cut.
    pub(crate) async fn reading(&self) {
        loop {
            let changed = self.0.requests.notified();
            if !self.is_paused() || self.is_cut() {
                return;
            }
            changed.await;
        }
    }

    /// Resolves when a poll that waits is to end with nothing: its client goes over to a WebSocket
    /// once it has the answer.
    pub(crate) async fn polls_flushed(&self) {
        let mut changed = self.0.requests.notified();
        loop {
            changed.await;
            changed = self.0.requests.notified();
            if self.has(PROBED) {
                return;
            }
        }
    }

    /// Lets the close frame that socketioxide sends, without saying why, say this: a code of RFC 6455,
    /// 7.4, and at most 123 bytes of text. The first to say so is heard.
    ///
    /// On polling there is no such thing as a close code.
    pub(crate) fn close_with(&self, code: u16, reason: &str) {
        let mut end = reason.len().min(123);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let payload = [&code.to_be_bytes()[..], &reason.as_bytes()[..end]].concat();
        if self.0.close.set(payload.into()).is_ok() {
            self.set(CLOSES_WITH);
        }
    }

    /// Whether the session has a WebSocket, or has had one.
    pub(crate) fn is_stream(&self) -> bool {
        self.has(STREAMS)
    }

    /// Whether nothing more is read.
    #[cfg(test)]
    pub(crate) fn is_over(&self) -> bool {
        self.has(CUT | DISMISSED)
    }

    fn close_payload(&self) -> Option<&[u8]> {
        if !self.has(CLOSES_WITH) {
            return None;
        }
        self.0.close.get().map(|payload| &**payload)
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.has(CUT)
    }

    /// Packets were seen to leave. As many CONNECTs may fail in a row.
    #[inline]
    fn departed(&self, departed: outbound::Departed, failed_connects: usize) {
        if departed.packets > 0 {
            self.0.ledger.left(departed.packets, departed.bytes);
        }
        if !departed.own.is_nothing() {
            self.own_departed(departed.own, failed_connects);
        }
    }

    #[cold]
    fn own_departed(&self, own: outbound::Departures, failed_connects: usize) {
        if own.closed {
            self.set(CLOSED);
        }
        let were_too_many = self.0.answers.are_too_many();
        let failed = self.0.answers.left(own);
        if own.pinged {
            self.set(PINGED);
            if self.is_paused() {
                self.answer_ping();
            }
        }
        if were_too_many && !self.is_paused() {
            self.0.reader.wake();
            self.0.requests.notify_waiters();
        }
        if own.refused > 0 && failed as usize >= failed_connects {
            self.fail(Fault::FailedConnects);
        }
    }

    /// Answers the ping in the client's place: its own answer is behind what is not read.
    fn answer_ping(&self) {
        if self.has(STREAMS) {
            // Its reader does it, where it is in the stream.
            self.0.reader.wake();
        } else if self.clear(PINGED) {
            self.post(PONG);
        }
    }

    /// Ends a session on polling, which has no connection of its own to cut. Of no effect where it is
    /// a WebSocket, or has ended.
    fn end_polling(&self) {
        self.post(CLOSE);
    }

    fn post(&self, packet: &'static str) {
        if let Some(Polled { sid, sessions, .. }) = self.0.polled.get().map(|polled| &**polled)
            && let Some(sessions) = sessions.upgrade()
        {
            sessions.post(*sid, packet);
        }
    }

    fn flags(&self) -> u32 {
        self.0.flags.load(Ordering::SeqCst)
    }

    /// Whether one of them is set.
    fn has(&self, flag: u32) -> bool {
        self.flags() & flag != 0
    }

    /// Says whether it was set before.
    fn set(&self, flag: u32) -> bool {
        self.0.flags.fetch_or(flag, Ordering::SeqCst) & flag != 0
    }

    /// Says whether it was set before.
    fn clear(&self, flag: u32) -> bool {
        self.0.flags.fetch_and(!flag, Ordering::SeqCst) & flag != 0
    }
}

#[cfg(test)]
impl Line {
    /// Of a client that is in the root namespace, and in these.
    pub(crate) fn of_member(namespaces: &[&str]) -> Self {
        let line = Self::default();
        for namespace in namespaces.iter().map(|name| Name::of(name)).chain([Name::ROOT]) {
            assert!(line.ask(namespace, usize::MAX));
            line.join(namespace);
        }
        line
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(Polled { sid, sessions, .. }) = self.polled.get().map(|polled| &**polled)
            && let Some(sessions) = sessions.upgrade()
        {
            sessions.forget(*sid);
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Line").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

/// Engine.IO's packet that ends a session.
const CLOSE: &str = "1";

/// Engine.IO's answer to a ping.
const PONG: &str = "3";

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn sid(text: &str) -> Sid {
        text.parse().unwrap()
    }

    #[test]
    fn a_session_on_polling_is_ended_by_a_packet_of_its_client() {
        let posted = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&posted);
        let sessions = Sessions::new(move |sid, packet| told.lock().unwrap().push((sid, packet)));
        let line = Line::default();
        sessions.insert(sid("AAAAAAAAAAAAAAAA"), &line, Weak::new());
        line.cut();
        line.cut();
        assert_eq!(*posted.lock().unwrap(), [(sid("AAAAAAAAAAAAAAAA"), "1")]);
    }

    #[test]
    fn a_paused_session_on_polling_is_not_declared_dead() {
        let posted = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&posted);
        let sessions = Sessions::new(move |_, packet| told.lock().unwrap().push(packet));
        let line = Line::default();
        sessions.insert(sid("AAAAAAAAAAAAAAAA"), &line, Weak::new());
        let own = outbound::Departures { pinged: true, ..Default::default() };
        let ping = outbound::Departed { own, ..Default::default() };
        line.departed(ping, 5);
        assert!(posted.lock().unwrap().is_empty());
        line.pause();
        assert_eq!(*posted.lock().unwrap(), ["3"]);
        line.departed(ping, 5);
        assert_eq!(*posted.lock().unwrap(), ["3", "3"]);
        line.resume();
        line.departed(ping, 5);
        assert_eq!(posted.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_reason_to_close_is_cut_between_characters() {
        let line = Line::default();
        assert_eq!(line.close_payload(), None);
        line.close_with(4001, &"é".repeat(100));
        line.close_with(1000, "later");
        let payload = line.close_payload().unwrap();
        assert_eq!(payload[..2], 4001_u16.to_be_bytes());
        assert_eq!(std::str::from_utf8(&payload[2..]).unwrap(), "é".repeat(61));
    }
}
