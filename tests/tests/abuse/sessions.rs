//! Sessions that are opened and never used, and those of others.

use std::time::Instant;

use tests::raw::{Client, Http, MIB, Response, Server, closed, in_mib};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::{AUTHENTICATE, Attack, JOIN, KEPT, LATE, UNJOINED_BYTES, fixture, size, withstood};

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

const UPGRADE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
];

/// What a session on polling may take in a debug build, in bytes: 9 kB in a release build.
const SESSION: usize = 20 * 1024;

/// Of a request, nearly as many bytes as it may have.
const LARGE_HEAD: usize = 30_000;

fn of(sessions: usize) -> u64 {
    8 * MIB + (sessions * SESSION) as u64
}

withstood! {
    refused_upgrades_leave_nothing_behind: Attack {
        name: "refused upgrades",
        peak: || of(0),
        run: |server| Box::pin(upgrades_are_refused(server)),
        ..Attack::PLAIN
    },
    handshakes_without_end_are_refused_and_others_notice_nothing: Attack {
        name: "handshakes",
        times: &[JOIN, AUTHENTICATE],
        bounded: &[("LIMIT_unjoined_sessions", "1000")],
        // All places once, and again as they become free: with the memory of who had them.
        peak: || of(2 * unjoined()),
        // The system's allocator keeps what small pieces were in, and uses it again: half of the peak.
        kept: 2 * KEPT,
        kept_for: &[JOIN, AUTHENTICATE],
        run: |server| Box::pin(handshakes_are_refused(server)),
        ..Attack::PLAIN
    },
    handshakes_with_large_heads_are_refused_by_their_bytes: Attack {
        name: "handshakes with 30 kB of cookies",
        times: &[JOIN, AUTHENTICATE],
        // All places once, and not again as they become free.
        peak: || of(large_heads()) + UNJOINED_BYTES * 3 / 2,
        // The system's allocator keeps what so small pieces were in, and uses it again.
        kept: 2 * UNJOINED_BYTES,
        kept_for: &[JOIN, AUTHENTICATE],
        run: |server| Box::pin(large_heads_are_refused(server)),
        ..Attack::PLAIN
    },
    websockets_that_join_nothing_are_closed: Attack {
        name: "WebSockets that join nothing",
        times: &[JOIN, AUTHENTICATE],
        peak: || of(2 * silent()),
        kept_for: &[JOIN, AUTHENTICATE],
        run: |server| Box::pin(silent_websockets_are_closed(server)),
        ..Attack::PLAIN
    },
    sessions_on_polling_that_nobody_comes_back_to_are_forgotten: Attack {
        name: "abandoned sessions",
        times: &[JOIN, AUTHENTICATE],
        peak: || of(abandoned()),
        kept: 2 * KEPT,
        run: |server| Box::pin(abandoned_sessions_are_forgotten(server)),
        ..Attack::PLAIN
    },
}

fn unjoined() -> usize {
    size(1_000, 10_000)
}

/// As many as there is room for.
fn large_heads() -> usize {
    UNJOINED_BYTES as usize / LARGE_HEAD
}

fn silent() -> usize {
    size(200, 500)
}

/// Enough to be seen in memory.
fn abandoned() -> usize {
    size(900, 5_000)
}

async fn handshake(http: &mut Http, headers: &[(&str, &str)]) -> Response {
    http.request("GET", HANDSHAKE, headers, b"").await.expect("an answer")
}

/// Requests for a WebSocket of sessions that there are not, without a key, by somebody who stays for as
/// long as the server lets it: nothing is kept of them.
async fn upgrades_are_refused(server: &Server) {
    let long = "A".repeat(30_000);
    let sids = (0..size(1_000, 6_000)).map(|number| format!("{number}{long}"));
    let short = (0..size(3_000, 14_000)).map(|number| format!("{number:020}"));
    let mut http = Http::open(server.address()).await.expect("a connection");
    for sid in sids.chain(short) {
        let target = format!("/socket.io/?EIO=4&transport=websocket&sid={sid}");
        let response = http.request("GET", &target, &UPGRADE[..2], b"").await.expect("an answer");
        assert_eq!(response.status, 400);
        if response.header("connection") == Some("close") {
            http = Http::open(server.address()).await.expect("a connection");
        }
    }
}

