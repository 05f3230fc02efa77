//! An engine in the memory of this process, for tests: several clusters' places in one process, and everything that can
//! go wrong with an engine.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

use super::{
    Cluster,
    adapter::Layout,
    engine::{
        Doing, Draft, Engine, Entry, Extent, Failure, Position, Published, Read, Reading, Talking,
        Writing,
    },
};

/// How long a command may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long reading waits.
const BLOCK: Duration = Duration::from_secs(1);

/// How much is read at once.
const COUNT: usize = 1_000;

/// When the clock of the log begins, in milliseconds.
const BEGINNING: u64 = 1_000_000;

/// The engine that several places of a cluster share, and what is wrong with it.
#[derive(Clone)]
pub(crate) struct Network(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// Something was written, or the network has changed.
    changed: Notify,
    began: Instant,
}

type Command = Box<dyn FnOnce(&mut State) + Send>;

struct State {
    layout: Layout,
    streams: Vec<Stream>,
    /// Zero until somebody has looked at the log.
    generation: u64,
    generations: u64,
    marks: HashMap<String, u64>,
    subscribers: Vec<Subscriber>,
    ranks: u64,
    longest: usize,
    is_down: bool,
    is_frozen: bool,
    /// What is sent to it gets lost.
    is_out_of_reach: bool,
    /// Those who cannot reach it at the moment.
    apart: HashSet<usize>,
    /// Connections of before are dead.
    connections: u64,
    places: usize,
    delay: Duration,
    /// Of 1,000 commands, how many fail: half of these are done all the same.
    failing: u64,
    random: u64,
    /// What was sent and not answered while it was frozen; it is done late.
    late: Vec<Command>,
    /// How much has been written.
    written: u64,
    now: u64,
}

#[derive(Default, Clone)]
struct Stream {
    entries: Vec<(Position, Entry)>,
    last: Position,
}

struct Subscriber {
    place: usize,
    connection: u64,
    channels: HashSet<String>,
    sender: mpsc::Sender<Published>,
}

impl State {
    fn random(&mut self) -> u64 {
        // Xorshift: the schedules of a test are the same each time.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn renew(&mut self) {
        self.generations += 1;
        self.generation = self.generations;
    }

    fn forget_all(&mut self) {
        self.streams.iter_mut().for_each(|stream| *stream = Stream::default());
        self.generation = 0;
        self.marks.clear();
    }

    fn append(&mut self, uid: Option<&str>, draft: Draft) {
        self.written += 1;
        let now = self.now;
        let longest = self.longest;
        let stream = &mut self.streams[draft.stream];
        let number = if stream.last.milliseconds >= now { stream.last.number + 1 } else { 0 };
        let milliseconds = now.max(stream.last.milliseconds);
        stream.last = Position { milliseconds, number };
        let entry = Entry {
            uid: uid.unwrap_or("a node server").to_owned(),
            namespace: draft.namespace.to_string(),
            kind: draft.kind,
            data: draft.data,
            number: uid.map(|_| draft.number),
            after: draft.after,
        };
        stream.entries.push((stream.last, entry));
        let beyond = stream.entries.len().saturating_sub(longest);
        stream.entries.drain(..beyond);
    }

    fn publish(&mut self, message: &Published) {
        for subscriber in &self.subscribers {
            if subscriber.channels.contains(&message.channel) {
                let _ = subscriber.sender.try_send(message.clone());
            }
        }
    }

    fn is_connected(&self, place: usize, connection: u64) -> bool {
        !self.is_down && connection == self.connections && !self.apart.contains(&place)
    }

    fn hang_up(&mut self) {
        self.connections += 1;
        self.subscribers.clear();
    }
}

impl Network {
    pub(crate) fn new() -> Self {
        Self::of(1)
    }

