//! [`Redis`]: what an application says of its cluster.

use std::sync::Arc;

use super::{
    super::{Cluster, adapter::Layout},
    Place,
    engine::RedisEngine,
};
use crate::defaults;

/// The fewest that are of use: what was written while an instance looked elsewhere for a moment.
const SHORTEST: usize = 1_000;

/// A Redis (7, or Valkey) through which the instances of an application are one: rooms, broadcasts, remote sockets,
/// server-side events and users hold across all of them. See [`AppBuilder::cluster`](crate::AppBuilder::cluster).
///
/// What instances tell each other is in the format of Socket.IO's Redis Streams adapter
/// (`@socket.io/redis-streams-adapter`), so that servers with that adapter, in Node or NestJS, are members of the same
/// cluster. The options below have the names that they have there, and the same defaults, except for
/// [`max_len`](Self::max_len).
///
/// | URL | |
/// |---|---|
/// | `redis://[user:password@]host[:6379][/database]` | one Redis |
/// | `rediss://..` | with TLS, which needs the feature `redis-tls` |
/// | `redis+unix:///path/to/socket` | one Redis on this machine |
/// | `redis+sentinel://[user:password@]host[:26379],host,../service[/database]` | whichever Redis is the master of a service |
/// | `redis+cluster://[user:password@]host[:6379],host,..` | the node of a Redis Cluster that has the stream |
///
/// A user of Redis needs these permissions; the second line is for gateways that keep presence, the third for
/// [`emitters`](Self::emitters) in a namespace `/chat` (each namespace needs a pattern of its own, written like this), and
/// the last for Sentinel and Redis Cluster:
///
/// ```text
/// ACL SETUSER gateway on >password resetchannels &socket.io* resetkeys ~socket.io ~gw:* -@all +hello +auth +client +ping +select +get +set +evalsha +script|load +multi +exec +xadd +xread +xinfo +publish +subscribe +pubsub
/// ACL SETUSER gateway +time +exists +incr +hmget +hset +hsetnx +hdel +hlen +hgetall +hrandfield +sadd +srem +sscan +srandmember +zadd +zrem +zscore +zrange +zrangebyscore +xrange +xrevrange
/// ACL SETUSER gateway &socketio &socket.io#/chat#*# +psubscribe
/// ACL SETUSER gateway +role +cluster|keyslot +cluster|slots
/// ```
///
/// ```
/// use gateway_core::{App, Redis};
///
/// let url = std::env::var("REDIS_URL").ok();
/// // Without a URL, this process is the whole application.
/// let builder = App::builder().cluster(url.map(Redis::at));
/// # drop(builder);
/// ```
#[derive(Debug, Clone)]
pub struct Redis {
    url: Url,
    serve_alone: bool,
    stream: String,
    streams: usize,
    max_len: usize,
    prefix: String,
    emitters: bool,
}

/// It may hold a password, which is shown nowhere.
#[derive(Clone)]
struct Url(String);

impl std::fmt::Debug for Url {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Place::parse(&self.0) {
            Ok(place) => std::fmt::Debug::fmt(&place, formatter),
            Err(error) => write!(formatter, "({error})"),
        }
    }
}

