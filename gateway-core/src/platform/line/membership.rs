//! The namespaces that a session is in: what its packets may name.
//!
//! It is told by those who let a client in and send it away, and asked before socketioxide sees a packet:
//! one to a namespace that the client is not in makes socketioxide end the session without a word.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use smallvec::SmallVec;

use super::{LOST_A_NAMESPACE, Line, SENT_AWAY};

/// The name of a namespace. Packets come in pieces, so it is known by its hash: who makes up two names
/// that are taken for one confuses nobody but itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name(u64);

impl Name {
    /// Of the namespace that packets do not name.
    pub(super) const ROOT: Self = Self::BEGUN.then(b'/');

    /// A name of which nothing has come. It is FNV-1a, 64 bits.
    pub(super) const BEGUN: Self = Self(0xcbf2_9ce4_8422_2325);

    pub(crate) fn of(name: &str) -> Self {
        name.bytes().fold(Self::BEGUN, Self::then)
    }

    #[inline]
    pub(super) const fn then(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x100_0000_01b3))
    }
}

/// Namespaces that socketioxide is letting the client into, or sending it away from.
///
/// It tells the client first, and is done some microseconds later, or whenever the thread has its turn again. Until then
/// it silently ignores a CONNECT to the same namespace, which the client may already have sent.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Mutex<SmallVec<[Name; 1]>>);

impl UnderWay {
    fn begin(&self, namespace: Name) {
        self.lock().push(namespace);
    }

    fn end(&self, namespace: Name) {
        let mut all = self.lock();
        if let Some(at) = all.iter().position(|one| *one == namespace) {
            all.swap_remove(at);
        }
    }

    /// Waits until socketioxide is done with that namespace. The read loop, which would pass the next CONNECT on, waits
    /// for the other thread.
    fn wait_for(&self, namespace: Name) {
        /// What could not be told the client never ends here.
        const PATIENCE: Duration = Duration::from_millis(20);
        /// From the last that is seen of it here to its end.
        const RETURN: Duration = Duration::from_micros(100);

        if !self.lock().contains(&namespace) {
            return;
        }
        let begun = Instant::now();
        while self.lock().contains(&namespace) && begun.elapsed() < PATIENCE {
            thread::yield_now();
        }
        thread::sleep(RETURN);
    }

    fn lock(&self) -> MutexGuard<'_, SmallVec<[Name; 1]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a client that was sent away out of socketioxide's table.
pub(crate) type Removal = Box<dyn FnOnce() + Send>;

#[derive(Debug, Default)]
pub(super) struct Memberships(Mutex<Vec<Membership>>);

#[derive(Debug)]
struct Membership {
    namespace: Name,
    standing: Standing,
}

enum Standing {
    /// It is being decided whether the client is let in.
    Asks,
    Member,
    /// The client was sent away. Until it has heard of it, it may go on to speak: so it stays in
    /// socketioxide's table, where nobody listens, until it asks to be let in again.
    SentAway(Removal),
}

impl fmt::Debug for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Asks => "Asks",
            Self::Member => "Member",
            Self::SentAway(_) => "SentAway",
        })
    }
}

impl Memberships {
    /// A client asks to be let in. Says whether there is a place for it, among `most`.
    pub(super) fn ask(&self, namespace: Name, most: usize) -> bool {
        let mut all = self.lock();
        // socketioxide asks for nobody whom it still knows there.
        all.retain(|one| one.namespace != namespace);
        let taken = all.iter().filter(|one| !matches!(one.standing, Standing::SentAway(_)));
        if taken.count() >= most {
            return false;
        }
        // Most clients are in one, and stay there.
        all.reserve_exact(1);
        all.push(Membership { namespace, standing: Standing::Asks });
        true
    }

    /// The client is let in.
    pub(super) fn join(&self, namespace: Name) {
        if let Some(one) = self.lock().iter_mut().find(|one| one.namespace == namespace) {
            one.standing = Standing::Member;
        }
    }

    /// The client is not let in.
    pub(super) fn refuse(&self, namespace: Name) {
        let asks =
            |one: &Membership| one.namespace == namespace && matches!(one.standing, Standing::Asks);
        self.lock().retain(|one| !asks(one));
    }

    /// The client is sent away. Says whether it may still speak, and so stays in the table: one whose
    /// own good-bye has been read is taken out when that is handled.
    pub(super) fn send_away(&self, namespace: Name, removal: Removal) -> bool {
        let mut all = self.lock();
        let here = all.iter_mut().find(|one| one.namespace == namespace);
        here.map(|one| one.standing = Standing::SentAway(removal)).is_some()
    }

