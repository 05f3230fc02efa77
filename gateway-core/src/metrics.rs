//! What is counted, for whatever recorder of the [`metrics`](::metrics) facade is installed when the
//! application is built.
//!
//! Handles are looked up once, then: on the way of a message there is an addition, and no search for
//! a label. Labels have few values: namespaces and events that are declared, and lists that stand
//! here. What clients make up, they share.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use metrics::{
    Counter, Gauge, Histogram, IntoF64, Unit, counter, describe_counter, describe_gauge,
    describe_histogram, gauge, histogram,
};

use crate::{
    exception::{WsException, code},
    platform::DisconnectReason,
};

const CONNECTIONS: &str = "gateway_connections";
const CONNECTED: &str = "gateway_connections_total";
const DISCONNECTED: &str = "gateway_disconnections_total";
const HANDSHAKES_REFUSED: &str = "gateway_handshakes_refused_total";
const MESSAGES: &str = "gateway_messages_total";
const DURATION: &str = "gateway_message_duration_seconds";
const EMITS: &str = "gateway_emits_total";
const DELIVERIES: &str = "gateway_deliveries_total";
const SLOW_CLIENTS: &str = "gateway_slow_clients_total";
const USERS: &str = "gateway_users_online";

/// The event of all messages that nobody handles.
const UNKNOWN: &str = "(unknown)";

/// Says what everything means, to recorders that tell it on.
pub(crate) fn describe() {
    describe_gauge!(CONNECTIONS, "Clients in a namespace now.");
    describe_counter!(CONNECTED, "Clients that asked to be let in: accepted, or refused.");
    describe_counter!(DISCONNECTED, "Clients that have gone, by the reason.");
    describe_counter!(HANDSHAKES_REFUSED, "Sessions refused for their origin, or while draining.");
    describe_counter!(
        MESSAGES,
        "Messages: ok, error (told to the client), failed (internal, or a panic), overloaded, refused."
    );
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "From a message's first guard until its answer is on its way."
    );
    describe_counter!(EMITS, "Events emitted, to one client or to many.");
    describe_counter!(
        DELIVERIES,
        "Events queued for a client: of an emit to a room, one a member."
    );
    describe_counter!(SLOW_CLIENTS, "Clients disconnected for not reading.");
    describe_gauge!(USERS, "Users who are there, where the gateway keeps presence.");
}

/// Of one namespace.
#[derive(Debug)]
pub(crate) struct NamespaceMetrics {
    pub(crate) connections: Gauge,
    pub(crate) accepted: Counter,
    pub(crate) refused: Counter,
    disconnected: [Counter; DisconnectReason::ALL.len()],
    pub(crate) emits: Counter,
    pub(crate) deliveries: Counter,
    pub(crate) slow_clients: Counter,
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
            deliveries: counter!(DELIVERIES, "namespace" => here()),
            slow_clients: counter!(SLOW_CLIENTS, "namespace" => here()),
        }
    }

    pub(crate) fn disconnected(&self, reason: DisconnectReason) {
        let place = DisconnectReason::ALL.iter().position(|one| *one == reason);
        if let Some(counter) = place.and_then(|place| self.disconnected.get(place)) {
            counter.increment(1);
        }
    }
}

/// Of the messages of one event.
#[derive(Debug)]
pub(crate) struct MessageMetrics {
    ok: Counter,
    error: Counter,
    failed: Counter,
    overloaded: Counter,
    refused: Counter,
    duration: Histogram,
    /// Somebody reads the durations.
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

    /// Of all events without a handler.
    pub(crate) fn of_unknown_events(path: &str) -> Self {
        Self::of(path, UNKNOWN)
    }

    /// The present, where the duration of a message is wanted: reading the clock twice is a
    /// fiftieth of a small message.
    pub(crate) fn begin(&self) -> Option<Instant> {
        self.timed.then(Instant::now)
    }

    /// A message was handled, or begun to be.
    pub(crate) fn handled(&self, outcome: &Result<(), WsException>, duration: Option<Duration>) {
        if let Some(duration) = duration {
            self.duration.record(duration);
        }
        let counter = match outcome {
            Ok(()) => &self.ok,
            Err(exception) if exception.is_internal() => &self.failed,
            Err(_) => &self.error,
        };
        counter.increment(1);
    }

    /// There was no handler for a message.
    pub(crate) fn unknown(&self) {
        self.error.increment(1);
    }

    /// A message was not even started.
    pub(crate) fn refused(&self, exception: &WsException) {
        match exception.code() {
            code::OVERLOADED => self.overloaded.increment(1),
            _ => self.refused.increment(1),
        }
    }
}

/// Whether somebody reads a histogram: only then is a value asked for what it is. None is added.
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

/// A session was refused before it had any namespace.
pub(crate) fn handshake_refused(reason: &'static str) {
    counter!(HANDSHAKES_REFUSED, "reason" => reason).increment(1);
}

/// How many users are there in a namespace.
pub(crate) fn users(path: &str) -> Gauge {
    gauge!(USERS, "namespace" => path.to_owned())
}