    /// One whose log has so many streams.
    pub(crate) fn of(streams: usize) -> Self {
        let layout = Layout { streams, ..Layout::default() };
        let state = State {
            layout,
            streams: vec![Stream::default(); streams],
            generation: 0,
            generations: 0,
            marks: HashMap::new(),
            subscribers: Vec::new(),
            ranks: 0,
            longest: 100_000,
            is_down: false,
            is_frozen: false,
            is_out_of_reach: false,
            apart: HashSet::new(),
            connections: 0,
            places: 0,
            delay: Duration::ZERO,
            failing: 0,
            random: 0x9E37_79B9_7F4A_7C15,
            late: Vec::new(),
            written: 0,
            now: BEGINNING,
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            changed: Notify::new(),
            began: Instant::now(),
        }))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.0.changed.notify_waiters();
        changed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = self.0.began.elapsed();
        state.now = BEGINNING + u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        state
    }

    /// Joins the cluster, as one more process would.
    pub(crate) fn join(&self) -> Cluster {
        let layout = self.state().layout.clone();
        Cluster::join(Arc::new(self.place()), layout)
    }

    /// Where one more process is.
    pub(super) fn place(&self) -> Place {
        let place = self.change(|state| {
            state.places += 1;
            state.places
        });
        Place { network: self.clone(), place }
    }

    /// Nobody can connect, and those who are connected are not any more.
    pub(crate) fn stop(&self) {
        self.change(|state| {
            state.is_down = true;
            state.hang_up();
        });
    }

    pub(crate) fn start(&self) {
        self.change(|state| state.is_down = false);
    }

    /// Nobody is connected, and whoever tries to connect hears nothing at all, even if it is back before he gives up.
    pub(crate) fn lose_what_is_sent(&self) {
        self.change(|state| {
            state.is_out_of_reach = true;
            state.hang_up();
        });
    }

    pub(crate) fn come_back(&self) {
        self.change(|state| state.is_out_of_reach = false);
    }

    /// Loses everything, at once.
    pub(crate) fn empty(&self) {
        self.change(State::forget_all);
    }

    /// Loses the last entries, and how far each process had written. Whatever does that is a new engine, so that nobody is
    /// connected to it.
    pub(crate) fn lose_the_end(&self, entries: usize) {
        self.change(|state| {
            state.hang_up();
            for stream in &mut state.streams {
                let left = stream.entries.len().saturating_sub(entries);
                stream.entries.truncate(left);
                stream.last = stream.entries.last().map_or(Position::default(), |last| last.0);
            }
            // What is left says up to where each process has written, as it was then.
            state.marks.clear();
            for (_, entry) in state.streams.iter().flat_map(|stream| &stream.entries) {
                if let Some(number) = entry.number {
                    state.marks.insert(entry.uid.clone(), number);
                }
            }
        });
    }

    /// Accepts everything, and answers nothing.
    pub(crate) fn freeze(&self) {
        self.change(|state| state.is_frozen = true);
    }

    /// Goes on, with what was sent to it meanwhile, though nobody waits for the answers any more.
    pub(crate) fn thaw(&self) {
        self.change(|state| {
            state.is_frozen = false;
            for command in std::mem::take(&mut state.late) {
                command(state);
            }
        });
    }

    /// Ends all connections.
    pub(crate) fn cut(&self) {
        self.change(State::hang_up);
    }

    /// The process of this number, from 1, cannot reach it.
    pub(crate) fn part(&self, place: usize) {
        self.change(|state| {
            state.apart.insert(place);
            state.subscribers.retain(|subscriber| subscriber.place != place);
        });
    }

    pub(crate) fn reunite(&self) {
        self.change(|state| state.apart.clear());
    }

    /// Each command takes up to so long.
    pub(crate) fn delay(&self, delay: Duration) {
        self.change(|state| state.delay = delay);
    }

    /// Of 1,000 commands, so many fail, though half of these are done.
    pub(crate) fn fail(&self, failing: u64) {
        self.change(|state| state.failing = failing);
    }

    /// How many entries each stream keeps.
    pub(crate) fn keep(&self, entries: usize) {
        self.change(|state| state.longest = entries);
    }

    /// A server of another make says something.
    pub(super) fn say_as_node(&self, namespace: &str, kind: u16, data: &str) {
        let data = data.to_owned().into();
        self.change(|state| {
            let draft =
                Draft { stream: 0, namespace: namespace.into(), kind, data, number: 0, after: 0 };
            state.append(None, draft);
        });
    }

    /// A server of another make publishes something.
    pub(super) fn publish(&self, channel: &str, data: Vec<u8>) {
        let message =
            Published { channel: channel.to_owned(), data: data.into(), by_pattern: false };
        self.change(|state| state.publish(&message));
    }

    /// Hears what is published, as a server of another make does.
    pub(super) fn subscribe(&self, channels: &[&str]) -> mpsc::Receiver<Published> {
        let (sender, receiver) = mpsc::channel(1_000);
        let channels = channels.iter().map(|channel| (*channel).to_owned()).collect();
        self.change(|state| {
            let connection = state.connections;
            state.subscribers.push(Subscriber { place: 0, connection, channels, sender });
        });
        receiver
    }
}