async fn handshakes_are_refused(server: &Server) {
    const CONNECTIONS: usize = 8;

    let each = size(8_000, 350_000) / CONNECTIONS;
    let begun = Instant::now();
    let mut flood = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let address = server.address();
        flood.spawn(async move {
            let mut http = Http::open(address).await.expect("a connection");
            let mut taken = 0;
            for _ in 0..each {
                let response = handshake(&mut http, &[]).await;
                if response.status == 503 {
                    assert!(response.header("retry-after").is_some(), "{response:?}");
                } else {
                    assert_eq!(response.status, 200);
                    taken += 1;
                }
            }
            taken
        });
    }
    let taken: usize = flood.join_all().await.into_iter().sum();
    let rounds = 1 + begun.elapsed().as_millis() / JOIN.time().as_millis();
    assert!(taken < each * CONNECTIONS, "all {taken} were let in");
    assert!(taken <= unjoined() * rounds as usize, "{taken} were let in");
}

/// However few sessions there are. Those that come when these are gone take their place.
async fn large_heads_are_refused(server: &Server) {
    let cookies = "a".repeat(LARGE_HEAD);
    for _ in 0..2 {
        let mut http = Http::open(server.address()).await.expect("a connection");
        let mut refused = 0;
        let tries = size(2_500, 50_000);
        for _ in 0..tries {
            let response = handshake(&mut http, &[("Cookie", &cookies)]).await;
            if response.status == 503 {
                assert!(response.header("retry-after").is_some(), "{response:?}");
                refused += 1;
            } else {
                assert_eq!(response.status, 200);
            }
        }
        assert!(refused > 0, "all {tries} were let in");
        sleep(JOIN.time() + AUTHENTICATE.time() + LATE).await;
    }
}

/// With a code that says it.
async fn silent_websockets_are_closed(server: &Server) {
    let mut clients = Vec::new();
    for _ in 0..silent() {
        clients.push(Client::open_silent(server.address(), "").await.expect("a WebSocket"));
    }
    let ends = closed(clients, JOIN.time() + LATE).await;
    assert!(ends.all_told(Some(1008)), "{ends:?}");
}

/// And with them what they took: as many more take its place.
async fn abandoned_sessions_are_forgotten(server: &Server) {
    let before = server.memory("VmRSS").expect("the memory");
    let first = abandon(server).await;
    let held = server.memory("VmRSS").expect("the memory").saturating_sub(before);
    sleep(JOIN.time() + AUTHENTICATE.time() + LATE).await;
    abandon(server).await;
    let then = server.memory("VmRSS").expect("the memory").saturating_sub(before);
    assert!(then <= held + held / 2 + MIB, "{} taken, and then {}", in_mib(held), in_mib(then));

    let mut http = Http::open(server.address()).await.expect("a connection");
    let target = format!("{HANDSHAKE}&sid={first}");
    let response = http.request("GET", &target, &[], b"").await.expect("an answer");
    assert_eq!(response.status, 400, "it is still known");
    sleep(JOIN.time() + AUTHENTICATE.time()).await;
}

/// Opens many, and says the id of the last.
async fn abandon(server: &Server) -> String {
    let mut http = Http::open(server.address()).await.expect("a connection");
    let mut last = String::new();
    for _ in 0..abandoned() {
        let response = handshake(&mut http, &[]).await;
        assert_eq!(response.status, 200);
        last = response.text().expect("text").to_owned();
    }
    last.split('"').nth(3).expect("the id of a session").to_owned()
}

