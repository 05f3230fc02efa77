//! Connections that never finish a request, and requests that are too large: what comes before
//! anything that this framework is about.

use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tests::raw::{Bounds, Client, Http, MIB, Polling, Server, Speech, Toll, machine, until};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

use crate::{Attack, LATE, TimeLimit, fixture, size, start, withstood};

pub(crate) const HEAD: TimeLimit = TimeLimit::new("LIMIT_head_timeout", 1_000, 10_000);
pub(crate) const BODY: TimeLimit = TimeLimit::new("LIMIT_body_timeout", 1_000, 10_000);
pub(crate) const KEEP_ALIVE: TimeLimit = TimeLimit::new("LIMIT_keep_alive", 1_000, 60_000);

const QUICK: &str = "GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n";

/// What a connection may take that has said little, in bytes: 2.5 kB in a release build.
const SILENT: usize = 16 * 1024;

/// The largest head, and what it is read into.
const LARGE_HEAD: usize = 2 * 32 * 1024;

fn of(connections: usize, bytes: usize) -> u64 {
    4 * MIB + (connections * bytes) as u64
}

withstood! {
    connections_that_say_nothing_are_ended: Attack {
        name: "silent connections",
        times: &[HEAD],
        peak: || of(silent(), SILENT),
        run: |server| Box::pin(end_in_time(server, silent(), Speech::default(), HEAD)),
        ..Attack::PLAIN
    },
    heads_that_never_end_are_ended_however_they_drip: Attack {
        name: "slow heads",
        times: &[HEAD],
        peak: || of(slow(), SILENT),
        run: |server| Box::pin(end_in_time(server, slow(), slow_head(), HEAD)),
        ..Attack::PLAIN
    },
    connections_that_ask_no_more_are_ended: Attack {
        name: "idle connections",
        times: &[KEEP_ALIVE],
        peak: || of(slow(), SILENT),
        run: |server| Box::pin(end_in_time(server, slow(), Speech::once(QUICK), KEEP_ALIVE)),
        ..Attack::PLAIN
    },
    half_heads_take_no_more_than_a_head_may: Attack {
        name: "half heads of 30 kB",
        times: &[HEAD],
        peak: || of(large(), LARGE_HEAD + SILENT),
        run: |server| Box::pin(end_in_time(server, large(), half_head(30_000), HEAD)),
        ..Attack::PLAIN
    },
    heads_that_are_too_large_are_refused_and_not_kept: Attack {
        name: "heads of 390 kB",
        peak: || of(large(), LARGE_HEAD + SILENT),
        run: |server| Box::pin(large_heads_are_refused(server)),
        ..Attack::PLAIN
    },
    bodies_that_never_end_are_ended: Attack {
        name: "half bodies",
        times: &[BODY],
        peak: || of(2 * half(), 2 * SILENT),
        run: |server| Box::pin(half_bodies_are_ended(server)),
        ..Attack::PLAIN
    },
}

fn silent() -> usize {
    size(500, 5_000)
}

fn slow() -> usize {
    size(200, 1_000)
}

fn large() -> usize {
    size(200, 500)
}

fn half() -> usize {
    size(50, 100)
}

fn slow_head() -> Speech {
    Speech {
        at_once: "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: here\r\n".into(),
        then: Some(("X-A: b\r\n".into(), HEAD.time() / 10)),
    }
}

fn half_head(length: usize) -> Speech {
    Speech::once(format!("GET / HTTP/1.1\r\nHost: here\r\nX-A: {}", "a".repeat(length)))
}

/// By that limit, and not before.
async fn end_in_time(server: &Server, count: usize, speech: Speech, limit: TimeLimit) {
    let ends = speech.by(count, server.address(), limit.time() + LATE).await.expect("connections");
    assert_eq!(ends.open, 0, "open after {:?}", limit.time() + LATE);
    let earliest = ends.earliest.expect("an end");
    assert!(earliest + Duration::from_millis(100) > limit.time(), "after {earliest:?} already");
}

/// Of requests, and of those for a WebSocket.
async fn large_heads_are_refused(server: &Server) {
    for upgrades in ["", "Connection: Upgrade\r\nUpgrade: websocket\r\n"] {
        let head = format!(
            "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: here\r\n{upgrades}X-A: {}",
            "a".repeat(390_000),
        );
        let ends = Speech::once(head).by(large(), server.address(), LATE).await;
        let ends = ends.expect("connections");
        assert_eq!(ends.open, 0);
        // Some are reset, as they write on: what was said to them is lost to them.
        let heard = ends.told.get(&Some(431)).copied().unwrap_or_default();
        let reset = ends.told.get(&None).copied().unwrap_or_default();
        assert_eq!(heard + reset, large(), "{:?}", ends.told);
    }
}

