//! Engine.IO 4, over both transports: how sessions begin, live and end, and what a packet is.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::raw::Http;

use crate::session::{Said, Session, Transport, UPGRADE};
use crate::{HEARTBEAT, on_both_transports, server, server_with};

on_both_transports![
    a_session_begins_with_an_open_packet,
    each_session_has_an_id_of_its_own,
    a_request_without_a_known_version_is_refused,
    a_request_without_a_known_transport_is_refused,
    a_request_of_no_session_is_refused,
    the_server_sends_pings_and_pongs_keep_a_session,
    a_session_without_pongs_ends,
    text_comes_back_as_it_was_sent,
    bytes_come_back_as_they_were_sent,
    packets_are_taken_in_the_order_they_were_sent,
    an_unknown_type_of_packet_ends_a_session,
    a_close_packet_ends_a_session,
];

/// The first packet is of type 0 and contains the session's id, its possible upgrades, and the times and
/// sizes that the client must keep to.
async fn a_session_begins_with_an_open_packet(transport: Transport) {
    let mut settings = HEARTBEAT.to_vec();
    settings.push(("MAX_PAYLOAD", "123456"));
    let server = server_with(&settings);
    let session = Session::open(&server, transport).await;
    let upgrades = match transport {
        Transport::Polling => json!(["websocket"]),
        Transport::WebSocket => json!([]),
    };
    let expected = json!({
        "sid": session.id(),
        "upgrades": upgrades,
        "pingInterval": 300,
        "pingTimeout": 200,
        "maxPayload": 123_456,
    });
    assert_eq!(session.open, expected);
    assert!(!session.id().is_empty());
}

/// Session ids are unique.
async fn each_session_has_an_id_of_its_own(transport: Transport) {
    let server = server();
    let (one, other) =
        (Session::open(&server, transport).await, Session::open(&server, transport).await);
    assert_ne!(one.id(), other.id());
}

/// `EIO` is mandatory and must be 4.
async fn a_request_without_a_known_version_is_refused(transport: Transport) {
    let name = name(transport);
    for query in ["", "EIO=", "EIO=abc", "EIO=3", "EIO=5", "EIO=4294967300"] {
        refused(transport, &format!("/socket.io/?{query}&transport={name}")).await;
    }
}

/// `transport` is mandatory and must be `polling` or `websocket`.
async fn a_request_without_a_known_transport_is_refused(transport: Transport) {
    for query in ["EIO=4", "EIO=4&transport=", "EIO=4&transport=abc", "EIO=4&transport=Polling"] {
        refused(transport, &format!("/socket.io/?{query}")).await;
    }
}

/// An unknown session id is answered with 400.
async fn a_request_of_no_session_is_refused(transport: Transport) {
    let name = name(transport);
    for sid in ["AAAAAAAAAAAAAAAA", "abc", "0", "%00", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        refused(transport, &format!("/socket.io/?EIO=4&transport={name}&sid={sid}")).await;
    }
}

/// Asks as a client of that transport does, and is refused: 400, with what is wrong in JSON, and no
/// switch of protocols.
async fn refused(transport: Transport, target: &str) {
    let server = server();
    let mut http = Http::open(server.address()).await.expect("a connection");
    let headers = match transport {
        Transport::Polling => &[][..],
        Transport::WebSocket => &UPGRADE[..],
    };
    let response = http.request("GET", target, headers, b"").await.expect("a response");
    assert_eq!(response.status, 400, "{target}: {:?}", response.body);
    let error: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
    assert!(error["message"].is_string(), "{target}: {error}");
}

fn name(transport: Transport) -> &'static str {
    match transport {
        Transport::Polling => "polling",
        Transport::WebSocket => "websocket",
    }
}

/// The server sends a ping every `pingInterval`; a client that answers stays connected.
async fn the_server_sends_pings_and_pongs_keep_a_session(transport: Transport) {
    let server = server_with(&HEARTBEAT);
    let mut session = Session::connected(&server, transport, "/").await;
    let begun = Instant::now();
    for _ in 0..4 {
        session.is_pinged().await;
        session.send("3").await;
    }
    // Whenever the first one came, three intervals lie between four pings.
    assert!(begun.elapsed() >= Duration::from_millis(800), "{:?}", begun.elapsed());
    session.is_alive().await;
}

/// A client that does not answer a ping within `pingTimeout` has gone.
async fn a_session_without_pongs_ends(transport: Transport) {
    let server = server_with(&HEARTBEAT);
    let mut session = Session::open(&server, transport).await;
    let begun = Instant::now();
    session.has_ended().await;
    // An interval and a timeout, on a machine that has more to do.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

/// Text is UTF-8, whatever characters it contains.
async fn text_comes_back_as_it_was_sent(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    for text in
        ["", "plain", "日本語 😀 é", "\u{2028}\u{ffff}", "b", "4", "2probe", "\\u001e\\u0000"]
    {
        session.send(&format!(r#"421["message-with-ack","{text}"]"#)).await;
        session.hears(&format!(r#"431["{text}"]"#)).await;
    }
}

/// Binary data is a binary frame on a WebSocket, and `b` followed by base64 on polling.
async fn bytes_come_back_as_they_were_sent(transport: Transport) {
    const ALL: [u8; 256] = {
        let mut all = [0; 256];
        let mut byte = 0;
        while byte < all.len() {
            all[byte] = byte as u8;
            byte += 1;
        }
        all
    };
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    for bytes in [&[][..], &[0], &[1, 2], &[1, 2, 3], &ALL] {
        session.send(r#"451-1["message-with-ack",{"_placeholder":true,"num":0}]"#).await;
        session.attach(bytes).await;
        session.hears(r#"461-1[{"_placeholder":true,"num":0}]"#).await;
        session.hears_bytes(bytes).await;
    }
}

/// Packets that arrive together are processed one after the other.
async fn packets_are_taken_in_the_order_they_were_sent(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    let packets: Vec<String> =
        (0..50).map(|id| format!(r#"42{id}["message-with-ack",{id}]"#)).collect();
    session.send_all(&packets.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for id in 0..50 {
        session.hears(&format!("43{id}[{id}]")).await;
    }
}

/// A packet begins with the digit of its type.
async fn an_unknown_type_of_packet_ends_a_session(transport: Transport) {
    let server = server();
    for packet in ["abc", "7", "9[]", "-1", " 4"] {
        let mut session = Session::connected(&server, transport, "/").await;
        session.send_nonsense(packet).await;
        session.has_ended().await;
    }
}

/// A packet of type 1 closes the session.
async fn a_close_packet_ends_a_session(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session.send("1").await;
    session.has_ended().await;
    assert_ne!(Session::open(&server, transport).await.next_of_all().await, Said::End);
}
