//! What of the log was heard already: a log that was lost is written again, and one that was lost in part is read again.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use foldhash::fast::RandomState;
use tokio::time::Instant;

use super::engine::{Entry, Extent, Position};
use crate::clock;

/// How long a process is remembered that says nothing. Nothing is written again that is older than
/// [`CLUSTER_PATIENCE`](crate::defaults::CLUSTER_PATIENCE).
const REMEMBERED: Duration = Duration::from_secs(300);

/// How many processes are remembered.
const PROCESSES: usize = 10_000;

/// How many entries of servers of other makes are remembered, for a log that lost its end.
const ENTRIES: usize = 4_096;

/// How far a log that lost its end is read again, in milliseconds.
const READ_AGAIN: u64 = 60_000;

/// One stream, as far as it was read.
#[derive(Default)]
pub(super) struct Incoming {
    position: Position,
    generation: u64,
    processes: HashMap<String, Process, RandomState>,
    /// Where the entries without numbers were, the latest ones.
    unnumbered: BTreeSet<Position>,
    /// Entries without numbers up to here were heard, and are forgotten.
    forgotten: Position,
    /// How often everything had been read that was there.
    rounds: u64,
}

/// How far something was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// The number of the last entry of a process that was read, or is known to be lost; 0 if nothing was ever heard of it.
    pub(super) number: u64,
    rounds: u64,
}

impl Progress {
    /// Whether an entry of this number was read since `before`. Of a process of which nothing was heard although
    /// everything has been read meanwhile that was there, it is one from before our time.
    pub(super) fn has(self, number: u64, before: Self) -> bool {
        self.number >= number || self.number == 0 && self.rounds > before.rounds
    }
}

struct Process {
    number: u64,
    heard_at: Instant,
}

/// What to do with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Hear it, after so many that were lost.
    New { missed: u64 },
    /// It was heard before.
    Known,
}

/// What became of a stream since it was read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// Entries were dropped that nobody had read here.
    Trimmed,
    /// It is another one, or has lost its end: it is read again.
    Lost,
}

