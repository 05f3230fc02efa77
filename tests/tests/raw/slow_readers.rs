//! Clients that read slowly, or not at all: what waits for them is bounded in bytes from the first
//! packet on, and nobody loses a message while connected.

use std::time::{Duration, Instant};

use tests::raw::{Client, Kind, Polling};
use tokio::time::{sleep, timeout};

use crate::{
    MIB, NO_HEARTBEAT, Neighbour, Probe, at_rest, client, fixture, fixture_with, in_mib, machine,
    until,
};

/// Messages to a member of a room that is too slow for it.
const MEMBER_MESSAGES: u64 = 900;
const MEMBER_MESSAGE: usize = 400_000;

/// Between two reads of 64 KiB: some 40 MB/s, where the room is sent several times as much.
const MEMBER_PAUSE: Duration = Duration::from_millis(1);

/// All of the messages twice, which is more than a server that keeps them all needs.
const MEMBER_KILLED_AT: u64 = 2 * MEMBER_MESSAGES * MEMBER_MESSAGE as u64;

/// What a server may grow by for one connection that reads its large answers slowly: the bound of
/// its queue, 4 MiB, the answers that are encoded meanwhile, and the writer's own buffer.
const ANSWERS_GROWN: u64 = 64 * MIB;

const ANSWERS_READ_FOR: Duration = Duration::from_secs(4);

/// What it may grow by for 10 sessions on polling that never come: 4 MiB and a message of 1 MB
/// each, and as much again for what the room itself is sent.
const POLLING_GROWN: u64 = 100 * MIB;

/// Where a server that is over its bound is killed: far enough to tell a fault from noise, and
/// little enough for any machine.
const KILLED_AT: u64 = 4;

/// How much others' p99 may grow by while someone reads slowly: three times, where that can be
/// measured at all, and what two busy cores do by themselves.
const P99_FACTOR: u32 = 3;
const P99_NOISE: Duration = Duration::from_millis(50);

/// What is waited for at its end, from someone who was seen reading.
const SILENCE: Duration = Duration::from_secs(2);

/// A member that falls behind by some 200 MB in all, and reads on: it has everything, or it is gone
/// and was counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_member_of_a_room_hears_everything_or_is_disconnected_and_counted() {
    let _machine = machine().await;
    let server = fixture_with(&NO_HEARTBEAT);
    let _guard = server.guard_memory(MEMBER_KILLED_AT).expect("the memory");
    let mut probe = Probe::of(&server).await;
    let mut member = Client::open_narrow(server.address(), "/raw", 64 * 1024).await.expect("it");
    member.answer("join", "").await.expect("a member");
    let mut sender = client(&server, "/raw").await;
    let burst = format!(r#"{{"count":{MEMBER_MESSAGES},"size":{MEMBER_MESSAGE},"every_us":1000}}"#);
    let sending = tokio::spawn(async move { sender.answer("to-room", &burst).await });

    let mut heard: Vec<u64> = Vec::new();
    let connected = loop {
        let read = timeout(SILENCE, member.exchange(64 * 1024)).await;
        while let Ok(Some(packet)) = member.buffered_packet() {
            if packet.is_event("tick") {
                let number = packet.data.split(',').nth(1).expect("a number");
                heard.push(number.parse().expect("a number"));
            }
        }
        match read {
            Ok(Ok(())) => {}
            Ok(Err(_)) => break false,
            Err(_) if sending.is_finished() => break true,
            Err(_) => {}
        }
        sleep(MEMBER_PAUSE).await;
    };

    let sent = sending.await.expect("the sender").expect("the sender is served");
    assert_eq!(sent, MEMBER_MESSAGES);
    let expected: Vec<u64> = (0..heard.len() as u64).collect();
    let lost = heard.last().map_or(0, |last| last + 1) - heard.len() as u64;
    assert!(heard == expected, "{} heard, {lost} lost in between", heard.len());
    if connected {
        assert_eq!(heard.len() as u64, MEMBER_MESSAGES, "the rest is lost, and it is connected");
    } else {
        assert_eq!(probe.slow("/raw").await, 1, "it was disconnected, and not counted");
    }
}

