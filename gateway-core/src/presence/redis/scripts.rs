//! Presence in Redis: its keys, and the scripts that change them.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, LazyLock},
    time::Duration,
};

use redis::{
    ErrorKind, FromRedisValue, RedisError, RedisResult, Script, ScriptInvocation, Value, cmd,
};

use tokio::time::Instant;

use super::super::store::Device;
use crate::{clock, cluster::redis::Connection, platform::SocketId};

/// How long a process is believed to be alive without saying so.
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// How many devices, or users, one command is about. It takes Redis about three milliseconds at most.
pub(super) const AT_ONCE: usize = 500;

macro_rules! script {
    ($name:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("common.lua"), include_str!($name))))
    };
}

static REGISTER: LazyLock<Script> = script!("register.lua");
static ARRIVE: LazyLock<Script> = script!("arrive.lua");
static LEAVE: LazyLock<Script> = script!("leave.lua");
static BEAT: LazyLock<Script> = script!("beat.lua");
static CLOSE: LazyLock<Script> = script!("close.lua");

/// An event's place in the stream, as Redis writes it: `1712345678901-0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct EventId {
    milliseconds: u64,
    sequence: u64,
}

impl EventId {
    /// The smallest that is larger.
    pub(super) fn next(self) -> Self {
        Self { sequence: self.sequence + 1, ..self }
    }
}

impl FromStr for EventId {
    type Err = RedisError;

    fn from_str(text: &str) -> RedisResult<Self> {
        let parts = text.split_once('-').ok_or_else(unexpected)?;
        let number = |part: &str| part.parse().map_err(|_| unexpected());
        Ok(Self { milliseconds: number(parts.0)?, sequence: number(parts.1)? })
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.milliseconds, self.sequence)
    }
}

/// A user has come online or gone offline, as the stream has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) id: EventId,
    /// The event before it.
    pub(super) after: EventId,
    pub(super) user: Arc<str>,
    pub(super) online: bool,
}

/// What Redis answers to a beat.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) alive: bool,
    /// How many devices of the process Redis knows.
    pub(super) devices: usize,
    /// Whether the event that the process was last told of is in the stream.
    pub(super) known: bool,
    /// Whether there is more to do at once.
    pub(super) more: bool,
    pub(super) next_grace: Option<Duration>,
}

/// What time it is: what Redis and this process' clock say, or in tests one that can be set.
#[derive(Debug, Clone, Default)]
pub(super) enum Time {
    #[default]
    Real,
    #[cfg(test)]
    Set(super::tests::SetTime),
}

impl Time {
    /// What the scripts are to take for the time, in milliseconds; empty for the clock of Redis.
    fn argument(&self) -> String {
        match self {
            Self::Real => String::new(),
            #[cfg(test)]
            Self::Set(time) => time.milliseconds().to_string(),
        }
    }

    pub(super) fn now(&self) -> Instant {
        match self {
            Self::Real => clock::now(),
            #[cfg(test)]
            Self::Set(time) => time.now(),
        }
    }
}

/// A connection to one namespace's presence.
#[derive(Clone)]
pub(super) struct Desk {
    connection: Connection,
    /// What all keys begin with.
    prefix: String,
    time: Time,
}