/// One process's access to the network.
pub(super) struct Place {
    network: Network,
    place: usize,
}

/// One of its connections.
#[derive(Clone)]
struct Connection {
    network: Network,
    place: usize,
    connection: u64,
}

impl Place {
    async fn connect(&self) -> Result<Connection, Failure> {
        let network = self.network.clone();
        if network.state().is_out_of_reach {
            tokio::time::sleep(TIMEOUT).await;
            return Err(Failure::new("timed out"));
        }
        let connection = network.state().connections;
        let connected = Connection { network, place: self.place, connection };
        connected.command(|_| ()).await?;
        Ok(connected)
    }
}

impl Connection {
    fn delay(&self) -> Duration {
        let mut state = self.network.state();
        let longest = state.delay.as_millis() as u64;
        Duration::from_millis(if longest == 0 { 0 } else { state.random() % longest })
    }

    /// Runs a command, in time or not at all, or late.
    async fn command<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        tokio::time::sleep(self.delay()).await;
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let changed = self.network.0.changed.notified();
            {
                let mut state = self.network.state();
                if !state.is_connected(self.place, self.connection) {
                    return Err(Failure::new("connection refused"));
                }
                if !state.is_frozen {
                    let failing = state.failing;
                    let fate = state.random() % 1_000;
                    if fate < failing / 2 {
                        return Err(Failure::new("the command was lost"));
                    }
                    let written = state.written;
                    let done = command(&mut state);
                    let is_changed = state.written != written;
                    drop(state);
                    if is_changed {
                        self.network.0.changed.notify_waiters();
                    }
                    return match fate < failing {
                        true => Err(Failure::new("the answer was lost")),
                        false => Ok(done),
                    };
                }
            }
            if tokio::time::timeout_at(deadline, changed).await.is_err() {
                let mut state = self.network.state();
                if state.is_frozen {
                    state.late.push(Box::new(move |state| drop(command(state))));
                }
                return Err(Failure::new("timed out"));
            }
        }
    }
}

impl Engine for Place {
    fn writing<'a>(&'a self, uid: &'a str) -> Doing<'a, Box<dyn Writing>> {
        Box::pin(async move {
            let connection = self.connect().await?;
            let writer = Writer { connection, uid: uid.to_owned(), mark: None };
            Ok(Box::new(writer) as Box<dyn Writing>)
        })
    }

    fn reading(&self) -> Doing<'_, Box<dyn Reading>> {
        Box::pin(async move { Ok(Box::new(Reader(self.connect().await?)) as Box<dyn Reading>) })
    }

    fn talking(&self, heard: mpsc::Sender<Published>) -> Doing<'_, Arc<dyn Talking>> {
        Box::pin(async move {
            let connection = self.connect().await?;
            let (place, number) = (connection.place, connection.connection);
            let subscriber =
                Subscriber { place, connection: number, channels: HashSet::new(), sender: heard };
            connection
                .command(move |state| {
                    state.subscribers.retain(|subscriber| subscriber.place != place);
                    state.subscribers.push(subscriber);
                })
                .await?;
            Ok(Arc::new(Talker(connection)) as Arc<dyn Talking>)
        })
    }
}

