//! [`Cluster`] and [`Adapter`]: what all parts share, and the tasks that keep them going.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock, Weak, atomic::AtomicUsize},
    time::Duration,
};

use foldhash::fast::RandomState;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Answers, Asked, ClusterDown, Member, Message, NotAll, Question,
    ask::{self, Asking},
    engine::{Engine, Talking},
    format,
    health::Health,
    inbox::Inbox,
    incoming::Incoming,
    outgoing::Outgoing,
    peers::Peers,
    post::Post,
    reader, retry, talk, writer,
};
use crate::{log_limiter::LogLimiter, metrics};

/// How long saying good-bye may wait for what was said before.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// How the log is divided, and what its channels are called.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// How many streams the log has.
    pub(super) streams: usize,
    /// What the names of the channels begin with.
    pub(super) channels: String,
    /// Whether workers are heard that are no members.
    pub(super) emitters: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self { streams: 1, channels: "socket.io".to_owned(), emitters: false }
    }
}

impl Layout {
    /// Which stream a namespace is in: that of its hash, as in JavaScript.
    ///
    /// Where JavaScript's remainder is negative, servers of other makes write to a stream that none of them reads. What
    /// is said here goes to one that they do read.
    fn stream(&self, namespace: &str) -> usize {
        self.remainder(namespace).rem_euclid(self.streams as i64) as usize
    }

    fn remainder(&self, namespace: &str) -> i64 {
        let hash = namespace
            .encode_utf16()
            .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
        i64::from(hash) % self.streams as i64
    }

    /// The names of all streams that are read: first those that are written to, in order, and then those to which servers
    /// of other makes write what none of them reads.
    #[cfg(feature = "redis")]
    pub(super) fn names(&self, stream: &str) -> Vec<String> {
        if self.streams == 1 {
            return vec![stream.to_owned()];
        }
        let streams = self.streams as i64;
        (0..streams).chain(1 - streams..0).map(|number| format!("{stream}-{number}")).collect()
    }

    /// Whether a namespace may be in the stream of this number.
    fn may_be_in(&self, stream: usize, namespace: &str) -> bool {
        let remainder = self.remainder(namespace);
        let negative = self.streams as i64 - 1 + self.streams as i64 + remainder;
        self.stream(namespace) == stream || remainder < 0 && negative == stream as i64
    }

    /// Where the questions of a namespace are asked.
    pub(super) fn questions(&self, namespace: &str) -> String {
        format!("{}#{namespace}#", self.channels)
    }

    /// Where a process hears the answers to its questions in a namespace.
    pub(super) fn answers(&self, namespace: &str, uid: &str) -> String {
        format!("{}#{namespace}#{uid}#", self.channels)
    }

    /// Where the processes of this framework say that they live.
    pub(super) fn heartbeats(&self) -> String {
        format!("{}#gateway#", self.channels)
    }

    /// Where nothing is ever said: its subscribers are the processes of this framework in a namespace.
    pub(super) fn ours(&self, namespace: &str) -> String {
        format!("{}#gateway#{namespace}#", self.channels)
    }
}

type Inboxes = HashMap<Arc<str>, Arc<Inbox>, RandomState>;

pub(super) struct Shared {
    pub(super) engine: Arc<dyn Engine>,
    /// The name of this process in the cluster: 16 hexadecimal digits.
    pub(super) uid: String,
    pub(super) layout: Layout,
    pub(super) outgoing: Outgoing,
    /// For each stream.
    pub(super) incoming: Mutex<Vec<Incoming>>,
    inboxes: RwLock<Arc<Inboxes>>,
    /// The bytes in all inboxes.
    heard: Arc<AtomicUsize>,
    pub(super) health: Health,
    pub(super) peers: Peers,
    pub(super) post: Post,
    /// The connection on which questions are asked, while there is one.
    talking: Mutex<Option<Arc<dyn Talking>>>,
    /// A namespace was opened, whose channels are to be subscribed to.
    pub(super) opened: Notify,
    pub(super) asking: Asking,
    unencodable: LogLimiter,
    pub(super) ending: CancellationToken,
}

