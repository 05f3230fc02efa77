//! What is counted, for the recorder of the [`metrics`](::metrics) facade that is installed when the
//! application is built.
//!
//! Handles are looked up once, at that time, so a message costs an addition but no search for labels. Labels
//! have few values: declared namespaces and events, and the lists in this file. Names that clients make up
//! share one value.

use std::{cell::Cell, time::Duration};

use metrics::{
    Counter, Gauge, Histogram, IntoF64, Unit, counter, describe_counter, describe_gauge,
    describe_histogram, gauge, histogram,
};
use tokio::time::Instant;

use crate::{
    clock,
    disconnect_reason::DisconnectReason,
    exception::{WsException, code},
};

const CONNECTIONS: &str = "gateway_connections";
const CONNECTED: &str = "gateway_connections_total";
const DISCONNECTED: &str = "gateway_disconnections_total";
const HANDSHAKES_REFUSED: &str = "gateway_handshakes_refused_total";
const LIMITS_REACHED: &str = "gateway_limits_reached_total";
const UPGRADES: &str = "gateway_upgrades_total";
const PROTOCOL_ERRORS: &str = "gateway_protocol_errors_total";
const JWKS_REFRESHES: &str = "gateway_jwks_refreshes_total";
const MESSAGES: &str = "gateway_messages_total";
const DURATION: &str = "gateway_message_duration_seconds";
const EMITS: &str = "gateway_emits_total";
const UNDECLARED: &str = "gateway_undeclared_events_total";
const DELIVERIES: &str = "gateway_deliveries_total";
const SLOW_CLIENTS: &str = "gateway_slow_clients_total";
const DROPPED_PACKETS: &str = "gateway_dropped_packets_total";
const DROPPED_VOLATILE: &str = "gateway_dropped_volatile_total";
const USERS: &str = "gateway_users_online";
const CLUSTER_UP: &str = "gateway_cluster_up";
const CLUSTER_PEERS: &str = "gateway_cluster_peers";
const CLUSTER_ECHO: &str = "gateway_cluster_echo_seconds";
const CLUSTER_QUEUED: &str = "gateway_cluster_queued_bytes";
const CLUSTER_ENTRIES: &str = "gateway_cluster_entries_total";

/// The event label of all messages without a handler.
const UNKNOWN: &str = "(unknown)";

/// Describes the metrics, for recorders that publish descriptions.
pub(crate) fn describe() {
    describe_gauge!(CONNECTIONS, "Clients currently in a namespace.");
    describe_counter!(CONNECTED, "Clients that asked to join: accepted, or refused.");
    describe_counter!(DISCONNECTED, "Clients that have left, by reason.");
    describe_counter!(
        HANDSHAKES_REFUSED,
        "Sessions refused for their origin, by `allow_request`, or while draining; requests to a host that is not allowed, or of a session that was opened from another origin or address."
    );
    describe_counter!(LIMITS_REACHED, "What a limit has refused or ended, by limit.");
    describe_counter!(
        UPGRADES,
        "WebSockets that sessions on polling tried to upgrade to: upgraded, or why they stay on polling."
    );
    describe_counter!(
        PROTOCOL_ERRORS,
        "Clients refused or disconnected for breaking the protocol below messages, by reason."
    );
    describe_counter!(
        JWKS_REFRESHES,
        "Times that the keys of tokens were to be fetched again: ok, failed, or spared (they just were)."
    );
    describe_counter!(
        MESSAGES,
        "Messages: ok, error (told to the client, or expected by a filter), failed (internal, or a panic), overloaded, refused."
    );
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Time from a message's first guard until its answer is on its way; for an error, until the answer is decided."
    );
    describe_counter!(EMITS, "Events emitted, to one client or to many.");
    describe_counter!(
        DELIVERIES,
        "Events queued for a client; an emit to a room counts once for each member."
    );
    describe_counter!(SLOW_CLIENTS, "Clients disconnected for not reading.");
    describe_counter!(
        DROPPED_PACKETS,
        "Packets that members of a room missed because its gateway drops them for slow readers."
    );
    describe_counter!(
        DROPPED_VOLATILE,
        "Volatile events that were not sent to a client, because something was still on its way to it."
    );
    describe_counter!(
        UNDECLARED,
        "Events that were emitted although their gateway lists others in `emits(..)`, and not them."
    );
    describe_gauge!(USERS, "Users who are online, for gateways that keep presence.");
    describe_gauge!(CLUSTER_UP, "Whether the cluster can be reached: 1 or 0.");
    describe_gauge!(CLUSTER_PEERS, "Other processes of the cluster that are heard of.");
    describe_histogram!(
        CLUSTER_ECHO,
        Unit::Seconds,
        "Time until the cluster has passed a heartbeat of this process back to it."
    );
    describe_gauge!(
        CLUSTER_QUEUED,
        Unit::Bytes,
        "What is kept to be written to the cluster's log, or to be written again."
    );
    describe_counter!(
        CLUSTER_ENTRIES,
        "Entries of the cluster's log: written, repaired (written again after the log was lost), given_up (not written in time), heard, known (heard before), missed, malformed, unknown (of a kind that only newer versions know)."
    );
}

