//! The engine on Redis: streams for the log, and pub/sub for what is said beside it.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use redis::{
    FromRedisValue, PushInfo, PushKind, RedisError, RedisResult, Script, Value, cmd, pipe,
};
use tokio::sync::mpsc;

use super::{
    super::{
        adapter::Layout,
        engine::{
            Doing, Draft, Engine, Entry, Extent, Failure, Position, Published, Read, Reading,
            Talking, Writing,
        },
        retry,
    },
    Connection, Place,
};
use crate::log_limiter::LogLimiter;

/// How long reading waits for something to read.
const BLOCK: Duration = Duration::from_secs(1);

/// How many entries are read at once.
const COUNT: usize = 1_000;

/// How long a mark outlives what it is kept for, in seconds.
const MARK: u64 = 3_600;

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::new(error.to_string())
    }
}

/// A Redis, and what the cluster's keys are called in it.
pub(in crate::cluster) struct RedisEngine {
    place: Place,
    keys: Arc<Keys>,
}

struct Keys {
    /// The names of the streams that are read; those that are written to come first.
    streams: Vec<String>,
    /// About how many entries a stream keeps.
    longest: usize,
    /// What the keys beside the streams begin with. In a Redis Cluster, they are where the one stream is.
    prefix: String,
}

impl Keys {
    fn generation(&self) -> String {
        format!("{}:log", self.prefix)
    }

    fn rank(&self) -> String {
        format!("{}:rank", self.prefix)
    }

    fn mark(&self, uid: &str) -> String {
        format!("{}:mark:{uid}", self.prefix)
    }
}

impl RedisEngine {
    pub(super) fn new(place: Place, layout: &Layout, stream: &str, longest: usize) -> Self {
        let keys =
            Keys { streams: layout.names(stream), longest, prefix: format!("gw:{{{stream}}}") };
        Self { place, keys: Arc::new(keys) }
    }

    /// A key that is where all others are.
    fn key(&self) -> &str {
        &self.keys.streams[0]
    }
}

impl Engine for RedisEngine {
    fn writing<'a>(&'a self, uid: &'a str) -> Doing<'a, Box<dyn Writing>> {
        Box::pin(async move {
            let connection = self.place.connect(self.key()).await?;
            let keys = Arc::clone(&self.keys);
            let (key, uid) = (keys.mark(uid), uid.to_owned());
            Ok(Box::new(Writer { connection, keys, uid, key, mark: None }) as Box<dyn Writing>)
        })
    }

    fn reading(&self) -> Doing<'_, Box<dyn Reading>> {
        Box::pin(async move {
            let connection = self.place.connect_to_wait(self.key(), BLOCK).await?;
            let keys = Arc::clone(&self.keys);
            Ok(Box::new(Reader { connection, keys }) as Box<dyn Reading>)
        })
    }

    fn talking(&self, heard: mpsc::Sender<Published>) -> Doing<'_, Arc<dyn Talking>> {
        Box::pin(async move {
            let pushed = Pushed::to(heard);
            let pushed = move |info| pushed.push(info);
            let connection = self.place.connect_to_listen(self.key(), pushed).await?;
            let keys = Arc::clone(&self.keys);
            Ok(Arc::new(Talker { connection, keys }) as Arc<dyn Talking>)
        })
    }
}

/// Takes what Redis sends unasked.
struct Pushed {
    /// `None` after the connection has ended.
    heard: Mutex<Option<mpsc::Sender<Published>>>,
    dropped: LogLimiter,
}

impl Pushed {
    fn to(heard: mpsc::Sender<Published>) -> Self {
        Self { heard: Mutex::new(Some(heard)), dropped: LogLimiter::new() }
    }

    fn push(&self, info: PushInfo) -> Result<(), redis::aio::SendError> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match info.kind {
            PushKind::Message | PushKind::PMessage => {
                let Some(published) = published(info.data) else { return Ok(()) };
                let is_full =
                    heard.as_ref().is_some_and(|heard| heard.try_send(published).is_err());
                if is_full && let Some(times) = self.dropped.count() {
                    tracing::warn!(times, "other processes ask more than this one can process");
                }
            }
            PushKind::Disconnection => *heard = None,
            _ => {}
        }
        Ok(())
    }
}