/// Of the places of those who have joined nothing, one address has half, and so has a /64 of IPv6.
#[tokio::test]
async fn one_address_cannot_take_all_places_of_newcomers() {
    let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("LIMIT_unjoined_sessions", "100")];
    let server = fixture(&[], &settings);
    let mut http = Http::open(server.address()).await.expect("a connection");
    let mut of =
        async |address: &str| handshake(&mut http, &[("X-Forwarded-For", address)]).await.status;
    for (one, same, other) in [
        ("198.51.100.7", "198.51.100.7", "198.51.100.8"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
    ] {
        let server = fixture(&[], &settings);
        let mut http = Http::open(server.address()).await.expect("a connection");
        let mut of = async |address: &str| {
            handshake(&mut http, &[("X-Forwarded-For", address)]).await.status
        };
        for _ in 0..50 {
            assert_eq!(of(one).await, 200);
        }
        assert_eq!(of(same).await, 503, "{same} after 50 of {one}");
        assert_eq!(of(other).await, 200, "{other} has had none");
    }
    // Nor do they who come by way of a proxy that nobody named count as one.
    for number in 0..60 {
        assert_eq!(of(&format!("10.0.0.{number}")).await, 200);
    }
}

/// However many handshakes there may be in all, one address makes so many in a second.
#[tokio::test]
async fn handshakes_of_one_address_have_a_rate() {
    let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("LIMIT_handshakes_per_second", "20")];
    let server = fixture(&[], &settings);
    let mut http = Http::open(server.address()).await.expect("a connection");
    let mut refused = 0;
    for _ in 0..500 {
        let response = handshake(&mut http, &[("X-Forwarded-For", "198.51.100.7")]).await;
        if response.status == 429 {
            assert!(response.header("retry-after").is_some(), "{response:?}");
            refused += 1;
        } else {
            assert_eq!(response.status, 200);
        }
    }
    assert!(refused > 0, "none was too many");
    let other = handshake(&mut http, &[("X-Forwarded-For", "198.51.100.8")]).await;
    assert_eq!(other.status, 200);
}

/// What `tests::raw::Http` calls the server, and another origin whose pages may come, too.
const OWN: &str = "http://here";
const ALLOWED: &str = "http://allowed.example";

/// A session that a page has opened, by a page of another origin that has learned its id.
#[tokio::test]
async fn a_session_is_no_use_to_another_origin() {
    let server = fixture(&[], &[]);
    // Browsers leave it out where it is the server's own.
    for (opened_by, other) in [(Some(OWN), ALLOWED), (None, ALLOWED), (Some(ALLOWED), OWN)] {
        let headers: Vec<_> = opened_by.map(|origin| ("Origin", origin)).into_iter().collect();
        let mut http = Http::open(server.address()).await.expect("a connection");
        let response = handshake(&mut http, &headers).await;
        assert_eq!(response.status, 200);
        let text = response.text().expect("text").to_owned();
        let sid = text.split('"').nth(3).expect("the id of a session");
        let elsewhere = [("Origin", other), ("Content-Type", "text/plain")];
        let target = format!("{HANDSHAKE}&sid={sid}");
        for (method, body) in [("POST", "40/cors,"), ("GET", ""), ("POST", "1")] {
            let mut thief = Http::open(server.address()).await.expect("a connection");
            let response = thief.request(method, &target, &elsewhere, body.as_bytes()).await;
            let response = response.expect("an answer");
            assert_eq!(response.status, 403, "{opened_by:?}, {other}: {method} {body}");
        }
        let upgrade = format!("/socket.io/?EIO=4&transport=websocket&sid={sid}");
        let headers = [&UPGRADE[..], &elsewhere[..1]].concat();
        let mut thief = Http::open(server.address()).await.expect("a connection");
        let response = thief.request("GET", &upgrade, &headers, b"").await.expect("an answer");
        assert_eq!(response.status, 403, "{opened_by:?}, {other}: a WebSocket");
        // Its owner goes on, with the origin and, as programs do, without.
        let owns = ("Origin", opened_by.unwrap_or(OWN));
        let text = ("Content-Type", "text/plain");
        for (headers, body) in [(&[owns, text][..], "40/cors,"), (&[text], r#"42/cors,1["ping"]"#)]
        {
            let response = http.request("POST", &target, headers, body.as_bytes()).await;
            assert_eq!(response.expect("an answer").status, 200, "{opened_by:?}: {headers:?}");
            // Until it is let in, or answered.
            let mut heard = String::new();
            while !heard.contains("/cors,") {
                let polled = http.request("GET", &target, headers, b"").await.expect("an answer");
                assert_eq!(polled.status, 200, "{opened_by:?}: {headers:?}");
                heard = polled.text().expect("text").to_owned();
            }
        }
    }
}
