//! What a connection keeps: bytes of running messages count as those of waiting ones do, and a
//! large message leaves nothing behind.

use std::time::Duration;

use serde_json::Value;
use tests::raw::{Client, Kind};
use tokio::time::{sleep, timeout};

use crate::{MIB, NO_HEARTBEAT, Probe, client, fixture, fixture_with, in_mib, machine, number};

/// `inbox(bytes = …)` by default.
const INBOX_BYTES: usize = 4 * 1024 * 1024;
const MESSAGE: usize = 900_000;
const MESSAGES: u64 = 20;

/// What fits into the inbox, and one message that is taken where nothing else waits.
const HELD: u64 = (INBOX_BYTES / MESSAGE) as u64 + 1;

/// 20 messages of 0.9 MB through a debug build, and a pause in reading that ends by its time.
const ANSWERED_IN: Duration = Duration::from_secs(10);

/// Longer than a pause in reading.
const QUIET: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_running_messages_count_as_those_of_waiting_ones_do() {
    let server = fixture_with(&NO_HEARTBEAT);
    let mut probe = Probe::of(&server).await;
    let mut holder = client(&server, "/raw").await;
    let text = format!("\"{}\"", "x".repeat(MESSAGE));
    for _ in 0..MESSAGES {
        holder.ask("hold", &text);
    }
    let refused = refusals(&mut holder).await;
    let holding = probe.counter("holding").await;
    assert!(holding <= HELD, "{holding} messages of {MESSAGE} bytes are held at once");
    let taken = MESSAGES - refused;
    assert!((1..=HELD).contains(&taken), "{taken} of {MESSAGES} bytes each were taken in");

    // Their places are given back, and the messages that were taken have an answer.
    let mut other = client(&server, "/raw").await;
    other.answer("release", "").await.expect("they are released");
    for _ in 0..taken {
        let packet = timeout(ANSWERED_IN, holder.packet()).await.expect("in time").expect("one");
        assert_eq!(packet.kind, Kind::Ack);
        assert_eq!(number(&packet.answer()), MESSAGE as u64);
    }
    for _ in 0..MESSAGES {
        let length = holder.answer("length", &text).await.expect("it goes on");
        assert_eq!(length, MESSAGE);
    }
}

/// How many are answered `OVERLOADED` before nothing more comes.
async fn refusals(client: &mut Client) -> u64 {
    let mut refused = 0;
    // All are written by then.
    timeout(ANSWERED_IN, client.flush()).await.expect("they are read").expect("they are read");
    while let Ok(packet) = timeout(QUIET, client.packet()).await {
        let packet = packet.expect("it stays connected");
        if packet.kind == Kind::Ack {
            assert_eq!(packet.answer()["code"], "OVERLOADED");
            refused += 1;
        }
    }
    refused
}

const IDLE: u64 = 50;
const LARGE: usize = 950_000;

/// What an idle connection may keep of a message that was answered long ago.
const KEPT: u64 = 64 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_leaves_nothing_behind_on_its_idle_connection() {
    let _machine = machine().await;
    let server = fixture();
    let text = format!("\"{}\"", "x".repeat(LARGE));
    let mut clients = Vec::new();
    for _ in 0..IDLE {
        let mut idle = client(&server, "/raw").await;
        assert_eq!(idle.answer("length", r#""small""#).await.expect("an answer"), 5);
        clients.push(idle);
    }
    // What one such message takes for good, whoever sends it, is there before.
    let mut first = client(&server, "/raw").await;
    first.answer("length", &text).await.expect("an answer");
    drop(first);
    sleep(Duration::from_millis(500)).await;

    let before = server.memory("VmRSS").expect("the memory");
    for idle in &mut clients {
        let length: Value = idle.answer("length", &text).await.expect("an answer");
        assert_eq!(length, LARGE);
    }
    sleep(Duration::from_secs(1)).await;
    let after = server.memory("VmRSS").expect("the memory");
    let kept = after.saturating_sub(before) / IDLE;
    assert!(kept <= KEPT, "{kept} bytes are kept per connection, {} in all", in_mib(kept * IDLE));
    assert!(after < 512 * MIB);
}