impl Desk {
    pub(super) fn new(connection: Connection, prefix: &str, time: &Time) -> Self {
        Self { connection, prefix: prefix.to_owned(), time: time.clone() }
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn run<T: FromRedisValue>(
        &mut self,
        script: &Script,
        process: &str,
        arguments: impl FnOnce(&mut ScriptInvocation<'_>),
    ) -> RedisResult<T> {
        let mut invocation = script.prepare_invoke();
        invocation.key(&self.prefix).arg(self.time.argument()).arg(process);
        arguments(&mut invocation);
        invocation.invoke_async(&mut self.connection).await
    }

    pub(super) async fn register(&mut self, process: &str) -> RedisResult<()> {
        self.run(&REGISTER, process, |script| {
            script.arg(milliseconds(LEASE));
        })
        .await
    }

    /// Answers the newest event, once these have arrived; `None` if the process is thought dead.
    pub(super) async fn arrive<'a>(
        &mut self,
        process: &str,
        devices: impl IntoIterator<Item = (Device, &'a str)>,
    ) -> RedisResult<Option<EventId>> {
        let newest: String = self
            .run(&ARRIVE, process, |script| {
                for (device, user) in devices {
                    script.arg(field(device)).arg(user);
                }
            })
            .await?;
        if newest.is_empty() { Ok(None) } else { newest.parse().map(Some) }
    }

    pub(super) async fn leave<'a>(
        &mut self,
        process: &str,
        grace: Duration,
        devices: impl IntoIterator<Item = (Device, &'a str)>,
    ) -> RedisResult<()> {
        self.run(&LEAVE, process, |script| {
            script.arg(milliseconds(grace));
            for (device, user) in devices {
                script.arg(field(device)).arg(user);
            }
        })
        .await
    }

    pub(super) async fn beat(
        &mut self,
        process: &str,
        grace: Duration,
        most: usize,
        known: EventId,
    ) -> RedisResult<Answered> {
        let [alive, devices, known, more, next_grace]: [i64; 5] = self
            .run(&BEAT, process, |script| {
                script.arg(milliseconds(LEASE)).arg(milliseconds(grace));
                script.arg(most).arg(known.to_string());
            })
            .await?;
        Ok(Answered {
            alive: alive == 1,
            devices: usize::try_from(devices).unwrap_or_default(),
            known: known == 1,
            more: more == 1,
            next_grace: u64::try_from(next_grace).ok().map(Duration::from_millis),
        })
    }

    /// Answers whether there are devices left, for which this has to be called again.
    pub(super) async fn close(
        &mut self,
        process: &str,
        grace: Duration,
        most: usize,
    ) -> RedisResult<bool> {
        self.run(&CLOSE, process, |script| {
            script.arg(milliseconds(grace)).arg(most);
        })
        .await
    }

    /// All devices of a process, and whose they are.
    pub(super) async fn devices_of(&mut self, process: &str) -> RedisResult<Vec<(Device, String)>> {
        let key = self.key(&format!("process:{process}"));
        let found: Vec<(String, String)> =
            cmd("HGETALL").arg(key).query_async(&mut self.connection).await?;
        let devices = found.into_iter();
        Ok(devices.filter_map(|(field, user)| Some((device(&field)?, user))).collect())
    }

    /// The sockets of a user, in the order in which they came.
    pub(super) async fn sockets(&mut self, user: &str) -> RedisResult<Vec<SocketId>> {
        let key = self.key(&format!("user:{user}"));
        let found: Vec<String> =
            cmd("ZRANGE").arg(key).arg(0).arg(-1).query_async(&mut self.connection).await?;
        Ok(found
            .iter()
            .filter_map(|member| device(member.split_once(':')?.1))
            .map(|device| device.socket)
            .collect())
    }

    /// Who is online, as of an event. Changes since then may already be among them.
    pub(super) async fn online(&mut self) -> RedisResult<(EventId, Vec<Arc<str>>)> {
        /// How many users Redis looks at before it does something else.
        const PAGE: usize = 1000;

        let newest: Value = cmd("XREVRANGE")
            .arg(self.key("events"))
            .arg("+")
            .arg("-")
            .arg("COUNT")
            .arg(1)
            .query_async(&mut self.connection)
            .await?;
        let newest = entries(&newest)?.first().map(id).transpose()?.unwrap_or_default();
        let mut users = Vec::new();
        let mut cursor = String::from("0");
        loop {
            let page: Vec<Vec<u8>>;
            (cursor, page) = cmd("SSCAN")
                .arg(self.key("online"))
                .arg(&cursor)
                .arg("COUNT")
                .arg(PAGE)
                .query_async(&mut self.connection)
                .await?;
            let names = page.into_iter().filter_map(|user| String::from_utf8(user).ok());
            users.extend(names.map(Arc::from));
            if cursor == "0" {
                return Ok((newest, users));
            }
        }
    }

    /// The events after one, of which some may be no events of ours; waits for them for as long, and not at all if that
    /// is zero.
    pub(super) async fn events(
        &mut self,
        after: EventId,
        wait: Duration,
    ) -> RedisResult<Vec<Option<Event>>> {
        /// How many are read at once.
        const PAGE: usize = 1000;

        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(PAGE);
        if !wait.is_zero() {
            read.arg("BLOCK").arg(milliseconds(wait));
        }
        read.arg("STREAMS").arg(self.key("events")).arg(after.to_string());
        match read.query_async(&mut self.connection).await? {
            Value::Nil => Ok(Vec::new()),
            Value::Map(streams) if streams.len() == 1 => {
                Ok(entries(&streams[0].1)?.iter().map(event).collect())
            }
            _ => Err(unexpected()),
        }
    }
}

/// A device as Redis knows it.
fn field(device: Device) -> String {
    format!("{}:{}", device.number, device.socket)
}

/// Devices that are not of this form are not ours.
fn device(field: &str) -> Option<Device> {
    let (number, socket) = field.split_once(':')?;
    Some(Device { number: number.parse().ok()?, socket: socket.parse().ok()? })
}

/// In milliseconds. Graces are added to the time of day, which Lua keeps in a double: a thousand years are as good as
/// ever.
fn milliseconds(time: Duration) -> u64 {
    const LONGEST: u64 = 1000 * 365 * 24 * 60 * 60 * 1000;

    u64::try_from(time.as_millis()).map_or(LONGEST, |milliseconds| milliseconds.min(LONGEST))
}

fn entries(value: &Value) -> RedisResult<&[Value]> {
    match value {
        Value::Array(entries) => Ok(entries),
        _ => Err(unexpected()),
    }
}

fn id(entry: &Value) -> RedisResult<EventId> {
    match entry {
        Value::Array(parts) => text(parts.first())?.parse(),
        _ => Err(unexpected()),
    }
}

/// An entry `[id, [on or off, user, after, id]]`.
fn event(entry: &Value) -> Option<Event> {
    let Value::Array(parts) = entry else { return None };
    let Some(Value::Array(fields)) = parts.get(1) else { return None };
    let online = match text(fields.first()).ok()? {
        "on" => true,
        "off" => false,
        _ => return None,
    };
    Some(Event {
        id: id(entry).ok()?,
        after: text(fields.get(3)).ok()?.parse().ok()?,
        user: text(fields.get(1)).ok()?.into(),
        online,
    })
}

fn text(value: Option<&Value>) -> RedisResult<&str> {
    match value {
        Some(Value::BulkString(bytes)) => std::str::from_utf8(bytes).map_err(|_| unexpected()),
        _ => Err(unexpected()),
    }
}

fn unexpected() -> RedisError {
    RedisError::from((ErrorKind::Parse, "the keys of presence hold something else"))
}