/// The metrics of one namespace.
#[derive(Debug)]
pub(crate) struct NamespaceMetrics {
    pub(crate) connections: Gauge,
    pub(crate) accepted: Counter,
    pub(crate) refused: Counter,
    disconnected: [Counter; DisconnectReason::ALL.len()],
    pub(crate) emits: Counter,
    pub(crate) undeclared: Counter,
    pub(crate) deliveries: Counter,
    pub(crate) slow_clients: Counter,
    pub(crate) dropped_packets: Counter,
    pub(crate) dropped_volatile: Counter,
}

impl NamespaceMetrics {
    pub(crate) fn of(path: &str) -> Self {
        let here = || path.to_owned();
        Self {
            connections: gauge!(CONNECTIONS, "namespace" => here()),
            accepted: counter!(CONNECTED, "namespace" => here(), "outcome" => "accepted"),
            refused: counter!(CONNECTED, "namespace" => here(), "outcome" => "refused"),
            disconnected: DisconnectReason::ALL.map(
                |reason| counter!(DISCONNECTED, "namespace" => here(), "reason" => reason.as_str()),
            ),
            emits: counter!(EMITS, "namespace" => here()),
            undeclared: counter!(UNDECLARED, "namespace" => here()),
            deliveries: counter!(DELIVERIES, "namespace" => here()),
            slow_clients: counter!(SLOW_CLIENTS, "namespace" => here()),
            dropped_packets: counter!(DROPPED_PACKETS, "namespace" => here()),
            dropped_volatile: counter!(DROPPED_VOLATILE, "namespace" => here()),
        }
    }

    pub(crate) fn disconnected(&self, reason: DisconnectReason) {
        let place = DisconnectReason::ALL.iter().position(|one| *one == reason);
        if let Some(counter) = place.and_then(|place| self.disconnected.get(place)) {
            counter.increment(1);
        }
    }
}

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    /// With an error that the client is told, or that the application expected.
    Told,
    /// With an error that the application did not expect.
    Failed,
}

/// The metrics of one event's messages.
#[derive(Debug)]
pub(crate) struct MessageMetrics {
    ok: Counter,
    error: Counter,
    failed: Counter,
    overloaded: Counter,
    refused: Counter,
    duration: Histogram,
    /// Whether somebody reads the durations.
    timed: bool,
}

impl MessageMetrics {
    pub(crate) fn of(path: &str, event: &str) -> Self {
        let duration =
            histogram!(DURATION, "namespace" => path.to_owned(), "event" => event.to_owned());
        let of = |outcome: &'static str| counter!(MESSAGES, "namespace" => path.to_owned(), "event" => event.to_owned(), "outcome" => outcome);
        Self {
            ok: of("ok"),
            error: of("error"),
            failed: of("failed"),
            overloaded: of("overloaded"),
            refused: of("refused"),
            timed: is_read(&duration),
            duration,
        }
    }

    /// The metrics that all events without a handler share.
    pub(crate) fn of_unknown_events(path: &str) -> Self {
        Self::of(path, UNKNOWN)
    }

    /// The current time, if the duration of messages is wanted: reading the clock twice is a fiftieth of what a
    /// small message costs.
    pub(crate) fn begin(&self) -> Option<Instant> {
        self.timed.then(clock::now)
    }

    /// A message was handled, or at least started.
    pub(crate) fn handled(&self, outcome: Outcome, duration: Option<Duration>) {
        if let Some(duration) = duration {
            self.duration.record(duration);
        }
        let counter = match outcome {
            Outcome::Ok => &self.ok,
            Outcome::Told => &self.error,
            Outcome::Failed => &self.failed,
        };
        counter.increment(1);
    }

