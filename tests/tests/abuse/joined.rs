//! What clients may have a server keep and do that were let in.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::raw::{Client, Kind, MIB, NO_HEARTBEAT, Probe, Server, until};
use tokio::time::timeout;

use crate::{AUTHENTICATE, Attack, JOIN, LATE, TimeLimit, fixture, size, withstood};

/// Longer than anything here takes that does not wait for it.
const AUTHENTICATE_LONG: TimeLimit = TimeLimit::new("AUTHENTICATION_TIMEOUT_MS", 5_000, 10_000);

/// Messages of 900 kB that fit into the inbox, 4 MiB, and what one of them may become as a tree of
/// values, in bytes.
const HELD: u64 = 5;
const TREE: u64 = 90 * MIB;

withstood! {
    a_client_is_in_so_many_rooms_and_no_more: Attack {
        name: "rooms, and names of 900 kB",
        settings: &NO_HEARTBEAT,
        peak: || 16 * MIB,
        run: |server| Box::pin(rooms_are_refused(server)),
        ..Attack::PLAIN
    },
    so_many_questions_wait_for_a_client_and_no_more: Attack {
        name: "questions",
        settings: &NO_HEARTBEAT,
        peak: || 96 * MIB,
        run: |server| Box::pin(questions_are_refused(server)),
        ..Attack::PLAIN
    },
    trees_of_values_that_are_held_are_bounded: Attack {
        name: "trees of 900 kB",
        settings: &NO_HEARTBEAT,
        peak: || HELD * TREE,
        // The system's allocator keeps most of what so many small pieces were in.
        kept: HELD * TREE,
        run: |server| Box::pin(trees_are_bounded(server)),
        ..Attack::PLAIN
    },
    who_leaves_while_being_authenticated_leaves_nothing_behind: Attack {
        name: "clients that leave while being authenticated",
        times: &[JOIN, AUTHENTICATE_LONG],
        settings: &NO_HEARTBEAT,
        peak: || 8 * MIB + 40 * 1024 * doorstep() as u64,
        kept_for: &[JOIN, AUTHENTICATE_LONG],
        run: |server| Box::pin(who_leaves_is_given_up(server)),
        ..Attack::PLAIN
    },
}

fn doorstep() -> usize {
    size(200, 2_000)
}

/// Rooms that a client names: so many, and none with a name of 900 kB.
async fn rooms_are_refused(server: &Server) {
    const MOST: usize = 1_024;

    let mut member = Client::open(server.address(), "/raw").await.expect("a connection");
    let mut refused = 0;
    for number in 0..size(3_000, 100_000) {
        let answer = member.answer("join-named", &format!("\"{number}\"")).await;
        let answer = answer.expect("an answer");
        if answer.is_null() {
            assert!(number < MOST, "in {number} rooms");
        } else {
            assert!(answer["code"].is_string(), "{answer}");
            refused += 1;
        }
    }
    assert!(refused > 0);
    let mut other = Client::open(server.address(), "/raw").await.expect("a connection");
    for length in [256, 900_000] {
        let name = json!("r".repeat(length)).to_string();
        let answer = other.answer("join-named", &name).await.expect("an answer");
        assert!(answer["code"].is_string(), "{answer:.200}");
    }
}

/// Questions that a client never answers.
async fn questions_are_refused(server: &Server) {
    const MOST: u64 = 1_024;

    let mut probe = Probe::of(server).await;
    let mut member = Client::open(server.address(), "/raw").await.expect("a connection");
    let count = size(5_000, 200_000);
    member.answer("ask-often", &count.to_string()).await.expect("an answer");
    let bounded = until(LATE, async || probe.counter("asking").await <= MOST).await;
    assert!(bounded.is_some(), "{} wait", probe.counter("asking").await);
}

/// Trees of values take many times the bytes they came in; those of a socket that run are counted.
async fn trees_are_bounded(server: &Server) {
    let mut probe = Probe::of(server).await;
    let mut member = Client::open(server.address(), "/raw").await.expect("a connection");
    let tree = format!("[{}]", vec![r#"{"a":0}"#; 112_000].join(","));
    for _ in 0..size(10, 80) {
        member.ask("hold-value", &tree);
    }
    timeout(Duration::from_secs(60), member.flush()).await.expect("in time").expect("it stays");
    assert!(probe.counter("holding").await <= HELD);
    let mut other = Client::open(server.address(), "/raw").await.expect("a connection");
    other.answer("release", "").await.expect("they are released");
}

/// An authenticator that hangs is given up with its client, and not when its own time is over.
async fn who_leaves_is_given_up(server: &Server) {
    let count = doorstep();
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = Client::open_silent(server.address(), "").await.expect("a WebSocket");
        client.send(r#"40/own,{"name":"hang","label":"hanging"}"#);
        client.flush().await.expect("it is written");
        clients.push(client);
    }
    let mut probe = Probe::of(server).await;
    let hang = until(LATE, async || probe.journal("hanging").await.len() == count).await;
    assert!(hang.is_some(), "they are not being authenticated");
    drop(clients);
    let begun = Instant::now();
    let gone = until(LATE, async || probe.journal("hanging").await.len() == 2 * count).await;
    let noted = probe.journal("hanging").await.len() - count;
    assert!(gone.is_some(), "{noted} of {count} were given up after {:?}", begun.elapsed());
}

/// Whoever stays is told when it has taken too long.
#[tokio::test]
async fn who_waits_for_an_authenticator_is_refused_in_time() {
    let server = fixture(&[AUTHENTICATE], &NO_HEARTBEAT);
    let mut client = Client::open_silent(server.address(), "").await.expect("a WebSocket");
    client.send(r#"40/own,{"name":"hang"}"#);
    let packet = timeout(AUTHENTICATE.time() + LATE, client.packet()).await.expect("in time");
    let refused = packet.expect("a refusal");
    assert_eq!(refused.kind, Kind::ConnectError);
    assert_eq!(refused.data, r#"{"message":"Authentication took too long"}"#);
}
