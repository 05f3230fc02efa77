//! Where Redis is: what a URL says, and how one gets a connection from it.

use std::{fmt, time::Duration};

use futures_util::{FutureExt as _, future::select_ok};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo, ProtocolVersion, RedisError, RedisResult, Value,
    aio::{AsyncPushSender, MultiplexedConnection},
    cmd,
};

/// A connection to the Redis that answers for a key. It ends with the first error that is not an answer of Redis':
/// whoever uses it connects anew.
pub(crate) type Connection = MultiplexedConnection;

/// How long a connection, and any command but those that wait, may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// Where Redis is, as a URL says.
///
/// | | |
/// |---|---|
/// | `redis://[user:password@]host[:6379][/database]` | one Redis |
/// | `redis+unix:///path/to/socket[?db=0&user=..&pass=..]` | one Redis on this machine |
/// | `redis+sentinel://[user:password@]host[:26379],host,../service[/database]` | whichever Redis is the master of a service, as its Sentinels say |
/// | `redis+cluster://[user:password@]host[:6379],host,..` | the node of a Redis Cluster that owns the key |
///
/// `rediss` in place of `redis` means TLS, with the feature `redis-tls`. Parts of credentials that mean something in a
/// URL are percent-encoded.
#[derive(Clone)]
pub(crate) struct Place {
    kind: Kind,
    /// Those that are asked. At least one.
    servers: Vec<ConnectionInfo>,
}

#[derive(Clone)]
enum Kind {
    /// The server itself.
    One,
    /// The servers are Sentinels, without credentials; these belong to the master.
    Sentinel { service: String, master: Box<ConnectionInfo> },
    /// The servers are nodes, which know all the others.
    Cluster,
}

/// Why a URL does not say where Redis is. It repeats nothing of the URL, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidRedisUrl {
    #[error(
        "it begins with none of `redis://`, `rediss://`, `redis+unix://`, `redis+sentinel://` and `redis+cluster://`"
    )]
    UnknownScheme,
    #[error("`rediss://` needs the feature `redis-tls` of gateway-core")]
    NoTls,
    #[error("a Unix socket has no TLS: `redis+unix:///path/to/socket`")]
    TlsOnUnixSocket,
    #[error("it names no service: `redis+sentinel://host,host/service`, or `../service/0`")]
    NoService,
    #[error("a Redis Cluster has no databases: `redis+cluster://host,host`")]
    DatabaseInCluster,
    #[error(
        "it is not of the form `redis://user:password@host:port/database`; in user and password, `%40` stands for `@`, \
         `%2F` for `/`, `%3A` for `:` and `%23` for `#`"
    )]
    Malformed,
}

impl Place {
    /// Reads a URL of one of the forms above. Nothing is connected yet.
    pub(crate) fn parse(url: &str) -> Result<Self, InvalidRedisUrl> {
        use InvalidRedisUrl as Invalid;

        let (scheme, rest) = url.split_once("://").ok_or(Invalid::UnknownScheme)?;
        let (base, form) = match scheme.split_once('+') {
            Some((base, form)) => (base, Some(form)),
            None => (scheme, None),
        };
        match base {
            "redis" => {}
            "rediss" if cfg!(feature = "redis-tls") => {}
            "rediss" => return Err(Invalid::NoTls),
            _ => return Err(Invalid::UnknownScheme),
        }
        // `#insecure` would mean TLS that is none.
        if rest.contains('#') {
            return Err(Invalid::Malformed);
        }
        match form {
            None => Ok(Self { kind: Kind::One, servers: vec![server(url)?] }),
            Some("unix") if base == "rediss" => Err(Invalid::TlsOnUnixSocket),
            Some("unix") => Ok(Self { kind: Kind::One, servers: vec![server(url)?] }),
            Some("sentinel") => Self::behind_sentinels(base, &Parts::of(rest)),
            Some("cluster") => Self::in_cluster(base, &Parts::of(rest)),
            Some(_) => Err(Invalid::UnknownScheme),
        }
    }