    /// A message was not even started.
    pub(crate) fn refused(&self, exception: &WsException) {
        match exception.code() {
            code::OVERLOADED => self.overloaded.increment(1),
            _ => self.refused.increment(1),
        }
    }
}

/// Whether somebody reads a histogram: only then does it ask for the value. Adds none.
fn is_read(histogram: &Histogram) -> bool {
    struct Asked<'a>(&'a Cell<bool>);
    impl IntoF64 for Asked<'_> {
        fn into_f64(self) -> f64 {
            self.0.set(true);
            0.0
        }
    }
    let asked = Cell::new(false);
    histogram.record_many(Asked(&asked), 0);
    asked.get()
}

/// A limit has refused something, or ended it.
pub(crate) fn limit_reached(limit: &'static str) {
    counter!(LIMITS_REACHED, "limit" => limit).increment(1);
}

/// A session was refused before it had joined a namespace.
pub(crate) fn handshake_refused(reason: &'static str) {
    counter!(HANDSHAKES_REFUSED, "reason" => reason).increment(1);
}

/// A session on polling has tried to upgrade to a WebSocket.
pub(crate) fn upgrade(outcome: &'static str) {
    counter!(UPGRADES, "outcome" => outcome).increment(1);
}

/// A client was refused or disconnected for breaking the protocol below messages.
pub(crate) fn protocol_error(reason: &'static str) {
    counter!(PROTOCOL_ERRORS, "reason" => reason).increment(1);
}

/// The keys of tokens were to be fetched again.
#[cfg(feature = "jwks-url")]
pub(crate) fn jwks_refresh(outcome: &'static str) {
    counter!(JWKS_REFRESHES, "outcome" => outcome).increment(1);
}

/// How many users are online in a namespace.
pub(crate) fn users(path: &str) -> Gauge {
    gauge!(USERS, "namespace" => path.to_owned())
}

/// What became of entries of the cluster's log.
#[cfg(any(test, feature = "redis"))]
fn cluster_entries(fate: &'static str, entries: u64) {
    if entries > 0 {
        counter!(CLUSTER_ENTRIES, "fate" => fate).increment(entries);
    }
}

/// Entries were written, of which some had been lost.
#[cfg(any(test, feature = "redis"))]
pub(crate) fn cluster_written(entries: usize, again: usize) {
    cluster_entries("written", (entries - again) as u64);
    cluster_entries("repaired", again as u64);
}

/// Entries could not be written in time.
#[cfg(any(test, feature = "redis"))]
pub(crate) fn cluster_given_up(entries: u64) {
    cluster_entries("given_up", entries);
}

/// Entries were read, and those that had been heard before were passed over.
#[cfg(any(test, feature = "redis"))]
pub(crate) fn cluster_read(heard: u64, known: u64) {
    cluster_entries("heard", heard);
    cluster_entries("known", known);
}

/// Entries of others are lost for this process.
#[cfg(any(test, feature = "redis"))]
pub(crate) fn cluster_missed(entries: u64) {
    cluster_entries("missed", entries);
}

/// Something that another process has said cannot be read.
#[cfg(any(test, feature = "redis"))]
pub(crate) fn cluster_malformed() {
    cluster_entries("malformed", 1);
}

/// Another process has said something of a kind that is not known here.
#[cfg(any(test, feature = "redis"))]
pub(crate) fn cluster_unknown() {
    cluster_entries("unknown", 1);
}

/// Whether the cluster can be reached.
#[cfg(any(test, feature = "redis"))]
pub(crate) fn cluster_up(is_up: bool) {
    gauge!(CLUSTER_UP).set(f64::from(u8::from(is_up)));
}

/// How many other processes are heard of.
#[cfg(any(test, feature = "redis"))]
pub(crate) fn cluster_peers(peers: usize) {
    gauge!(CLUSTER_PEERS).set(peers as f64);
}

/// How long an own heartbeat took to come back.
#[cfg(any(test, feature = "redis"))]
pub(crate) fn cluster_echo(took: Duration) {
    histogram!(CLUSTER_ECHO).record(took);
}

/// How many bytes are kept for the cluster's log.
#[cfg(any(test, feature = "redis"))]
pub(crate) fn cluster_queued() -> Gauge {
    gauge!(CLUSTER_QUEUED)
}
