//! Clients that send small frames as fast as the server takes them: reading them costs a task its
//! turn, so others are served in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tests::raw::{Client, binary_frame, ping_frame, text_frame};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{sleep, timeout};

use crate::{NO_HEARTBEAT, Neighbour, at_rest, client, fixture_with, machine};

const CONNECTIONS: usize = 8;
/// What is written at once, in bytes: frames of some bytes each.
const PIECE: usize = 64 * 1024;
const LASTS: Duration = Duration::from_secs(4);

/// A release build is to stay below 10 ms. In a debug build a frame costs some thirty times as much,
/// and the clients share the two cores with the server: 25 ms is what is reached where a connection
/// gives up its turn after one read of 16 KiB, which makes 2,000 of these frames.
const P50: Duration = Duration::from_millis(25);

/// What a new client waits at most until it is connected.
const NEWCOMER: Duration = Duration::from_secs(1);

/// Writes the piece over and over, and reads what comes of it, until told to end.
fn flood(client: Client, piece: Bytes, over: Arc<AtomicBool>) {
    let (mut reader, mut writer) = client.into_stream().into_split();
    tokio::spawn(async move {
        // What is not read would hold up the server, and end the flood.
        let _ = tokio::io::copy(&mut reader, &mut tokio::io::sink()).await;
    });
    tokio::spawn(async move {
        // It only says "stop": nothing is handed over with it.
        while !over.load(Ordering::Relaxed) {
            // Cut: that is a way to end a flood.
            if writer.write_all(&piece).await.is_err() {
                return;
            }
        }
    });
}

async fn others_are_served_while_there_are(frames: &[u8]) {
    let _machine = machine().await;
    let server = fixture_with(&NO_HEARTBEAT);
    let before = at_rest(server.address()).await;

    let over = Arc::new(AtomicBool::new(false));
    let piece = Bytes::from(frames.repeat(PIECE.div_ceil(frames.len())));
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(client(&server, "/raw").await);
    }
    let neighbour = Neighbour::at(server.address()).await;
    for client in clients {
        flood(client, piece.clone(), Arc::clone(&over));
    }
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    while begun.elapsed() < LASTS {
        let asked = Instant::now();
        let newcomer = timeout(LASTS, Client::open(server.address(), "/raw")).await;
        slowest = slowest.max(match newcomer {
            Ok(Ok(_)) => asked.elapsed(),
            _ => LASTS,
        });
        sleep(Duration::from_millis(200)).await;
    }
    let during = neighbour.end();
    over.store(true, Ordering::Relaxed);
    assert!(during.p50() <= P50, "others: {before}, then {during}; newcomers: {slowest:?}");
    assert!(slowest <= NEWCOMER, "newcomers wait {slowest:?}; others: {during}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pongs_at_full_speed_leave_others_their_turn() {
    others_are_served_while_there_are(&text_frame("3")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_nothing_at_full_speed_leave_others_their_turn() {
    others_are_served_while_there_are(&text_frame("43/raw,999[1]")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_of_the_websocket_at_full_speed_leave_others_their_turn() {
    others_are_served_while_there_are(&ping_frame()).await;
}

/// Messages of ten each, which is as many as there may be: nearly all frames are empty.
#[tokio::test(flavor = "multi_thread")]
async fn empty_attachments_at_full_speed_leave_others_their_turn() {
    let mut frames = text_frame(r#"4510-/raw,["value",1]"#).to_vec();
    for _ in 0..10 {
        frames.extend_from_slice(&binary_frame(b""));
    }
    others_are_served_while_there_are(&frames).await;
}