struct Writer {
    connection: Connection,
    uid: String,
    /// What it was when it was read or set last.
    mark: Option<u64>,
}

impl Writing for Writer {
    fn mark(&mut self) -> Doing<'_, Option<u64>> {
        Box::pin(async move {
            let uid = self.uid.clone();
            self.mark =
                self.connection.command(move |state| state.marks.get(&uid).copied()).await?;
            Ok(self.mark)
        })
    }

    fn renew(&mut self) -> Doing<'_, ()> {
        Box::pin(self.connection.command(State::renew))
    }

    fn append(&mut self, batch: Vec<Draft>, mark: u64) -> Doing<'_, Option<u64>> {
        Box::pin(async move {
            let (uid, believed) = (self.uid.clone(), self.mark);
            let append = move |state: &mut State| {
                if state.marks.get(&uid).copied() == believed {
                    batch.into_iter().for_each(|draft| state.append(Some(&uid), draft));
                    state.marks.insert(uid.clone(), mark);
                }
                state.marks.get(&uid).copied()
            };
            self.mark = self.connection.command(append).await?;
            Ok(self.mark)
        })
    }
}

struct Reader(Connection);

impl Reading for Reader {
    fn extents(&mut self) -> Doing<'_, Vec<Extent>> {
        Box::pin(self.0.command(|state| {
            if state.generation == 0 {
                state.renew();
            }
            let generation = state.generation;
            let extent = |stream: &Stream| Extent {
                first: stream.entries.first().map(|first| first.0),
                last: stream.last,
                generation,
            };
            state.streams.iter().map(extent).collect()
        }))
    }

    fn read<'a>(&'a mut self, after: &'a [Position]) -> Doing<'a, Vec<Read>> {
        Box::pin(async move {
            let deadline = Instant::now() + BLOCK;
            loop {
                let changed = self.0.network.0.changed.notified();
                let after = after.to_vec();
                let read = self.0.command(move |state| state.read(&after)).await?;
                if !read.is_empty() || tokio::time::timeout_at(deadline, changed).await.is_err() {
                    return Ok(read);
                }
            }
        })
    }
}

impl State {
    fn read(&self, after: &[Position]) -> Vec<Read> {
        let mut read = Vec::new();
        for (stream, after) in after.iter().enumerate() {
            let entries = &self.streams[stream].entries;
            let first = entries.partition_point(|(position, _)| position <= after);
            for (position, entry) in entries[first..].iter().take(COUNT) {
                read.push(Read { stream, position: *position, entry: Some(entry.clone()) });
            }
        }
        read
    }
}

struct Talker(Connection);

impl Talking for Talker {
    fn subscribe(&self, channels: Vec<String>) -> Doing<'_, ()> {
        let (place, connection) = (self.0.place, self.0.connection);
        Box::pin(self.0.command(move |state| {
            for subscriber in &mut state.subscribers {
                if (subscriber.place, subscriber.connection) == (place, connection) {
                    subscriber.channels.extend(channels.iter().cloned());
                }
            }
        }))
    }

    fn subscribe_by_patterns(&self, _: Vec<String>) -> Doing<'_, ()> {
        Box::pin(async { Err(Failure::new("this engine knows no patterns")) })
    }

    fn publish(&self, messages: Vec<Published>) -> Doing<'_, ()> {
        Box::pin(self.0.command(move |state| {
            messages.iter().for_each(|message| state.publish(message));
        }))
    }

    fn subscribers(&self, channels: Vec<String>) -> Doing<'_, Vec<u64>> {
        Box::pin(self.0.command(move |state| {
            state.subscribers.retain(|subscriber| !subscriber.sender.is_closed());
            let count = |channel: &String| {
                let has = |subscriber: &&Subscriber| subscriber.channels.contains(channel);
                state.subscribers.iter().filter(has).count() as u64
            };
            channels.iter().map(count).collect()
        }))
    }

    fn rank(&self) -> Doing<'_, u64> {
        Box::pin(self.0.command(|state| {
            state.ranks += 1;
            state.ranks
        }))
    }
}