/// 36 kB of requests are answered with 2 GB.
async fn large_answers_that_are_read_slowly(namespace: &str, event: &str) {
    let _machine = machine().await;
    let server = fixture_with(&NO_HEARTBEAT);
    let before = at_rest(server.address()).await;
    // The answer itself is made once.
    let mut first = client(&server, namespace).await;
    first.answer(event, "").await.expect("an answer");
    drop(first);

    let guard = server.guard_memory(ANSWERS_GROWN * KILLED_AT).expect("the memory");
    let neighbour = Neighbour::at(server.address()).await;
    let mut slow = Client::open_narrow(server.address(), namespace, 64 * 1024).await.expect("it");
    for _ in 0..600 {
        slow.ask(event, "");
    }
    let begun = Instant::now();
    let mut answered = 0;
    while begun.elapsed() < ANSWERS_READ_FOR {
        // Some 3 MB/s.
        if slow.exchange(32 * 1024).await.is_err() {
            break;
        }
        while let Ok(Some(packet)) = slow.buffered_packet() {
            assert_eq!(packet.kind, Kind::Ack);
            answered += 1;
        }
        sleep(Duration::from_millis(10)).await;
    }
    let grown = guard.grown();
    assert!(grown <= ANSWERS_GROWN, "{} for one connection", in_mib(grown));
    assert!(answered > 0, "nothing is answered");
    let during = neighbour.end();
    let bound = before.p99() * P99_FACTOR + P99_NOISE;
    assert!(during.p99() <= bound, "others: {before}, then {during}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_given_at_once_wait_within_their_bound() {
    large_answers_that_are_read_slowly("/raw", "large").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_given_later_wait_within_their_bound() {
    large_answers_that_are_read_slowly("/raw", "large-later").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_of_a_serial_gateway_given_at_once_wait_within_their_bound() {
    large_answers_that_are_read_slowly("/raw-serial", "large").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_of_a_serial_gateway_given_later_wait_within_their_bound() {
    large_answers_that_are_read_slowly("/raw-serial", "large-later").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_on_polling_that_never_come_are_bounded_in_bytes() {
    let _machine = machine().await;
    let server = fixture();
    let mut sessions = Vec::new();
    for _ in 0..10 {
        let mut session = Polling::open(server.address(), "/raw").await.expect("a session");
        session.answer("join", "null").await.expect("a member");
        sessions.push(session);
    }
    let mut sender = client(&server, "/raw").await;
    let guard = server.guard_memory(POLLING_GROWN * KILLED_AT).expect("the memory");
    // The answer never comes where the server was killed.
    let sent = sender.answer("to-room", r#"{"count":600,"size":1000000}"#).await;
    let grown = guard.grown();
    assert!(grown <= POLLING_GROWN, "{} for ten sessions", in_mib(grown));
    assert_eq!(sent.expect("the sender is served"), 600);
}

/// The same as on a WebSocket: 36 kB of requests, and nobody comes for the answers.
#[tokio::test(flavor = "multi_thread")]
async fn large_answers_to_a_session_on_polling_that_never_comes_wait_within_their_bound() {
    let _machine = machine().await;
    let server = fixture();
    let mut first = client(&server, "/raw").await;
    first.answer("large", "").await.expect("an answer");
    let mut session = Polling::open(server.address(), "/raw").await.expect("a session");
    let guard = server.guard_memory(ANSWERS_GROWN * KILLED_AT).expect("the memory");
    // It may be refused: that is a way to be bounded.
    let _ = session.ask_often("large", 600).await;
    sleep(ANSWERS_READ_FOR).await;
    let grown = guard.grown();
    assert!(grown <= ANSWERS_GROWN, "{} for one session", in_mib(grown));
    first.answer("value", "1").await.expect("others are served");
}

/// What a reader of the two tests below has waiting for it: less than the bound of the queue, so
/// that only its speed matters.
const WAITING: &str = "large";

/// As long as the rate is taken, and half as much again.
const STEADY_FOR: Duration = Duration::from_secs(15);

/// 0.8 KiB/s, where 2 KiB/s over 10 s are asked for.
const DRIP: usize = 4_000;
const DRIP_EVERY: Duration = Duration::from_secs(5);

/// 10 s over which the speed is taken, twice over, and some for looking.
const DRIP_CUT_AFTER: Duration = Duration::from_secs(25);

/// What the system keeps for a client that reads slowly, in bytes, so that the server's side learns
/// of each read. Behind it the server's system keeps up to 4 MB, if it is let: a server that only
/// looks at what its writes return sees nothing of a steady reader for many seconds.
const NARROW: u32 = 4_096;

#[tokio::test]
async fn a_reader_below_the_minimum_rate_is_cut_while_something_waits() {
    let server = fixture_with(&NO_HEARTBEAT);
    let mut probe = Probe::of(&server).await;
    let mut drip = Client::open_narrow(server.address(), "/raw", NARROW).await.expect("it");
    drip.ask(WAITING, "");
    drip.flush().await.expect("a request");

    let mut next = Instant::now();
    let mut read = 0;
    let gone = async {
        let begun = Instant::now();
        while begun.elapsed() < DRIP_CUT_AFTER {
            if probe.sockets("/raw").await == 0 {
                return Some(begun.elapsed());
            }
            if next.elapsed() >= DRIP_EVERY {
                next = Instant::now();
                if drip.exchange(DRIP).await.is_err() {
                    return Some(begun.elapsed());
                }
                read += DRIP;
            }
            sleep(Duration::from_millis(200)).await;
        }
        None
    }
    .await;
    let gone = gone.unwrap_or_else(|| panic!("still there, having read {read} bytes"));
    assert!(gone > Duration::from_secs(5), "cut after {gone:?}: nobody reads at once");
}

#[tokio::test]
async fn a_reader_above_the_minimum_rate_is_not_cut() {
    let server = fixture_with(&NO_HEARTBEAT);
    let mut probe = Probe::of(&server).await;
    let mut steady = Client::open_narrow(server.address(), "/raw", NARROW).await.expect("it");
    steady.ask(WAITING, "");
    let begun = Instant::now();
    while begun.elapsed() < STEADY_FOR {
        // 50 kB/s, in as many pieces as it takes.
        for _ in 0..5 {
            steady.exchange(1_000).await.expect("it is served");
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(probe.sockets("/raw").await, 1, "it reads, slowly");
    assert_eq!(probe.slow("/raw").await, 0);
}

/// A client that reads nothing is no member of a room for long, and what waits for it is bounded.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_never_reads_is_bounded_in_bytes_and_let_go() {
    let _machine = machine().await;
    let server = fixture_with(&NO_HEARTBEAT);
    let mut members = Vec::new();
    for _ in 0..10 {
        let mut member =
            Client::open_narrow(server.address(), "/raw", 64 * 1024).await.expect("it");
        member.answer("join", "").await.expect("a member");
        members.push(member);
    }
    let mut probe = Probe::of(&server).await;
    let mut sender = client(&server, "/raw").await;
    let guard = server.guard_memory(POLLING_GROWN * KILLED_AT).expect("the memory");
    let sent = sender.answer("to-room", r#"{"count":400,"size":1000000}"#).await;
    let grown = guard.grown();
    assert!(grown <= POLLING_GROWN, "{} for ten members", in_mib(grown));
    assert_eq!(sent.expect("the sender is served"), 400);
    let gone = until(Duration::from_secs(3), async || probe.sockets("/raw").await == 1).await;
    assert!(gone.is_some(), "they are still there");
    assert_eq!(probe.slow("/raw").await, 10, "each is counted");
}
