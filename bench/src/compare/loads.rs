//! What the servers are loaded with.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::load::{Churn, Question, RoundTrips, Talk, Work};

/// A load: who talks to the server, and how.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Load {
    /// 100 clients, one question in flight
    Ack,
    /// 100 clients, one question in flight, validated
    Validated,
    /// 50 clients, 16 questions in flight
    Pipelined,
    /// a room of 100, one message at a time
    #[value(name = "room-100")]
    #[serde(rename = "room-100")]
    Room100,
    /// a room of 1,000, one message at a time
    #[value(name = "room-1000")]
    #[serde(rename = "room-1000")]
    Room1000,
    /// a room of 100, 8 messages at a time
    Burst,
    /// connect with a token, and leave, in 32 places
    Connect,
    /// 10 clients, a text of 64 KiB each way
    Text,
    /// 10 clients, an attachment of 64 KiB each way
    Binary,
}

impl Load {
    pub(crate) const ALL: [Self; 9] = [
        Self::Ack,
        Self::Validated,
        Self::Pipelined,
        Self::Room100,
        Self::Room1000,
        Self::Burst,
        Self::Connect,
        Self::Text,
        Self::Binary,
    ];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Ack => "acks, 1 in flight",
            Self::Validated => "acks with validation",
            Self::Pipelined => "acks, 16 in flight",
            Self::Room100 => "room of 100",
            Self::Room1000 => "room of 1,000",
            Self::Burst => "room of 100, bursts of 8",
            Self::Connect => "connect with JWT",
            Self::Text => "text of 64 KiB",
            Self::Binary => "binary of 64 KiB",
        }
    }

    /// What is counted.
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Ack | Self::Validated | Self::Pipelined => "ack",
            Self::Room100 | Self::Room1000 | Self::Burst => "delivery",
            Self::Connect => "connection",
            Self::Text | Self::Binary => "echo",
        }
    }

    /// How many clients are there before it begins.
    pub(crate) const fn clients(self) -> usize {
        match self {
            Self::Ack | Self::Validated | Self::Room100 | Self::Burst => 100,
            Self::Pipelined => 50,
            Self::Room1000 => 1_000,
            Self::Connect => 0,
            Self::Text | Self::Binary => 10,
        }
    }

    /// Whether the clients are in a room.
    pub(crate) const fn in_a_room(self) -> bool {
        matches!(self, Self::Room100 | Self::Room1000 | Self::Burst)
    }

    /// The load, which goes on until it is stopped.
    pub(crate) fn work(self) -> Box<dyn Work> {
        const FOREVER: u64 = u64::MAX;
        match self {
            Self::Ack => Box::new(RoundTrips::new(Question::Echo, 1, FOREVER)),
            Self::Validated => Box::new(RoundTrips::new(Question::Validated, 1, FOREVER)),
            Self::Pipelined => Box::new(RoundTrips::new(Question::Echo, 16, FOREVER)),
            Self::Room100 | Self::Room1000 => Box::new(Talk::new(1, FOREVER)),
            Self::Burst => Box::new(Talk::new(8, FOREVER)),
            Self::Connect => Box::new(Churn::new(32, FOREVER)),
            Self::Text => Box::new(RoundTrips::new(Question::Text, 1, FOREVER)),
            Self::Binary => Box::new(RoundTrips::new(Question::Binary, 1, FOREVER)),
        }
    }
}