impl Shared {
    pub(super) fn inboxes(&self) -> Arc<Inboxes> {
        Arc::clone(&self.inboxes.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn inbox(&self, namespace: &str) -> Option<Arc<Inbox>> {
        self.inboxes().get(namespace).cloned()
    }

    pub(super) fn stream(&self, namespace: &str) -> usize {
        self.layout.stream(namespace)
    }

    pub(super) fn may_be_in(&self, stream: usize, namespace: &str) -> bool {
        self.layout.may_be_in(stream, namespace)
    }

    /// Answers when a namespace has heard everything up to an entry of this number.
    pub(super) fn settle(
        &self,
        inbox: &Inbox,
        uid: &str,
        number: u64,
        namespace: &str,
        answers: Answers,
    ) {
        let stream = self.stream(namespace);
        let streams = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
        // What is not read yet has no entries, and nobody who could be sure to have heard them.
        let Some(asked) = streams.get(stream).map(|stream| stream.progress(uid)) else {
            answers.forget();
            return;
        };
        inbox.settle_later(stream, uid, number, asked, answers);
        // It may be here already.
        inbox.settle(|stream, uid| Some(streams.get(stream)?.progress(uid)));
    }

    pub(super) fn talking(&self) -> Option<Arc<dyn Talking>> {
        self.talking.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn talks(&self, talking: Option<Arc<dyn Talking>>) {
        *self.talking.lock().unwrap_or_else(PoisonError::into_inner) = talking;
    }

    /// Runs until the cluster is left.
    fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let ending = self.ending.clone();
        tokio::spawn(async move { ending.run_until_cancelled_owned(task).await });
    }
}

/// The application's place in its cluster. Clones share it, and it is left when the last of them and of its adapters is
/// dropped.
#[derive(Clone)]
pub(crate) struct Cluster {
    shared: Arc<Shared>,
    /// Leaves the cluster when it is dropped.
    _place: Arc<DropGuard>,
    #[cfg(feature = "redis")]
    redis: Option<Arc<super::redis::Place>>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cluster").field("uid", &self.shared.uid).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Joins a cluster: connects now, or as soon as it can be reached.
    pub(super) fn join(engine: Arc<dyn Engine>, layout: Layout) -> Self {
        let ending = CancellationToken::new();
        let shared = Arc::new(Shared {
            engine,
            uid: format!("{:016x}", retry::random()),
            outgoing: Outgoing::new(layout.streams),
            layout,
            incoming: Mutex::default(),
            inboxes: RwLock::default(),
            heard: Arc::default(),
            health: Health::default(),
            peers: Peers::default(),
            post: Post::default(),
            talking: Mutex::default(),
            opened: Notify::new(),
            asking: Asking::default(),
            unencodable: LogLimiter::new(),
            ending: ending.clone(),
        });
        shared.spawn(writer::write(Arc::clone(&shared)));
        shared.spawn(reader::read(Arc::clone(&shared)));
        shared.spawn(talk::talk(Arc::clone(&shared)));
        shared.spawn(talk::watch(Arc::clone(&shared)));
        Self {
            shared,
            _place: Arc::new(ending.drop_guard()),
            #[cfg(feature = "redis")]
            redis: None,
        }
    }

    #[cfg(feature = "redis")]
    pub(super) fn in_redis(self, place: super::redis::Place) -> Self {
        Self { redis: Some(Arc::new(place)), ..self }
    }

    /// The Redis that it is in, and what the names of everything in it begin with.
    #[cfg(feature = "redis")]
    pub(crate) fn redis(&self) -> Option<(&super::redis::Place, &str)> {
        Some((self.redis.as_deref()?, &self.shared.layout.channels))
    }

    /// Opens a namespace. Nothing is heard before somebody is [attached](Adapter::attach).
    pub(crate) fn adapter(&self, namespace: &str) -> Adapter {
        let namespace = Arc::<str>::from(namespace);
        let mut inboxes = self.shared.inboxes.write().unwrap_or_else(PoisonError::into_inner);
        let inbox = Arc::new(Inbox::new(Arc::clone(&namespace), Arc::clone(&self.shared.heard)));
        Arc::make_mut(&mut inboxes).insert(Arc::clone(&namespace), Arc::clone(&inbox));
        drop(inboxes);
        self.shared.opened.notify_one();
        let hearing = Arc::clone(&inbox);
        self.shared.spawn(async move { hearing.run().await });
        let stream = self.shared.stream(&namespace);
        Adapter { cluster: self.clone(), namespace, stream, inbox }
    }

    /// Why the cluster cannot be reached, if it cannot.
    pub(crate) fn why_not(&self) -> Option<String> {
        self.shared.health.why_not()
    }

    /// What others call this process.
    #[cfg(test)]
    pub(super) fn uid(&self) -> &str {
        &self.shared.uid
    }

    /// How many other processes of this framework live.
    #[cfg(test)]
    pub(super) fn peers(&self) -> usize {
        self.shared.peers.count()
    }

    /// Says good-bye: the others need not wait for this process any more, and what was said before has been written, or
    /// will not be.
    pub(crate) async fn close(&self) {
        let written = async {
            self.shared.outgoing.all_written().await;
            talk::say_goodbye(&self.shared).await;
        };
        // What does not work is not waited for: an outage is no reason to end later.
        if self.shared.health.is_up() && tokio::time::timeout(GOOD_BYE, written).await.is_err() {
            tracing::warn!("the cluster is left before everything has been written");
        }
        self.shared.ending.cancel();
    }
}

/// One namespace's access to the cluster. Clones share it.
#[derive(Clone)]
pub(crate) struct Adapter {
    cluster: Cluster,
    namespace: Arc<str>,
    stream: usize,
    inbox: Arc<Inbox>,
}

impl fmt::Debug for Adapter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Adapter")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl Adapter {
    pub(crate) fn attach(&self, member: Weak<dyn Member>) {
        self.inbox.attach(member);
    }

    /// Says something to all others. It never waits: what cannot be written yet is kept, for as long and as much as the
    /// cluster's bounds allow. What is volatile is not kept while the cluster cannot be reached.
    pub(crate) fn say(&self, message: Message) {
        let shared = &self.cluster.shared;
        if matches!(message, Message::Event { is_volatile: true, .. }) && !shared.health.is_up() {
            metrics::cluster_given_up(1);
            return;
        }
        match format::encode(&message, &self.namespace) {
            Ok(Some((kind, data))) => {
                shared.outgoing.say(self.stream, Arc::clone(&self.namespace), kind, data);
            }
            Ok(None) => {}
            Err(error) => {
                metrics::cluster_given_up(1);
                if let Some(times) = shared.unencodable.count() {
                    let error = crate::excerpt::logged(error);
                    tracing::warn!(
                        namespace = &*self.namespace,
                        error,
                        times,
                        "something cannot be encoded for other processes"
                    );
                }
            }
        }
    }

    /// Waits until every living process of this framework has done what was said before.
    pub(crate) async fn settle(&self, within: Duration) -> Result<(), NotAll> {
        let shared = &self.cluster.shared;
        if !shared.health.is_up() {
            return Err(NotAll::Down);
        }
        let number = shared.outgoing.last(self.stream);
        if number == 0 {
            return Ok(());
        }
        // What is not in the log yet, nobody can have read.
        let deadline = Instant::now() + within;
        let written = shared.outgoing.written(self.stream, number);
        if timeout_at(deadline, written).await.is_err() {
            return Err(NotAll::Down);
        }
        let within = deadline.saturating_duration_since(Instant::now());
        let mut asked = ask::ask(shared, &self.namespace, ask::Asks::Settle { number }, within);
        while asked.next().await.is_some() {}
        match asked.silent() {
            silent if silent.is_empty() => Ok(()),
            silent => Err(NotAll::Silent(silent)),
        }
    }

    /// Asks all others. At once an error if the cluster cannot be reached.
    pub(crate) fn ask(&self, question: Question, within: Duration) -> Result<Asked, ClusterDown> {
        let shared = &self.cluster.shared;
        if !shared.health.is_up() {
            return Err(ClusterDown);
        }
        Ok(ask::ask(shared, &self.namespace, ask::Asks::Question(question), within))
    }

    /// A number that is larger than all that the cluster has given before; `None` if it cannot be reached.
    pub(crate) async fn rank(&self) -> Option<u64> {
        let talking = self.cluster.shared.talking()?;
        talking.rank().await.ok()
    }

    /// How many other processes of this framework live that have this namespace.
    #[cfg(test)]
    pub(super) fn others(&self) -> usize {
        self.cluster.shared.peers.of(&self.namespace).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The remainders are those of `hashCode` in `@socket.io/redis-streams-adapter`.
    #[test]
    fn namespaces_are_in_the_streams_in_which_node_has_them() {
        let layout = Layout { streams: 4, ..Layout::default() };
        for (namespace, remainder, stream) in [
            ("/", 3, 3),
            ("/chat", 3, 3),
            ("/news", 2, 2),
            ("/日本😀", 1, 1),
            ("/a-long-namespace-name", -1, 3),
        ] {
            assert_eq!(layout.remainder(namespace), remainder, "{namespace}");
            assert_eq!(layout.stream(namespace), stream, "{namespace}");
            assert!(layout.may_be_in(stream, namespace));
            assert!(!layout.may_be_in(0, namespace));
        }
        assert_eq!(Layout::default().stream("/a-long-namespace-name"), 0);
    }

    #[cfg(feature = "redis")]
    #[test]
    fn streams_that_node_writes_to_are_read_also_where_node_does_not() {
        let layout = Layout { streams: 4, ..Layout::default() };
        let names = layout.names("s");
        assert_eq!(names, ["s-0", "s-1", "s-2", "s-3", "s--3", "s--2", "s--1"]);
        let remainder_is_minus_one = "/a-long-namespace-name";
        let streams: Vec<_> = (0..names.len())
            .filter(|stream| layout.may_be_in(*stream, remainder_is_minus_one))
            .map(|stream| &*names[stream])
            .collect();
        assert_eq!(streams, ["s-3", "s--1"]);
        assert_eq!(Layout::default().names("s"), ["s"]);
    }
}
