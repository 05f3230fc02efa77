//! What the cluster needs of the engine below it: streams that are appended to and read on from a position, channels,
//! and a number that only grows.
//!
//! Each of the three connections is made anew after every failure. None of them repeats anything by itself: what has to
//! be said again is known above.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

/// Why the engine could not do something; what was asked for may have been done all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure(String);

impl Failure {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

pub(super) type Doing<'a, T> = BoxFuture<'a, Result<T, Failure>>;

/// Where an entry is in its stream. Later entries have larger ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Position {
    pub(super) milliseconds: u64,
    pub(super) number: u64,
}

/// An entry to be written.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// Which of the log's streams it goes to.
    pub(super) stream: usize,
    pub(super) namespace: Arc<str>,
    pub(super) kind: u16,
    pub(super) data: Bytes,
    /// The how many-th of this process in its stream, from 1.
    pub(super) number: u64,
    /// How many directly before it were given up.
    pub(super) after: u64,
}

/// An entry as it was read.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Who has written it.
    pub(super) uid: String,
    pub(super) namespace: String,
    pub(super) kind: u16,
    pub(super) data: Bytes,
    /// That of its [`Draft`]; `None` of servers of other makes.
    pub(super) number: Option<u64>,
    pub(super) after: u64,
}

/// Something read from a stream.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) stream: usize,
    pub(super) position: Position,
    /// `None` if it has not the form of an entry.
    pub(super) entry: Option<Entry>,
}

/// What a stream contains at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Extent {
    /// Its first entry, if it has any.
    pub(super) first: Option<Position>,
    /// The last that was ever written to it.
    pub(super) last: Position,
    /// Tells a log from one that was made after it was lost. Whoever looks at a log without one gives it one.
    pub(super) generation: u64,
}

/// Something published on a channel.
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) channel: String,
    pub(super) data: Bytes,
    /// Whether it is heard because its channel matches a pattern. Then it may be heard again for its channel.
    pub(super) by_pattern: bool,
}

pub(super) trait Engine: Send + Sync + 'static {
    /// Connects to write, as this process.
    fn writing<'a>(&'a self, uid: &'a str) -> Doing<'a, Box<dyn Writing>>;

    fn reading(&self) -> Doing<'_, Box<dyn Reading>>;

    /// Connects to publish and subscribe; what is published goes to `heard`, until the connection fails and `heard` is
    /// dropped.
    fn talking(&self, heard: mpsc::Sender<Published>) -> Doing<'_, Arc<dyn Talking>>;
}

/// Appends to the log, and knows up to where this process has: its *mark* is written together with each batch.
///
/// Nobody else sets the mark, except an earlier connection of this process that was given up and comes through late.
pub(super) trait Writing: Send {
    /// Reads the mark; `None` if the log has none.
    fn mark(&mut self) -> Doing<'_, Option<u64>>;

    /// Gives the log another generation: it has lost something, and its readers must not take what is written again for
    /// what comes next.
    fn renew(&mut self) -> Doing<'_, ()>;

    /// Appends the batch and sets the mark to `mark`, all or nothing: nothing if the mark is another one than this has
    /// read or set last. Returns the mark that the log has then.
    fn append(&mut self, batch: Vec<Draft>, mark: u64) -> Doing<'_, Option<u64>>;
}

pub(super) trait Reading: Send {
    /// What each of the log's streams contains.
    fn extents(&mut self) -> Doing<'_, Vec<Extent>>;

    /// What comes after these positions, one for each stream. Waits for it, for a second at most.
    fn read<'a>(&'a mut self, after: &'a [Position]) -> Doing<'a, Vec<Read>>;
}

pub(super) trait Talking: Send + Sync {
    fn subscribe(&self, channels: Vec<String>) -> Doing<'_, ()>;

    /// Subscribes to all channels whose names match one of the patterns.
    fn subscribe_by_patterns(&self, patterns: Vec<String>) -> Doing<'_, ()>;

    fn publish(&self, messages: Vec<Published>) -> Doing<'_, ()>;

    /// How many are subscribed to each of the channels, all at one moment.
    fn subscribers(&self, channels: Vec<String>) -> Doing<'_, Vec<u64>>;

    /// A number that is larger than all that were given before.
    fn rank(&self) -> Doing<'_, u64>;
}