    /// The client says that it leaves: whether it was there.
    pub(super) fn leave(&self, namespace: Name) -> bool {
        let mut all = self.lock();
        let here = all.iter().position(|one| one.namespace == namespace && one.may_speak());
        here.map(|at| all.swap_remove(at)).is_some()
    }

    /// Whether it is being decided if the client is let in.
    pub(super) fn is_asking(&self, namespace: Name) -> bool {
        self.lock().iter().any(|one| one.namespace == namespace && !one.may_speak())
    }

    /// Whether what the client says there is taken.
    pub(super) fn may_speak(&self, namespace: Name) -> bool {
        self.lock().iter().any(|one| one.namespace == namespace && one.may_speak())
    }

    /// The client is about to ask to be let in. Says whether that is answered, and who must be taken out
    /// of the table before.
    pub(super) fn comes(&self, namespace: Name) -> (bool, Option<Removal>) {
        let mut all = self.lock();
        let Some(at) = all.iter().position(|one| one.namespace == namespace) else {
            return (true, None);
        };
        if !matches!(all[at].standing, Standing::SentAway(_)) {
            return (false, None);
        }
        match all.swap_remove(at).standing {
            Standing::SentAway(removal) => (true, Some(removal)),
            Standing::Asks | Standing::Member => (true, None),
        }
    }

    /// Whether the client has been let in somewhere, and has not left since.
    pub(super) fn is_anywhere(&self) -> bool {
        self.lock().iter().any(Membership::may_speak)
    }

