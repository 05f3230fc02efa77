//! What a client can do to the server and to others by its bytes alone: how slowly it reads, how
//! much it sends at once, and what no official client would send. Every test has a server of its
//! own, measures it from outside, and is bounded in time and memory, also where it fails.
//!
//! The limits are those of a debug build on two busy cores. Each says what a release build is to
//! reach.

mod attachments;
mod bursts;
mod flooding;
mod hanging;
mod holding;
mod joining;
mod packets;
mod rooms;
mod slow_readers;
mod streams;
mod upgrades;

use std::process::{Command, Stdio};

use tests::raw::{Client, Server};
pub(crate) use tests::raw::{
    MIB, NO_HEARTBEAT, Neighbour, Probe, allow_open_files, at_rest, in_mib, machine, number, until,
};

/// A fixture of its own, with defaults.
pub(crate) fn fixture() -> Server {
    fixture_with(&[])
}

pub(crate) fn fixture_with(settings: &[(&str, &str)]) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fixture"));
    // An attack may write a line for each of its packets.
    command.envs(settings.iter().copied()).stderr(Stdio::null());
    Server::measured(&mut command).expect("the fixture starts")
}

pub(crate) async fn client(server: &Server, namespace: &str) -> Client {
    Client::open(server.address(), namespace).await.expect("a connection")
}
