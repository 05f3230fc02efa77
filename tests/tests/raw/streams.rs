//! Streams that are always ready: they leave others their turn, and end with their client.

use std::time::Duration;

use tests::raw::Client;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::{
    MIB, NO_HEARTBEAT, Neighbour, Probe, at_rest, client, fixture_with, in_mib, machine, until,
};

/// More than there are workers: if none gives up its turn, nobody else has one.
const STREAMS: u64 = 4;

/// An item of a stream costs a debug build tens of microseconds, and a task may take some hundred
/// of them in a turn: 5 ms for each stream, and what two busy cores add.
const P50: Duration = Duration::from_millis(25);

/// In which a stream notices that its client has left.
const ENDED: Duration = Duration::from_secs(3);

/// What waits for one client, 4 MiB, for each of them, and much to spare.
const GROWN: u64 = 64 * MIB;

/// Readers ask for streams, and leave while these go on.
async fn a_stream_ends_with_its_client(event: &'static str) {
    let _machine = machine().await;
    let server = fixture_with(&NO_HEARTBEAT);
    let mut probe = Probe::of(&server).await;
    let before = at_rest(server.address()).await;
    let guard = server.guard_memory(GROWN * 4).expect("the memory");
    let mut readers = Vec::new();
    for _ in 0..STREAMS {
        readers.push(client(&server, "/raw").await);
    }
    let neighbour = Neighbour::at(server.address()).await;
    let mut reading = JoinSet::new();
    for mut reader in readers {
        reading.spawn(async move {
            reader.ask(event, "");
            while reader.packet().await.is_ok() {}
        });
    }
    sleep(Duration::from_secs(2)).await;
    let during = neighbour.end();
    reading.shutdown().await;
    let ended = until(ENDED, async || {
        let streams = timeout(ENDED, probe.counter("streams")).await;
        streams.is_ok_and(|streams| streams == 0)
    })
    .await;
    let grown = guard.grown();
    assert!(ended.is_some(), "they go on without their clients; others: {during}");
    assert!(during.p50() <= P50, "others: {before}, then {during}");
    assert!(grown <= GROWN, "{}", in_mib(grown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_an_end_ends_with_its_client_and_leaves_others_their_turn() {
    a_stream_ends_with_its_client("stream-for-ever").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_a_million_ends_with_its_client_and_leaves_others_their_turn() {
    a_stream_ends_with_its_client("stream-a-million").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_behind_an_interceptor_ends_with_its_client_and_leaves_others_their_turn() {
    a_stream_ends_with_its_client("intercepted-stream").await;
}

/// A client that leaves in the moment it has asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_client_leaves_at_once_is_not_run_to_its_end() {
    let _machine = machine().await;
    let server = fixture_with(&NO_HEARTBEAT);
    let mut probe = Probe::of(&server).await;
    for event in ["stream-for-ever", "stream-a-million", "intercepted-stream"] {
        let mut leaving = Client::open(server.address(), "/raw").await.expect("a connection");
        leaving.ask(event, "");
        leaving.flush().await.expect("a request");
    }
    sleep(Duration::from_millis(100)).await;
    let ended = until(ENDED, async || {
        let streams = timeout(ENDED, probe.counter("streams")).await;
        streams.is_ok_and(|streams| streams == 0)
    })
    .await;
    assert!(ended.is_some(), "they go on without their clients");
}