    /// Whether the client was sent away from somewhere.
    pub(super) fn has_sent_away(&self) -> bool {
        self.lock().iter().any(|one| matches!(one.standing, Standing::SentAway(_)))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Membership>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// A client asks to be let into a namespace: `false` where it is in `most` others.
    pub(crate) fn ask(&self, namespace: Name, most: usize) -> bool {
        self.0.memberships.ask(namespace, most)
    }

    /// It is let in, before it is told: what it says from then on may be with the server before anything else is done.
    pub(crate) fn join(&self, namespace: Name) {
        self.0.memberships.join(namespace);
        self.joined();
    }

    /// It is not let in.
    pub(crate) fn refuse(&self, namespace: Name) {
        self.0.memberships.refuse(namespace);
    }

    /// It is sent away; `removal` takes it out of socketioxide's table. Until it has heard of it, it may
    /// speak on, and what it says must find it there. Says whether that is so.
    pub(crate) fn send_away(&self, namespace: Name, removal: Removal) -> bool {
        let stays = self.0.memberships.send_away(namespace, removal);
        if stays {
            self.set(SENT_AWAY | LOST_A_NAMESPACE);
        }
        stays
    }

    /// Whether its client was ever sent away, and may be back.
    pub(crate) fn has_lost_a_namespace(&self) -> bool {
        self.has(LOST_A_NAMESPACE)
    }

    /// A DISCONNECT has come: says whether the client was there.
    pub(super) fn leaves(&self, namespace: Name) -> bool {
        let was_there = self.0.memberships.leave(namespace);
        self.forget_sent_away();
        was_there
    }

    /// Whether it has been let in somewhere, and has not left since.
    pub(crate) fn is_in_a_namespace(&self) -> bool {
        self.0.memberships.is_anywhere()
    }

    /// Whether a packet to the namespace is taken.
    pub(super) fn may_speak(&self, namespace: Name) -> bool {
        self.0.memberships.may_speak(namespace)
    }

    /// A CONNECT has come, and all that came before it has been handled.
    pub(super) fn comes(&self, namespace: Name) {
        if self.0.memberships.is_asking(namespace) {
            return;
        }
        self.0.under_way.wait_for(namespace);
        let (is_answered, removal) = self.0.memberships.comes(namespace);
        if let Some(removal) = removal {
            removal();
            self.forget_sent_away();
        }
        if is_answered {
            self.0.answers.expect();
        }
    }

    /// socketioxide begins to let the client in, or to send it away.
    pub(crate) fn change_begins(&self, namespace: Name) {
        self.0.under_way.begin(namespace);
    }

    /// It is done with that, or will be with its next step.
    pub(crate) fn change_ends(&self, namespace: Name) {
        self.0.under_way.end(namespace);
    }

    fn forget_sent_away(&self) {
        if self.has(SENT_AWAY) {
            self.clear(SENT_AWAY);
            // Who is sent away meanwhile sets it behind its entry.
            if self.0.memberships.has_sent_away() {
                self.set(SENT_AWAY);
            }
        }
    }

    /// Whether what comes before a CONNECT must be handled before that is looked at.
    pub(crate) fn is_narrow(&self) -> bool {
        self.has(SENT_AWAY) || self.is_paused()
    }
}

impl Membership {
    fn may_speak(&self) -> bool {
        !matches!(self.standing, Standing::Asks)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    const MOST: usize = 2;

    #[test]
    fn a_name_is_the_same_however_it_came() {
        let spelt = b"/chat".iter().fold(Name::BEGUN, |name, byte| name.then(*byte));
        assert_eq!(Name::of("/chat"), spelt);
        assert_ne!(Name::of("/chat"), Name::of("/chats"));
        assert_eq!(Name::of("/"), Name::ROOT);
    }

    #[test]
    fn who_is_let_in_may_speak_until_it_leaves() {
        let (all, chat) = (Memberships::default(), Name::of("/chat"));
        assert!(!all.may_speak(chat) && !all.leave(chat));
        assert!(all.ask(chat, MOST));
        assert!(!all.may_speak(chat) && !all.leave(chat), "it is not there yet");
        all.join(chat);
        assert!(all.may_speak(chat) && !all.may_speak(Name::ROOT));
        assert!(all.leave(chat) && !all.may_speak(chat) && !all.leave(chat));
    }

    #[test]
    fn there_are_so_many_places_and_who_leaves_gives_one_back() {
        let all = Memberships::default();
        let [a, b, c] = ["/a", "/b", "/c"].map(Name::of);
        assert!(all.ask(a, MOST) && all.ask(b, MOST) && !all.ask(c, MOST));
        all.join(a);
        all.refuse(a);
        assert!(!all.ask(c, MOST), "a member is not refused");
        all.refuse(b);
        assert!(all.ask(c, MOST), "who is refused has no place");
        assert!(all.ask(a, MOST), "nor has one two");
        all.join(a);
        all.leave(a);
        assert!(all.ask(b, MOST));
    }

    #[test]
    fn who_was_sent_away_may_speak_until_it_comes_again() {
        let (all, chat) = (Memberships::default(), Name::of("/chat"));
        let removed = Arc::new(AtomicUsize::new(0));
        let removal = || -> Removal {
            let removed = Arc::clone(&removed);
            Box::new(move || {
                removed.fetch_add(1, Ordering::Relaxed);
            })
        };
        all.ask(chat, MOST);
        assert!(!all.comes(chat).0, "a second CONNECT is not answered");
        all.join(chat);
        assert!(!all.comes(chat).0 && !all.has_sent_away());
        assert!(all.send_away(chat, removal()));
        assert!(all.may_speak(chat) && all.has_sent_away());
        assert!(all.ask(Name::of("/b"), 1), "it has no place");
        let (is_answered, gone) = all.comes(chat);
        assert!(is_answered && !all.may_speak(chat) && !all.has_sent_away());
        gone.expect("somebody to be taken out")();
        assert_eq!(removed.load(Ordering::Relaxed), 1);

        // One that has left at the same time: socketioxide takes it out by itself.
        all.ask(chat, MOST);
        all.join(chat);
        assert!(all.leave(chat) && !all.send_away(chat, removal()));
        assert!(all.comes(chat).1.is_none());
        all.ask(chat, MOST);
        all.join(chat);
        assert!(all.send_away(chat, removal()) && all.leave(chat));
        assert!(!all.has_sent_away());
        assert_eq!(removed.load(Ordering::Relaxed), 1);
        assert_eq!(Arc::strong_count(&removed), 1, "nothing is kept of it");
    }

    #[test]
    fn a_connect_waits_until_socketioxide_is_done_with_the_namespace() {
        const LONG: Duration = Duration::from_millis(5);

        let (line, chat) = (Line::default(), Name::of("/chat"));
        line.change_begins(chat);
        let other = Instant::now();
        line.comes(Name::of("/news"));
        assert!(other.elapsed() < LONG);
        let slow = thread::spawn({
            let line = line.clone();
            move || {
                thread::sleep(LONG);
                line.change_ends(chat);
            }
        });
        let begun = Instant::now();
        line.comes(chat);
        assert!(begun.elapsed() >= LONG / 2);
        slow.join().unwrap();
        assert!(line.0.under_way.lock().is_empty());

        // Nobody waits for ever.
        line.change_begins(chat);
        line.comes(chat);
    }
}