impl Redis {
    /// The Redis at this URL. One that is malformed is an error when the application is built; a Redis that cannot be
    /// reached is not: the application serves alone until it can.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: Url(url.into()),
            serve_alone: false,
            stream: "socket.io".to_owned(),
            streams: 1,
            max_len: defaults::CLUSTER_LOG,
            prefix: "socket.io".to_owned(),
            emitters: false,
        }
    }

    /// Stays ready while Redis cannot be reached: `/readyz` then only reports it. By default, this instance is not ready
    /// then. If Redis itself dies, that is all of them, and a balancer has nobody left to send clients to; with this
    /// option, each instance serves its own clients meanwhile.
    #[must_use]
    pub fn serve_alone(mut self) -> Self {
        self.serve_alone = true;
        self
    }

    /// Sets the name of the stream; `socket.io` by default. Two applications that share a Redis need two names, and two
    /// [prefixes](Self::prefix).
    #[must_use]
    pub fn stream(mut self, name: impl Into<String>) -> Self {
        self.stream = name.into();
        self
    }

    /// Sets how many streams there are; 1 by default. A namespace is in one of them. All members of a cluster need the
    /// same number. In a Redis Cluster there can be one only.
    #[must_use]
    pub fn stream_count(mut self, count: usize) -> Self {
        self.streams = count;
        self
    }

    /// Sets about how many entries each stream keeps;
    /// [100,000](crate::defaults::CLUSTER_LOG) by default, which take Redis some 35 MB if each has 250 bytes. An instance
    /// that was away for longer than it took to write these has missed some of them. Servers of Node, which write to the
    /// same streams, shorten them to their own `maxLen`, 10,000 by default.
    #[must_use]
    pub fn max_len(mut self, entries: usize) -> Self {
        self.max_len = entries;
        self
    }

    /// Sets what the names of channels begin with; `socket.io` by default (`channelPrefix` in Node).
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Also hears workers that are no members of the cluster: `@socket.io/redis-emitter` with this
    /// [prefix](Self::prefix) as its `key`, and python-socketio's `RedisManager` with `write_only=True` and the prefix as
    /// its `channel`; where the prefix is the default one, with its default channel. What they say while this instance or Redis is away is lost, and nobody is told.
    #[must_use]
    pub fn emitters(mut self) -> Self {
        self.emitters = true;
        self
    }

    pub(crate) fn serves_alone(&self) -> bool {
        self.serve_alone
    }

    /// What is wrong with it, and what to do about it.
    pub(crate) fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut add = |problem: String, help: String| problems.push((problem, help));
        let place = Place::parse(&self.url.0);
        if let Err(error) = &place {
            add(
                format!("the URL of the cluster's Redis cannot be used: {error}"),
                "write it as `redis://user:password@host:6379`; the documentation of `Redis` has all forms"
                    .to_owned(),
            );
        }
        if self.stream.is_empty() || self.prefix.is_empty() {
            add(
                "a stream and a prefix of the cluster need a name".to_owned(),
                "leave the call out for `socket.io`".to_owned(),
            );
        }
        if self.prefix.contains(['{', '}']) {
            add(
                format!("the cluster's prefix `{}` has braces in it", self.prefix),
                "choose one without: a Redis Cluster looks for its hash tag between braces"
                    .to_owned(),
            );
        }
        if self.streams == 0
            || self.streams > 1 && place.is_ok_and(|place| place.is_redis_cluster())
        {
            add(
                format!("`.stream_count({})` cannot work", self.streams),
                "leave the call out for one stream; a Redis Cluster can have no more".to_owned(),
            );
        }
        if self.max_len < SHORTEST {
            add(
                format!(
                    "`.max_len({})` is so short that instances miss what is said",
                    self.max_len
                ),
                format!(
                    "give it {SHORTEST} or more, or leave the call out for {}",
                    defaults::CLUSTER_LOG
                ),
            );
        }
        problems
    }

    /// Joins the cluster, unless something is [wrong](Self::problems) with it.
    pub(crate) fn join(&self) -> Option<Cluster> {
        if !self.problems().is_empty() {
            return None;
        }
        let place = Place::parse(&self.url.0).ok()?;
        let layout = Layout {
            streams: self.streams,
            channels: self.prefix.clone(),
            emitters: self.emitters,
        };
        let engine = RedisEngine::new(place.clone(), &layout, &self.stream, self.max_len);
        Some(Cluster::join(Arc::new(engine), layout).in_redis(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "redis://127.0.0.1:6379";

    #[test]
    fn all_that_is_wrong_is_said_at_once_and_nothing_is_joined() {
        let wrong = Redis::at("http://:secret@here").stream("").stream_count(0).max_len(1);
        let problems = wrong.prefix("{}").problems();
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(!format!("{problems:?}").contains("secret"), "{problems:?}");
        for wrong in [
            Redis::at("http://here"),
            Redis::at(HERE).stream(""),
            Redis::at(HERE).prefix(""),
            Redis::at(HERE).prefix("}a"),
            Redis::at(HERE).stream_count(0),
            Redis::at("redis+cluster://127.0.0.1:6379").stream_count(2),
            Redis::at(HERE).max_len(SHORTEST - 1),
        ] {
            assert_eq!(wrong.problems().len(), 1, "{wrong:?}");
            assert!(wrong.join().is_none(), "{wrong:?}");
        }
        let right = Redis::at(HERE).stream("a").prefix("b").stream_count(2).max_len(SHORTEST);
        assert_eq!(right.problems(), []);
    }
}