/// A channel and what was published on it, behind the pattern if it was subscribed to by one.
fn published(mut data: Vec<Value>) -> Option<Published> {
    let by_pattern = data.len() == 3;
    if by_pattern {
        data.remove(0);
    }
    let [channel, data] = <[Value; 2]>::try_from(data).ok()?;
    Some(Published { channel: text(channel)?, data: bytes(data)?, by_pattern })
}

fn bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::BulkString(bytes) => Some(bytes.into()),
        Value::SimpleString(text) => Some(text.into()),
        _ => None,
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

static APPEND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("append.lua")));

struct Writer {
    connection: Connection,
    keys: Arc<Keys>,
    uid: String,
    /// That of the mark.
    key: String,
    /// What it was when it was read or set last.
    mark: Option<u64>,
}

impl Writing for Writer {
    fn mark(&mut self) -> Doing<'_, Option<u64>> {
        Box::pin(async move {
            self.mark = cmd("GET").arg(&self.key).query_async(&mut self.connection).await?;
            Ok(self.mark)
        })
    }

    fn renew(&mut self) -> Doing<'_, ()> {
        Box::pin(async move {
            let mut set = cmd("SET");
            set.arg(self.keys.generation()).arg(retry::random() >> 1);
            Ok(set.query_async(&mut self.connection).await?)
        })
    }

    fn append(&mut self, batch: Vec<Draft>, mark: u64) -> Doing<'_, Option<u64>> {
        Box::pin(async move {
            let mut append = APPEND.prepare_invoke();
            append.key(&self.key).key(&self.keys.streams);
            append.arg(self.mark.map(|mark| mark.to_string()).unwrap_or_default());
            append.arg(mark).arg(MARK).arg(self.keys.longest).arg(&self.uid);
            for Draft { stream, namespace, kind, data, number, after } in batch {
                append.arg(stream).arg(&*namespace).arg(kind).arg(&*data).arg(number).arg(after);
            }
            self.mark = append.invoke_async(&mut self.connection).await?;
            Ok(self.mark)
        })
    }
}

struct Reader {
    connection: Connection,
    keys: Arc<Keys>,
}

impl Reading for Reader {
    fn extents(&mut self) -> Doing<'_, Vec<Extent>> {
        Box::pin(async move {
            let mut pipeline = pipe();
            // At one moment: a log that is just being begun must not look like one that was trimmed.
            pipeline.atomic().ignore_errors();
            // Whoever finds the log without one begins a new generation, so that nobody reads a log that cannot be told
            // from the next one.
            pipeline.cmd("SET").arg(self.keys.generation()).arg(retry::random() >> 1).arg("NX");
            pipeline.cmd("GET").arg(self.keys.generation());
            for stream in &self.keys.streams {
                pipeline.cmd("XINFO").arg("STREAM").arg(stream);
            }
            let answers: Vec<RedisResult<Value>> =
                pipeline.query_async(&mut self.connection).await?;
            let mut answers = answers.into_iter().skip(1);
            let generation = answers.next().transpose()?.unwrap_or_default();
            let generation = u64::from_redis_value(generation).map_err(RedisError::from)?;
            answers.map(|answer| extent(answer, generation)).collect()
        })
    }

    fn read<'a>(&'a mut self, after: &'a [Position]) -> Doing<'a, Vec<Read>> {
        Box::pin(async move {
            let mut command = cmd("XREAD");
            let block = u64::try_from(BLOCK.as_millis()).unwrap_or(u64::MAX);
            command.arg("COUNT").arg(COUNT).arg("BLOCK").arg(block).arg("STREAMS");
            command.arg(&self.keys.streams);
            for position in after {
                command.arg(format!("{}-{}", position.milliseconds, position.number));
            }
            match command.query_async(&mut self.connection).await? {
                Value::Nil => Ok(Vec::new()),
                Value::Map(streams) => Ok(read(&self.keys, streams)),
                other => Err(Failure::new(format!("XREAD was answered with {other:.80?}"))),
            }
        })
    }
}

fn extent(answer: RedisResult<Value>, generation: u64) -> Result<Extent, Failure> {
    let info = match answer {
        Ok(Value::Map(info)) => info,
        Ok(_) => return Err(Failure::new("XINFO was answered with something else")),
        // Nobody has written to it yet, or it was deleted.
        Err(error) if error.to_string().contains("no such key") => {
            return Ok(Extent { generation, ..Extent::default() });
        }
        Err(error) => return Err(error.into()),
    };
    let mut extent = Extent { generation, ..Extent::default() };
    for (name, value) in info {
        match text(name).as_deref() {
            Some("last-generated-id") => {
                extent.last = text(value).and_then(|id| position(&id)).unwrap_or_default();
            }
            Some("first-entry") => {
                if let Value::Array(entry) = value {
                    let id = entry.into_iter().next().and_then(text);
                    extent.first = id.and_then(|id| position(&id));
                }
            }
            _ => {}
        }
    }
    Ok(extent)
}