impl Incoming {
    /// Begins with what comes next.
    pub(super) fn from_the_end(extent: &Extent) -> Self {
        Self { position: extent.last, generation: extent.generation, ..Self::default() }
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// How far a process was read.
    pub(super) fn progress(&self, uid: &str) -> Progress {
        let number = self.processes.get(uid).map_or(0, |process| process.number);
        Progress { number, rounds: self.rounds }
    }

    pub(super) fn compare(&mut self, extent: &Extent) -> Change {
        self.rounds += u64::from(extent.last <= self.position);
        if std::mem::replace(&mut self.generation, extent.generation) != extent.generation {
            // From its beginning: a part of it may have been read before it was noticed, and is known by its numbers, or
            // by where it was.
            self.position = Position::default();
            self.forgotten = Position::default();
            return Change::Lost;
        }
        // An empty one has nothing to read again; what is written to it will show what it is.
        if extent.last < self.position && extent.last != Position::default() {
            let milliseconds = self.position.milliseconds.saturating_sub(READ_AGAIN);
            self.position = Position { milliseconds, number: 0 };
            return Change::Lost;
        }
        match extent.first {
            Some(first) if first > self.position && self.position != Position::default() => {
                Change::Trimmed
            }
            _ => Change::None,
        }
    }

    /// Something at this position was read.
    pub(super) fn read(&mut self, position: Position) {
        self.position = position;
    }

    pub(super) fn judge(&mut self, position: Position, entry: &Entry) -> Verdict {
        match entry.number {
            Some(number) => self.judge_by_number(&entry.uid, number, entry.after),
            None => self.judge_by_position(position),
        }
    }

    fn judge_by_number(&mut self, uid: &str, number: u64, after: u64) -> Verdict {
        let heard_at = clock::now();
        if let Some(process) = self.processes.get_mut(uid) {
            process.heard_at = heard_at;
            if number <= process.number {
                return Verdict::Known;
            }
            let missed = number - process.number - 1;
            process.number = number;
            return Verdict::New { missed };
        }
        self.forget(heard_at);
        self.processes.insert(uid.to_owned(), Process { number, heard_at });
        Verdict::New { missed: after }
    }

    /// Makes room for one more.
    fn forget(&mut self, now: Instant) {
        if self.processes.len() < PROCESSES {
            return;
        }
        self.processes
            .retain(|_, process| now.saturating_duration_since(process.heard_at) < REMEMBERED);
        if self.processes.len() < PROCESSES {
            return;
        }
        let oldest = self.processes.iter().min_by_key(|(_, process)| process.heard_at);
        if let Some(uid) = oldest.map(|(uid, _)| uid.clone()) {
            self.processes.remove(&uid);
        }
    }

    fn judge_by_position(&mut self, position: Position) -> Verdict {
        if position <= self.forgotten && self.forgotten != Position::default()
            || !self.unnumbered.insert(position)
        {
            return Verdict::Known;
        }
        if self.unnumbered.len() > ENTRIES {
            self.forgotten = self.unnumbered.pop_first().unwrap_or_default();
        }
        Verdict::New { missed: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Position {
        Position { milliseconds, number: 0 }
    }

    fn entry(uid: &str, number: Option<u64>, after: u64) -> Entry {
        let (uid, namespace) = (uid.to_owned(), "/".to_owned());
        Entry { uid, namespace, kind: 3, data: "{}".into(), number, after }
    }

    fn judge(incoming: &mut Incoming, uid: &str, number: u64, after: u64) -> Verdict {
        incoming.judge(at(1), &entry(uid, Some(number), after))
    }

    const NEW: Verdict = Verdict::New { missed: 0 };

    #[tokio::test(start_paused = true)]
    async fn numbers_tell_what_is_new_what_is_known_and_what_is_missing() {
        let mut incoming = Incoming::default();
        assert_eq!(judge(&mut incoming, "a", 7, 0), NEW);
        assert_eq!(judge(&mut incoming, "b", 1, 0), NEW);
        assert_eq!(judge(&mut incoming, "a", 7, 0), Verdict::Known);
        assert_eq!(judge(&mut incoming, "a", 6, 0), Verdict::Known);
        assert_eq!(judge(&mut incoming, "a", 8, 0), NEW);
        assert_eq!(judge(&mut incoming, "a", 12, 1), Verdict::New { missed: 3 });
        assert_eq!(judge(&mut incoming, "c", 5, 4), Verdict::New { missed: 4 });
        assert_eq!(incoming.progress("a").number, 12);
        assert_eq!(incoming.progress("nobody").number, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_process_wrote_before_our_time_is_not_waited_for() {
        let extent = Extent { first: Some(at(1)), last: at(5), generation: 1 };
        let mut incoming = Incoming::from_the_end(&extent);
        let asked = incoming.progress("a");
        assert!(!asked.has(3, asked));
        incoming.compare(&Extent { last: at(6), ..extent });
        assert!(!incoming.progress("a").has(3, asked), "there was more to read");
        incoming.read(at(6));
        incoming.compare(&Extent { last: at(6), ..extent });
        assert!(incoming.progress("a").has(3, asked));
        judge(&mut incoming, "a", 4, 0);
        assert!(incoming.progress("a").has(4, asked));
        assert!(!incoming.progress("a").has(5, asked), "it will come");
    }

    #[tokio::test(start_paused = true)]
    async fn entries_without_numbers_are_taken_once() {
        let mut incoming = Incoming::default();
        for milliseconds in 1..=ENTRIES as u64 + 10 {
            assert_eq!(incoming.judge(at(milliseconds), &entry("node", None, 0)), NEW);
        }
        for milliseconds in 1..=ENTRIES as u64 + 10 {
            let again = incoming.judge(at(milliseconds), &entry("node", None, 0));
            assert_eq!(again, Verdict::Known, "{milliseconds}");
        }
        assert!(incoming.unnumbered.len() <= ENTRIES);
    }

    #[tokio::test(start_paused = true)]
    async fn processes_that_are_long_silent_make_room() {
        let mut incoming = Incoming::default();
        for process in 0..PROCESSES {
            judge(&mut incoming, &process.to_string(), 1, 0);
        }
        judge(&mut incoming, "one more", 1, 0);
        assert_eq!(incoming.processes.len(), PROCESSES);
        tokio::time::advance(REMEMBERED).await;
        judge(&mut incoming, "much later", 1, 0);
        assert_eq!(incoming.processes.len(), 1);
    }

    #[test]
    fn a_log_that_goes_on_is_read_on() {
        let extent = Extent { first: Some(at(1)), last: at(5), generation: 1 };
        let mut incoming = Incoming::from_the_end(&extent);
        assert_eq!(incoming.position(), at(5));
        assert_eq!(incoming.compare(&extent), Change::None);
        let later = Extent { first: Some(at(5)), last: at(9), ..extent };
        assert_eq!(incoming.compare(&later), Change::None);
        let trimmed = Extent { first: Some(at(6)), last: at(9), ..extent };
        assert_eq!(incoming.compare(&trimmed), Change::Trimmed);
        assert_eq!(incoming.position(), at(5));
    }

    #[test]
    fn another_log_is_read_from_its_beginning() {
        let extent = Extent { first: Some(at(1)), last: at(500_000), generation: 1 };
        let mut incoming = Incoming::from_the_end(&extent);
        // Some of it is read before it is noticed.
        assert_eq!(incoming.judge(at(600_000), &entry("node", None, 0)), NEW);
        incoming.read(at(600_000));
        let another = Extent { first: Some(at(600_000)), last: at(700_000), generation: 2 };
        assert_eq!(incoming.compare(&another), Change::Lost);
        assert_eq!(incoming.position(), Position::default());
        assert_eq!(incoming.judge(at(600_000), &entry("node", None, 0)), Verdict::Known);
        assert_eq!(incoming.judge(at(650_000), &entry("node", None, 0)), NEW);
        // It was not trimmed, only because nothing of it has been read yet.
        assert_eq!(incoming.compare(&another), Change::None);
    }

    #[test]
    fn an_empty_log_is_read_from_its_beginning_whoever_writes_to_it() {
        let extent = Extent { first: Some(at(1)), last: at(500_000), generation: 1 };
        let mut incoming = Incoming::from_the_end(&extent);
        let empty = Extent { generation: 2, ..Extent::default() };
        assert_eq!(incoming.compare(&empty), Change::Lost);
        assert_eq!(incoming.position(), Position::default());
        let by_node = Extent { first: Some(at(9)), last: at(9), ..empty };
        assert_eq!(incoming.compare(&by_node), Change::None);
    }

    #[test]
    fn a_log_that_lost_its_end_is_read_again_from_before_that() {
        let extent = Extent { first: Some(at(1)), last: at(500_000), generation: 1 };
        let mut incoming = Incoming::from_the_end(&extent);
        incoming.judge(at(499_000), &entry("node", None, 0));
        assert_eq!(incoming.compare(&Extent { last: at(499_999), ..extent }), Change::Lost);
        assert_eq!(incoming.position(), at(500_000 - READ_AGAIN));
        assert_eq!(incoming.judge(at(499_000), &entry("node", None, 0)), Verdict::Known);
    }
}
