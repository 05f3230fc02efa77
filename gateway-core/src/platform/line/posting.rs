//! What a client on polling posts, body by body. Between two of them nobody reads, so for the attachments that one of
//! them has left to come, a task waits.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::MutexGuard,
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use super::{ENDED, Judge, Line, PacketLimits, STREAMS, State};
use crate::{clock, platform::fault::Fault};

/// How often it is looked whether a body that began before an attachment was late is all there.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Posts {
    /// From the first body on.
    judge: OnceLock<Box<tokio::sync::Mutex<Judge>>>,
    /// Bodies that have begun, and are not judged yet.
    in_hand: AtomicUsize,
    /// Exists while an attachment is waited for.
    late: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Line {
    /// A body begins: of a session that began on polling.
    pub(crate) fn posting(&self) -> Posting<'_> {
        let posts = self.0.polled.get().map(|polled| &polled.posts);
        if let Some(posts) = posts {
            // A count that publishes nothing.
            posts.in_hand.fetch_add(1, Ordering::Relaxed);
        }
        Posting { line: self, posts, began: clock::now(), was_paused: self.is_paused() }
    }

    /// The judge of what was posted, for the session's WebSocket.
    pub(super) fn judge_of_posts(&self) -> Option<&tokio::sync::Mutex<Judge>> {
        self.0.polled.get().and_then(|polled| polled.posts.judge.get()).map(|judge| &**judge)
    }
}

/// A body that has begun to come.
pub(crate) struct Posting<'a> {
    line: &'a Line,
    posts: Option<&'a Posts>,
    began: Instant,
    was_paused: bool,
}

impl<'a> Posting<'a> {
    /// It is all there: its judge, once those before it are judged. Nothing of a session that has a WebSocket, or
    /// never was on polling, is judged here.
    pub(crate) async fn judge(&self, body: &[u8], limits: PacketLimits) -> Option<Judging<'a>> {
        let posts = self.posts.filter(|_| !self.line.has(STREAMS))?;
        let judge = posts.judge.get_or_init(|| Box::new(Judge::new(limits).into()));
        let mut judge = judge.lock().await;
        if self.was_paused {
            judge.excuse();
        } else {
            judge.begun(body, self.began);
        }
        Some(Judging { line: self.line, posts, judge })
    }
}

impl Drop for Posting<'_> {
    fn drop(&mut self) {
        if let Some(posts) = self.posts {
            posts.in_hand.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The judge of one body. When it is dropped, however that happens, attachments that are to come are waited for.
pub(crate) struct Judging<'a> {
    line: &'a Line,
    posts: &'a Posts,
    judge: MutexGuard<'a, Judge>,
}

impl Deref for Judging<'_> {
    type Target = Judge;

    fn deref(&self) -> &Judge {
        &self.judge
    }
}

impl DerefMut for Judging<'_> {
    fn deref_mut(&mut self) -> &mut Judge {
        &mut self.judge
    }
}

impl Drop for Judging<'_> {
    fn drop(&mut self) {
        let late = self.judge.attachment_due().and_then(|due| {
            // Without a runtime there is no session any more, either.
            let runtime = Handle::try_current().ok()?;
            let waits = wait_for_attachment(Arc::downgrade(&self.line.0), due);
            Some(AbortOnDropHandle::new(runtime.spawn(waits)))
        });
        *self.posts.late.lock().unwrap_or_else(PoisonError::into_inner) = late;
    }
}

/// Ends the session if no body that may have the attachment has begun by then.
async fn wait_for_attachment(session: Weak<State>, mut due: Instant) {
    loop {
        sleep_until(due).await;
        let Some(line) = session.upgrade().map(Line) else { return };
        let Some(polled) = line.0.polled.get() else { return };
        if line.has(STREAMS | ENDED) {
            return;
        }
        if polled.posts.in_hand.load(Ordering::Relaxed) == 0 {
            return line.fail(Fault::LateAttachments);
        }
        due = clock::after(LOOK_AGAIN);
    }
}