fn position(id: &str) -> Option<Position> {
    let (milliseconds, number) = id.split_once('-')?;
    Some(Position { milliseconds: milliseconds.parse().ok()?, number: number.parse().ok()? })
}

/// Whatever is no entry has a position all the same, behind which is read on.
fn read(keys: &Keys, streams: Vec<(Value, Value)>) -> Vec<Read> {
    let mut read = Vec::new();
    for (name, entries) in streams {
        let name = text(name);
        let stream = keys.streams.iter().position(|stream| Some(stream) == name.as_ref());
        let (Some(stream), Value::Array(entries)) = (stream, entries) else { continue };
        read.reserve(entries.len());
        for entry in entries {
            let Value::Array(entry) = entry else { continue };
            let Ok([id, fields]) = <[Value; 2]>::try_from(entry) else { continue };
            let Some(position) = text(id).and_then(|id| position(&id)) else { continue };
            read.push(Read { stream, position, entry: entry_of(fields) });
        }
    }
    read
}

fn entry_of(fields: Value) -> Option<Entry> {
    let Value::Array(fields) = fields else { return None };
    let (mut uid, mut namespace, mut kind, mut data) = (None, None, None, Bytes::new());
    let (mut number, mut after) = (None, 0);
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        let Value::BulkString(name) = name else { return None };
        match &*name {
            b"uid" => uid = Some(text(value)?),
            b"nsp" => namespace = Some(text(value)?),
            b"type" => kind = Some(text(value)?.parse().ok()?),
            b"data" => data = bytes(value)?,
            b"n" => number = Some(text(value)?.parse().ok()?),
            b"after" => after = text(value)?.parse().ok()?,
            _ => {}
        }
    }
    Some(Entry { uid: uid?, namespace: namespace?, kind: kind?, data, number, after })
}

struct Talker {
    connection: Connection,
    keys: Arc<Keys>,
}

impl Talking for Talker {
    fn subscribe(&self, channels: Vec<String>) -> Doing<'_, ()> {
        let mut connection = self.connection.clone();
        Box::pin(async move { Ok(connection.subscribe(channels).await?) })
    }

    fn subscribe_by_patterns(&self, patterns: Vec<String>) -> Doing<'_, ()> {
        let mut connection = self.connection.clone();
        Box::pin(async move { Ok(connection.psubscribe(patterns).await?) })
    }

    fn publish(&self, messages: Vec<Published>) -> Doing<'_, ()> {
        let mut connection = self.connection.clone();
        Box::pin(async move {
            let mut pipeline = pipe();
            for message in &messages {
                pipeline.cmd("PUBLISH").arg(&message.channel).arg(&*message.data).ignore();
            }
            Ok(pipeline.query_async(&mut connection).await?)
        })
    }

    fn subscribers(&self, channels: Vec<String>) -> Doing<'_, Vec<u64>> {
        let mut connection = self.connection.clone();
        Box::pin(async move {
            let mut command = cmd("PUBSUB");
            command.arg("NUMSUB").arg(&channels);
            let counts: std::collections::HashMap<String, u64> =
                command.query_async(&mut connection).await?;
            let count = |channel| counts.get(channel).copied().unwrap_or_default();
            Ok(channels.iter().map(count).collect())
        })
    }

    fn rank(&self) -> Doing<'_, u64> {
        /// How many ranks one millisecond has.
        const PER_MILLISECOND: u64 = 1 << 20;

        let mut connection = self.connection.clone();
        Box::pin(async move {
            // Ids of a stream grow even where the clock goes back, and those of one that was lost begin with the clock.
            let mut command = cmd("XADD");
            command.arg(self.keys.rank()).arg("MAXLEN").arg(1).arg("*").arg("r").arg("");
            let id: String = command.query_async(&mut connection).await?;
            let id = position(&id).ok_or_else(|| Failure::new("XADD gave no id"))?;
            Ok(id.milliseconds * PER_MILLISECOND + id.number.min(PER_MILLISECOND - 1))
        })
    }
}