    fn behind_sentinels(base: &str, parts: &Parts<'_>) -> Result<Self, InvalidRedisUrl> {
        let (service, database) = parts.path.split_once('/').unwrap_or((parts.path, ""));
        if service.is_empty() {
            return Err(InvalidRedisUrl::NoService);
        }
        let servers = parts.hosts.split(',').map(|host| {
            // A port follows a colon that is outside of an IPv6 address' brackets.
            let port = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
            server(&format!("{base}://{host}{}", if port.is_some() { "" } else { ":26379" }))
        });
        // The host is replaced by what the Sentinels answer.
        let master = server(&format!("{base}://{}master/{database}", parts.credentials))?;
        Ok(Self {
            kind: Kind::Sentinel { service: service.to_owned(), master: Box::new(master) },
            servers: servers.collect::<Result<_, _>>()?,
        })
    }

    fn in_cluster(base: &str, parts: &Parts<'_>) -> Result<Self, InvalidRedisUrl> {
        if !matches!(parts.path, "" | "0") {
            return Err(InvalidRedisUrl::DatabaseInCluster);
        }
        let servers = parts
            .hosts
            .split(',')
            .map(|host| server(&format!("{base}://{}{host}", parts.credentials)));
        Ok(Self { kind: Kind::Cluster, servers: servers.collect::<Result<_, _>>()? })
    }

    pub(crate) fn is_redis_cluster(&self) -> bool {
        matches!(self.kind, Kind::Cluster)
    }

    /// Connects to the Redis that has a key, as far as that is known at this moment. In a Redis Cluster, all keys of a
    /// connection must share their hash tag with it.
    pub(crate) async fn connect(&self, key: &str) -> RedisResult<Connection> {
        self.connect_as(key, &patient(PATIENCE)).await
    }

    /// As [`connect`](Self::connect), for commands that wait for up to `wait` by themselves. They keep others from
    /// being answered.
    pub(crate) async fn connect_to_wait(
        &self,
        key: &str,
        wait: Duration,
    ) -> RedisResult<Connection> {
        self.connect_as(key, &patient(wait + PATIENCE)).await
    }

    /// As [`connect`](Self::connect), with a receiver of what is published on the channels that the connection
    /// subscribes to. It must not block.
    pub(crate) async fn connect_to_listen(
        &self,
        key: &str,
        pushed: impl AsyncPushSender,
    ) -> RedisResult<Connection> {
        self.connect_as(key, &patient(PATIENCE).set_push_sender(pushed)).await
    }

    async fn connect_as(
        &self,
        key: &str,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<Connection> {
        // All at once, and the first that leads somewhere: one that does not answer must not keep us from the others.
        let attempts =
            self.servers.iter().map(|server| self.connect_by(server, key, config).boxed());
        let (connection, _) = select_ok(attempts).await?;
        Ok(connection)
    }

    /// Connects to where one of the servers sends us.
    async fn connect_by(
        &self,
        server: &ConnectionInfo,
        key: &str,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<Connection> {
        match &self.kind {
            Kind::One => open(server.clone(), config).await,
            Kind::Sentinel { service, master } => {
                let (host, port) = ask_sentinel(server, service, master).await?;
                let mut connection = open(at(master, host, port), config).await?;
                // During a failover a Sentinel may still name the one that was the master.
                let role: Vec<Value> = cmd("ROLE").query_async(&mut connection).await?;
                match role.first() {
                    Some(Value::BulkString(role)) if role == b"master" => Ok(connection),
                    _ => Err(RedisError::from((
                        ErrorKind::Client,
                        "a Sentinel named a master that is not one",
                    ))),
                }
            }
            Kind::Cluster => {
                let (host, port) = ask_node(server, key).await?;
                open(at(server, host, port), config).await
            }
        }
    }
}

/// Without credentials, from which nothing of a place can be learned but where it is.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = match self.servers.first().map(ConnectionInfo::addr) {
            Some(ConnectionAddr::TcpTls { .. }) => "s",
            _ => "",
        };
        let form = match (&self.kind, self.servers.first().map(ConnectionInfo::addr)) {
            (Kind::One, Some(ConnectionAddr::Unix(_))) => "+unix",
            (Kind::One, _) => "",
            (Kind::Sentinel { .. }, _) => "+sentinel",
            (Kind::Cluster, _) => "+cluster",
        };
        write!(formatter, "redis{tls}{form}://")?;
        for (index, server) in self.servers.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(formatter, "{comma}{}", server.addr())?;
        }
        match &self.kind {
            Kind::Sentinel { service, .. } => write!(formatter, "/{service}"),
            Kind::One | Kind::Cluster => Ok(()),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// What follows `://` in a URL with several hosts.
struct Parts<'a> {
    /// With the `@`, or empty.
    credentials: &'a str,
    hosts: &'a str,
    /// Without the `/` in front, and at the end.
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str) -> Self {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let hosts = authority.rfind('@').map_or(0, |at| at + 1);
        let (credentials, hosts) = authority.split_at(hosts);
        Self { credentials, hosts, path: path.trim_end_matches('/') }
    }
}

