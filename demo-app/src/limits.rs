//! What the demo refuses for there being too much of it, counted.

use metrics::{counter, describe_counter};

const REACHED: &str = "demo_limits_reached_total";

/// A limit of the demo's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// `--rooms-per-user`
    RoomsPerUser,
    /// `--streams`
    Streams,
    /// `--streams-per-user`
    StreamsPerUser,
}

impl Limit {
    /// It has refused something: that is counted.
    pub(crate) fn reached(self) {
        tracing::debug!(limit = self.name(), "a limit was reached");
        counter!(REACHED, "limit" => self.name()).increment(1);
    }

    const fn name(self) -> &'static str {
        match self {
            Self::RoomsPerUser => "rooms_per_user",
            Self::Streams => "streams",
            Self::StreamsPerUser => "streams_per_user",
        }
    }
}

/// Tells the recorder, which must be there, what is counted.
pub(crate) fn describe() {
    describe_counter!(
        REACHED,
        "What was refused, by the limit of the demo's own that was reached."
    );
}
