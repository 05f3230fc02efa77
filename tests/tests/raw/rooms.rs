//! A send to a room of thousands: it takes turns with others, and every member hears everything
//! once, in order, from when it joined until it left.

use std::time::Duration;

use tests::raw::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{NO_HEARTBEAT, allow_open_files, client, fixture_with, machine};

/// As many as a debug build lets in within some seconds. At 10,000 a release build was seen to work
/// for 10 to 14 ms in one turn.
const MEMBERS: usize = 4_000;

/// What the server's own files and the probes take, beside one file for each member.
const OTHER_FILES: u64 = 200;

/// How long a send may work in one turn. 2 ms is what a release build is to reach, whatever the size
/// of the room; a debug build takes about three times as long for the same work. It is processor
/// time of the thread, so other processes and tests do not count, and the median of several sends,
/// so one interrupt does not.
const TURN: Duration = Duration::from_millis(6);
const SENDS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_send_to_a_large_room_takes_turns_with_others() {
    let _machine = machine().await;
    // Each member is a connection, in this process and in the server's.
    allow_open_files(MEMBERS as u64 + OTHER_FILES);
    let server = fixture_with(&NO_HEARTBEAT);
    let members = join_all(server.address(), MEMBERS).await;

    let (all_sent, told) = watch::channel(false);
    let mut reading = JoinSet::new();
    for member in members {
        reading.spawn(hear(member, SENDS as u64, told.clone()));
    }
    let mut sender = client(&server, "/raw").await;
    // Pairs right behind each other, and far enough apart for most to be written before the next.
    let burst = format!(r#"{{"count":{SENDS},"every_us":300000}}"#);
    let turns = sender.answer("turns-to-room", &burst).await.expect("all are sent");
    let mut turns: Vec<u64> = serde_json::from_value(turns).expect("a list of microseconds");
    all_sent.send_replace(true);
    while let Some(heard) = reading.join_next().await {
        let heard = heard.expect("a member");
        assert_eq!(heard, (0..SENDS as u64).collect::<Vec<_>>(), "all of them, in order");
    }
    turns.sort_unstable();
    let median = Duration::from_micros(turns[SENDS / 2]);
    assert!(median <= TURN, "one turn of {median:?} for {MEMBERS} members: {turns:?} µs");
}

async fn join_all(server: std::net::SocketAddr, count: usize) -> Vec<Client> {
    const AT_ONCE: usize = 50;
    let mut members = Vec::with_capacity(count);
    while members.len() < count {
        let mut joining = JoinSet::new();
        for _ in 0..AT_ONCE.min(count - members.len()) {
            joining.spawn(async move {
                let mut member = Client::open(server, "/raw").await.expect("a connection");
                member.answer("join", "").await.expect("a member");
                member
            });
        }
        members.extend(joining.join_all().await);
    }
    members
}

/// The numbers a member hears: as many as there are, or all until some time after the last.
async fn hear(mut member: Client, count: u64, mut over: watch::Receiver<bool>) -> Vec<u64> {
    let mut heard = Vec::new();
    let listening = async {
        while (heard.len() as u64) < count {
            let packet = member.packet().await.expect("it stays connected");
            if packet.is_event("tick") {
                heard.push(packet.list()[1].as_u64().expect("a number"));
            }
        }
    };
    let end = async {
        let _ = over.wait_for(|over| *over).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    };
    tokio::select! {
        () = listening => {}
        () = end => {}
    }
    heard
}

const STANDING: usize = 300;
const COMING: usize = 60;
const EMITS: u64 = 400;

/// Two loops of one sender are two orders; each is kept. Who joins hears everything that is sent
/// after it was told so, who leaves hears nothing after that, and neither has a gap.
#[tokio::test(flavor = "multi_thread")]
async fn members_who_join_or_leave_during_sends_hear_them_without_a_gap() {
    let _machine = machine().await;
    let server = fixture_with(&NO_HEARTBEAT);
    let standing = join_all(server.address(), STANDING).await;
    let leaving = join_all(server.address(), COMING).await;
    let mut joining = Vec::new();
    for _ in 0..COMING {
        joining.push(client(&server, "/raw").await);
    }

    let (all_sent, told) = watch::channel(false);
    let mut standing_heard = JoinSet::new();
    for member in standing {
        standing_heard.spawn(hear(member, EMITS, told.clone()));
    }
    let mut sender = client(&server, "/raw").await;
    let burst = format!(r#"{{"count":{EMITS},"every_us":2000}}"#);
    let sending = tokio::spawn(async move {
        sender.answer("to-room", &burst).await.expect("all are sent");
    });

    let mut changing = JoinSet::new();
    for (number, member) in leaving.into_iter().enumerate() {
        changing.spawn(change(member, "leave", number));
    }
    for (number, member) in joining.into_iter().enumerate() {
        changing.spawn(change(member, "join", number));
    }
    sending.await.expect("the sender");
    all_sent.send_replace(true);
    while let Some(heard) = standing_heard.join_next().await {
        assert_eq!(heard.expect("a member"), (0..EMITS).collect::<Vec<_>>());
    }
    while let Some(changed) = changing.join_next().await {
        let Changed { what, before, after } = changed.expect("a member");
        let all: Vec<u64> = before.iter().chain(&after).copied().collect();
        let first = all.first().copied().unwrap_or_default();
        let expected: Vec<u64> = (first..first + all.len() as u64).collect();
        assert_eq!(all, expected, "{what}: a gap, or out of order");
        if what == "leave" {
            assert!(after.is_empty(), "told that it has left, and then {after:?}");
            assert_eq!(first, 0, "it was there from the beginning");
        } else {
            assert!(before.is_empty() || !after.is_empty(), "{before:?}");
            assert_eq!(all.last(), Some(&(EMITS - 1)), "it was there to the end");
        }
    }
}

struct Changed {
    what: &'static str,
    /// What it heard before it was told that it had joined or left, and after.
    before: Vec<u64>,
    after: Vec<u64>,
}

async fn change(mut member: Client, what: &'static str, number: usize) -> Changed {
    tokio::time::sleep(Duration::from_millis(50 + 10 * number as u64)).await;
    let id = member.ask(what, "");
    let mut changed = Changed { what, before: Vec::new(), after: Vec::new() };
    let mut told = false;
    loop {
        // Nothing for as long as all sends take together: there is nothing more.
        let Ok(packet) = timeout(Duration::from_secs(3), member.packet()).await else {
            assert!(told, "{what} was never answered");
            return changed;
        };
        let packet = packet.expect("it stays connected");
        if packet.id == Some(id) {
            told = true;
        } else if packet.is_event("tick") {
            let heard = packet.list()[1].as_u64().expect("a number");
            if told { changed.after.push(heard) } else { changed.before.push(heard) }
        }
    }
}