/// A single server. RESP3, so that one connection can both be told things and answer commands.
fn server(url: &str) -> Result<ConnectionInfo, InvalidRedisUrl> {
    let info = url.into_connection_info().map_err(|_| InvalidRedisUrl::Malformed)?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Ok(info.set_redis_settings(settings).set_tcp_settings(tcp))
}

/// The same, elsewhere.
fn at(server: &ConnectionInfo, host: String, port: u16) -> ConnectionInfo {
    let address = match server.addr().clone() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure, tls_params }
        }
        _ => ConnectionAddr::Tcp(host, port),
    };
    server.clone().set_addr(address)
}

fn patient(patience: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(patience))
}

async fn open(server: ConnectionInfo, config: &AsyncConnectionConfig) -> RedisResult<Connection> {
    // Where several are compiled in, rustls would not choose, but panic.
    #[cfg(feature = "redis-tls")]
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only if somebody has chosen in the meantime.
        rustls::crypto::ring::default_provider().install_default().ok();
    }
    Client::open(server)?.get_multiplexed_async_connection_with_config(config).await
}

/// Where a Sentinel thinks the master of a service is.
async fn ask_sentinel(
    sentinel: &ConnectionInfo,
    service: &str,
    master: &ConnectionInfo,
) -> RedisResult<(String, u16)> {
    let mut question = cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
    let ask = async |sentinel: ConnectionInfo| -> RedisResult<Option<(String, u16)>> {
        question.query_async(&mut open(sentinel, &patient(PATIENCE)).await?).await
    };
    let answer = match ask(sentinel.clone()).await {
        // Most Sentinels have no password. Those that have one are given the master's.
        Err(error) if wants_password(&error) => {
            let settings = master.redis_settings().clone().set_db(0);
            ask(sentinel.clone().set_redis_settings(settings)).await
        }
        answer => answer,
    };
    answer?
        .ok_or_else(|| RedisError::from((ErrorKind::Client, "the Sentinels know no such service")))
}

fn wants_password(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed || error.code() == Some("NOAUTH")
}

/// The node that has a key, as another node knows it.
async fn ask_node(node: &ConnectionInfo, key: &str) -> RedisResult<(String, u16)> {
    let mut connection = open(node.clone(), &patient(PATIENCE)).await?;
    let slot: i64 = cmd("CLUSTER").arg("KEYSLOT").arg(key).query_async(&mut connection).await?;
    // Each with its first and last slot, its master, and replicas.
    let ranges: Vec<Vec<Value>> = cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await?;
    for range in &ranges {
        let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = &range[..] else {
            return Err(unexpected());
        };
        if (*first..=*last).contains(&slot) {
            let [host, Value::Int(port), ..] = &master[..] else { return Err(unexpected()) };
            let port = u16::try_from(*port).map_err(|_| unexpected())?;
            let host: Option<String> = FromRedisValue::from_redis_value_ref(host)?;
            // A node that is known by no address is the one that answers.
            let host = host.filter(|host| !matches!(host.as_str(), "" | "?"));
            return Ok((host.unwrap_or_else(|| host_of(node)), port));
        }
    }
    Err(RedisError::from((ErrorKind::Client, "no node of the Redis Cluster has the key's slot")))
}

fn unexpected() -> RedisError {
    RedisError::from((ErrorKind::Parse, "CLUSTER SLOTS was answered with something else"))
}

fn host_of(server: &ConnectionInfo) -> String {
    match server.addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.clone(),
        address => address.to_string(),
    }
}

#[cfg(test)]
mod tests;
