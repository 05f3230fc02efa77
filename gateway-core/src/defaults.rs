//! The defaults of the application's options, as constants. The defaults of a gateway's options are in the
//! table of [`web_socket_gateway`](macro@crate::web_socket_gateway).

use std::time::Duration;

/// How long an emit or a reply waits for a client whose outbox is full.
pub const EMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long [`Socket::emit_with_ack`](crate::Socket::emit_with_ack) waits for the client's answer.
pub const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long operations on the sockets of other processes, and questions to those processes, wait for them.
pub const CLUSTER_TIMEOUT: Duration = Duration::from_secs(2);

/// The largest event that is handed on to the application's other processes, in bytes.
pub const CLUSTER_LARGEST: usize = 4 * 1024 * 1024;

/// How long an [`Authenticator`](crate::Authenticator) may take.
pub const AUTHENTICATION_TIMEOUT: Duration = Duration::from_secs(10);

/// How far the clock of a token's issuer may be ahead of ours.
#[cfg(feature = "jwt")]
pub const JWT_LEEWAY: Duration = Duration::from_secs(5);

/// How often clients are pinged.
pub const PING_INTERVAL: Duration = Duration::from_secs(25);

/// How long a client may take to answer a ping.
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a session may take to join a namespace.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client on polling may take to upgrade to a WebSocket.
pub const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest message that is accepted, in bytes.
pub const MAX_PAYLOAD: usize = 1_000_000;

/// How long shutting down may take.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The least that a client must read while something waits for it, in bytes per second, averaged over ten
/// seconds.
pub const MIN_DRAIN_RATE: usize = 2 * 1024;

/// How long what one process says to others is kept while the cluster cannot be reached, and for how long afterwards it is
/// kept to be written again, should the cluster lose it.
#[cfg(any(test, feature = "redis"))]
pub const CLUSTER_PATIENCE: Duration = Duration::from_secs(12);

/// How much of it is kept, in bytes.
#[cfg(any(test, feature = "redis"))]
pub const CLUSTER_QUEUE: usize = 8 * 1024 * 1024;

/// How many entries each stream of the cluster's log keeps, or a few more.
#[cfg(any(test, feature = "redis"))]
pub const CLUSTER_LOG: usize = 100_000;

/// How much of what others have said may wait for this process to hear it, in bytes.
#[cfg(any(test, feature = "redis"))]
pub const CLUSTER_INBOX: usize = 32 * 1024 * 1024;

/// How much of that may wait in a namespace in any case, in bytes, however much does in others.
#[cfg(any(test, feature = "redis"))]
pub const CLUSTER_INBOX_OWN: usize = 4 * 1024 * 1024;