/// A body that stops, and one that drips below the least rate.
async fn half_bodies_are_ended(server: &Server) {
    let drip = Some((Bytes::from("4"), BODY.time() / 5));
    for then in [None, drip] {
        let mut session = Polling::open(server.address(), "/raw").await.expect("a session");
        let speech = Speech { at_once: half_body(&session).into(), then };
        // One that drips has its first bytes for nothing.
        let ends = speech.by(half(), server.address(), BODY.time() * 2 + LATE).await;
        let ends = ends.expect("connections");
        assert!(ends.all_told(Some(408)), "{ends:?}");
        // Half a body may have ended it already.
        session.say("1").await.ok();
    }
}

fn half_body(session: &Polling) -> String {
    format!(
        "POST /socket.io/?EIO=4&transport=polling{} HTTP/1.1\r\nHost: here\r\n\
         Content-Type: text/plain\r\nContent-Length: 100000\r\n\r\n4",
        session.session(),
    )
}

/// As many as the server has places for: who comes then is told so, and others go on.
#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_place_is_told_so_and_others_are_served() {
    const PLACES: usize = 64;

    let _machine = machine().await;
    let server = fixture(&[HEAD], &[("LIMIT_connections", "64")]);
    let mut ready = Http::open(server.address()).await.expect("a connection");
    let response = ready.request("GET", "/readyz", &[], b"").await.expect("an answer");
    assert_eq!(response.status, 200);
    let toll = Toll::begin("no place", &server, Bounds::peak(16 * MIB)).await;
    let address = server.address();
    let silent = tokio::spawn(async move {
        Speech::default().by(2 * PLACES, address, HEAD.time() + LATE).await.expect("connections")
    });
    let full = until(HEAD.time(), async || {
        let response = ready.request("GET", "/readyz", &[], b"").await.expect("an answer");
        response.status == 503
    })
    .await;
    assert!(full.is_some(), "it is not said to be full");
    let ends = silent.await.expect("they end");
    assert_eq!(ends.open, 0);
    assert!(ends.told.get(&Some(503)).copied() >= Some(PLACES), "{:?}", ends.told);
    Client::open(address, "/raw").await.expect("there is a place again");
    toll.end().await;
}

/// The same where the system allows few open files, and whoever started the server has left it some that are
/// open: the places are fewer by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn connections_leave_files_for_everything_else() {
    let _machine = machine().await;
    let mut command = Command::new("bash");
    let few =
        "ulimit -n 256; for file in {50..89}; do eval \"exec $file</dev/null\"; done; exec \"$0\"";
    command.args(["-c", few, env!("CARGO_BIN_EXE_fixture")]);
    let server = start(&mut command, &[HEAD], &[]);
    let toll = Toll::begin("256 files", &server, Bounds::peak(16 * MIB)).await;
    let ends = Speech::default().by(400, server.address(), HEAD.time() + LATE).await;
    let ends = ends.expect("connections");
    assert_eq!(ends.open, 0);
    assert!(ends.told.contains_key(&Some(503)), "nobody was refused: {:?}", ends.told);
    Client::open(server.address(), "/raw").await.expect("there is a place again");
    toll.end().await;
}

/// A stop waits for nobody who has asked nothing, and ends as if they were not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_no_half_request() {
    let server = fixture(&[], &[("DRAIN_TIMEOUT_MS", "10000")]);
    let session = Polling::open(server.address(), "/raw").await.expect("a session");
    let body = half_body(&session);
    let mut open = Vec::new();
    for said in ["", "GET / HTTP/1.1\r\nHost: h", QUICK, &body] {
        for _ in 0..10 {
            let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
            stream.write_all(said.as_bytes()).await.expect("it is written");
            open.push(stream);
        }
    }
    let websocket = Client::open_silent(server.address(), "").await.expect("a WebSocket");
    let begun = Instant::now();
    let stopping = spawn_blocking(move || (server.stop(), server));
    let (code, _server) = stopping.await.expect("it stops");
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?} of 10 s");
    assert_eq!(code.expect("it is asked to"), Some(0), "nothing was ended by force");
    drop((open, websocket));
}