impl fmt::Debug for Posts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Posts").field("in_hand", &self.in_hand).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::{super::Sessions, *};

    const LIMITS: fn() -> PacketLimits = PacketLimits::default;
    const TWO_ARE_TO_COME: &[&str] = &["40", r#"452-["a"]"#];
    const ONE: &[&str] = &["bAQID"];

    fn tasks() -> usize {
        Handle::current().metrics().num_alive_tasks()
    }

    /// A session on polling, and what was posted in its client's place.
    fn session() -> (Line, impl Fn() -> Vec<&'static str>, Arc<Sessions>) {
        let posted = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&posted);
        let sessions = Sessions::new(move |_, packet| told.lock().unwrap().push(packet));
        let line = Line::of_member(&[]);
        sessions.insert("AAAAAAAAAAAAAAAA".parse().unwrap(), &line, Weak::new());
        (line, move || posted.lock().unwrap().clone(), sessions)
    }

    impl Posting<'_> {
        async fn says(&self, packets: &[&str]) -> Result<(), Fault> {
            let judging = self.judge(packets[0].as_bytes(), LIMITS()).await;
            let mut judging = judging.expect("it is on polling");
            packets.iter().try_for_each(|packet| judging.packet(packet.as_bytes(), self.line))
        }
    }

    async fn seconds(seconds: u64) {
        // A moment before or after what is due.
        sleep(Duration::from_secs(seconds) + Duration::from_millis(10)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_attachments_to_come_and_falls_silent_is_ended() {
        let (line, posted, _sessions) = session();
        line.posting().says(TWO_ARE_TO_COME).await.unwrap();
        seconds(8).await;
        line.posting().says(ONE).await.unwrap();
        seconds(9).await;
        assert!(!line.is_faulty() && posted().is_empty());
        seconds(1).await;
        assert!(line.is_faulty());
        assert_eq!(posted(), ["1"]);
        assert_eq!(&line.close_payload().unwrap()[..2], 1008_u16.to_be_bytes());
    }

    #[tokio::test(start_paused = true)]
    async fn one_task_waits_and_only_while_an_attachment_is_to_come() {
        let (line, posted, _sessions) = session();
        let before = tasks();
        line.posting().says(&["40", r#"42["a"]"#, r#"451-["a"]"#, "bAQID"]).await.unwrap();
        assert_eq!(tasks(), before, "all of it has come");
        line.posting().says(&TWO_ARE_TO_COME[1..]).await.unwrap();
        for _ in 0..100 {
            line.posting().says(&["3"]).await.unwrap();
        }
        seconds(0).await;
        assert_eq!(tasks(), before + 1);
        line.posting().says(ONE).await.unwrap();
        line.posting().says(ONE).await.unwrap();
        seconds(0).await;
        assert_eq!(tasks(), before);
        seconds(60).await;
        assert!(!line.is_faulty() && posted().is_empty());

        line.posting().says(&TWO_ARE_TO_COME[1..]).await.unwrap();
        drop(line);
        seconds(0).await;
        assert_eq!(tasks(), before, "nobody waits for a session that has gone");
    }

    #[tokio::test(start_paused = true)]
    async fn an_attachment_whose_body_began_in_time_is_not_late() {
        let (line, _posted, _sessions) = session();
        line.posting().says(TWO_ARE_TO_COME).await.unwrap();
        seconds(9).await;
        let slow = line.posting();
        seconds(9).await;
        assert!(!line.is_faulty());
        slow.says(ONE).await.unwrap();
        drop(slow);

        // Signs of life are no attachments, and a body that breaks off has none, either.
        seconds(9).await;
        let broken = line.posting();
        seconds(9).await;
        assert_eq!(line.posting().says(&["3"]).await, Err(Fault::LateAttachments));
        assert!(!line.is_faulty());
        drop(broken);
        seconds(1).await;
        assert!(line.is_faulty());
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nothing_is_read_does_not_count() {
        let (line, _posted, _sessions) = session();
        line.posting().says(TWO_ARE_TO_COME).await.unwrap();
        line.pause();
        let held_back = line.posting();
        seconds(60).await;
        assert!(!line.is_faulty());
        line.resume();
        held_back.says(ONE).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_session_that_has_gone_over_its_websocket_waits() {
        let (line, posted, _sessions) = session();
        line.posting().says(TWO_ARE_TO_COME).await.unwrap();
        line.set(STREAMS);
        seconds(60).await;
        assert!(!line.is_faulty() && posted().is_empty());
    }
}
