//! What the documents ask for, or Node does, and the server does otherwise. Each is asserted, so that
//! it is known when it ends: then it goes from the list, and its case to the others.

use std::time::{Duration, Instant};

use tests::raw::Http;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::session::{Session, Transport};
use crate::{HEARTBEAT, on_both_transports, server, server_with};

/// One of them, as `docs/conformance.md` has it.
pub(crate) struct Deviation {
    /// What the document asks for; nothing where it leaves it open, and only Node does otherwise.
    pub(crate) asked: Option<&'static str>,
    pub(crate) here: &'static str,
    pub(crate) node: &'static str,
    pub(crate) why: &'static str,
    /// The test in this file.
    pub(crate) shown_by: &'static str,
}

pub(crate) const DEVIATIONS: [Deviation; 11] = [
    Deviation {
        asked: Some("a ping each `pingInterval`"),
        here: "the first one goes out with the session, the others after the interval",
        node: "the first one goes out after the interval",
        why: "engineioxide's timer ticks at once. A client answers one more ping",
        shown_by: "the_first_ping_goes_out_at_once",
    },
    Deviation {
        asked: Some("a Socket.IO session has an id of its own"),
        here: "a client has the same id in all namespaces, that of its Engine.IO session",
        node: "an id for each namespace, and only the two ends know the session's id",
        why: "socketioxide identifies sockets by it. So do not publish it: identify users by their own ids",
        shown_by: "a_client_has_one_id_everywhere",
    },
    Deviation {
        asked: Some("a poll that its client abandons ends the session"),
        here: "the session continues, and the next poll gets whatever is waiting",
        node: "the session ends",
        why: "nothing had been taken from the session, so nothing is lost. A response that has begun \
              does end it",
        shown_by: "a_poll_that_is_given_up_ends_nothing",
    },
    Deviation {
        asked: Some("only the server sends pings"),
        here: "a ping from the client counts as a sign of life",
        node: "the session ends",
        why: "engineioxide treats pings and pongs alike",
        shown_by: "a_ping_of_the_client_is_a_sign_of_life",
    },
    Deviation {
        asked: Some(
            "an empty body is not a packet, nor is what is between two separators in a row",
        ),
        here: "an empty body is answered with `ok`, and a separator after the last packet is ignored",
        node: "the session ends",
        why: "engineioxide reads a body up to each separator",
        shown_by: "an_empty_body_is_nothing",
    },
    Deviation {
        asked: Some("a body of packets is text"),
        here: "its content type is ignored",
        node: "one of `application/octet-stream` ends the session",
        why: "the bytes say what they are: a packet begins with its type, and anything but UTF-8 is refused",
        shown_by: "the_content_type_of_a_body_is_no_matter",
    },
    Deviation {
        asked: Some("one POST at a time"),
        here: "each is processed once it is complete",
        node: "a second one ends the session",
        why: "only the order is ambiguous, and the client has chosen it",
        shown_by: "posts_may_overlap",
    },
    Deviation {
        asked: None,
        here: "a packet of type 5 or 6 outside an upgrade ends the session",
        node: "it is ignored",
        why: "no client sends one",
        shown_by: "a_packet_of_an_upgrade_is_refused_outside_of_one",
    },
    Deviation {
        asked: None,
        here: "a second CONNECT to a namespace that the client has joined is ignored",
        node: "the connection ends",
        why: "there is nothing ambiguous about it",
        shown_by: "a_second_connect_is_ignored",
    },
    Deviation {
        asked: None,
        here: "a client whose `auth` is not an object gets a `connect_error` that says so",
        node: "the connection ends",
        why: "a client that is told the reason need not guess",
        shown_by: "a_client_that_brings_no_object_is_told_so",
    },
    Deviation {
        asked: Some("the first element of an event is its name, any text"),
        here: "a name that contains characters which JSON escapes, or that is a number, ends the connection",
        node: "they are names",
        why: "socketioxide reads names without unescaping them. The README says which names are allowed",
        shown_by: "a_name_that_json_escapes_ends_the_session",
    },
];

on_both_transports![
    the_first_ping_goes_out_at_once,
    a_client_has_one_id_everywhere,
    a_ping_of_the_client_is_a_sign_of_life,
    a_packet_of_an_upgrade_is_refused_outside_of_one,
    a_second_connect_is_ignored,
    a_client_that_brings_no_object_is_told_so,
    a_name_that_json_escapes_ends_the_session,
];

async fn the_first_ping_goes_out_at_once(transport: Transport) {
    let begun = Instant::now();
    let server = server();
    let mut session = Session::open(&server, transport).await;
    assert_eq!(session.next_of_all().await, "2".into());
    assert!(begun.elapsed() < Duration::from_secs(5), "the interval is 25 s");
}

async fn a_client_has_one_id_everywhere(transport: Transport) {
    let server = server();
    let mut session = Session::open(&server, transport).await;
    let id = session.id().to_owned();
    session.send("40").await;
    session.hears(&format!(r#"40{{"sid":"{id}"}}"#)).await;
    session.hears(r#"42["auth",{}]"#).await;
    session.send("40/custom,").await;
    session.hears(&format!(r#"40/custom,{{"sid":"{id}"}}"#)).await;
}

#[tokio::test]
async fn a_poll_that_is_given_up_ends_nothing() {
    let server = server();
    let mut session = Session::connected(&server, Transport::Polling, "/").await;
    drop(session.waiting_poll().await);
    // Until the server has seen it.
    sleep(Duration::from_millis(50)).await;
    session.is_alive().await;
}

async fn a_ping_of_the_client_is_a_sign_of_life(transport: Transport) {
    let server = server_with(&HEARTBEAT);
    let mut session = Session::connected(&server, transport, "/").await;
    for _ in 0..4 {
        session.is_pinged().await;
        session.send("2").await;
    }
    session.is_alive().await;
}

#[tokio::test]
async fn an_empty_body_is_nothing() {
    let server = server();
    let mut session = Session::connected(&server, Transport::Polling, "/").await;
    for body in ["", "42[\"message\"]\u{1e}"] {
        let response = session.post(body.as_bytes()).await;
        assert_eq!((response.status, &response.body[..]), (200, &b"ok"[..]), "{body:?}");
    }
    session.hears(r#"42["message-back"]"#).await;
    session.is_alive().await;
}

#[tokio::test]
async fn the_content_type_of_a_body_is_no_matter() {
    let server = server();
    let mut session = Session::connected(&server, Transport::Polling, "/").await;
    for kind in ["application/octet-stream", "application/json", "nonsense"] {
        let mut http = Http::open(server.address()).await.unwrap();
        let (target, headers) = (session.target(), [("Content-Type", kind)]);
        let response = http.request("POST", &target, &headers, b"42[\"message\"]").await.unwrap();
        assert_eq!((response.status, &response.body[..]), (200, &b"ok"[..]), "{kind}");
        session.hears(r#"42["message-back"]"#).await;
    }
    session.is_alive().await;
}

#[tokio::test]
async fn posts_may_overlap() {
    let server = server();
    let mut session = Session::connected(&server, Transport::Polling, "/").await;
    let (first, rest) = (r#"421["mess"#, r#"age-with-ack",1]"#);
    let mut slow = TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{first}",
        session.target(),
        first.len() + rest.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    // Until the server has begun to read it.
    sleep(Duration::from_millis(50)).await;
    session.send(r#"422["message-with-ack",2]"#).await;
    session.hears("432[2]").await;
    slow.write_all(rest.as_bytes()).await.unwrap();
    let mut response = String::new();
    slow.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 ") && response.ends_with("ok"), "{response}");
    session.hears("431[1]").await;
    session.is_alive().await;
}

async fn a_packet_of_an_upgrade_is_refused_outside_of_one(transport: Transport) {
    let server = server();
    for packet in ["5", "6"] {
        let mut session = Session::connected(&server, transport, "/").await;
        session.send_nonsense(packet).await;
        session.has_ended().await;
    }
}

async fn a_second_connect_is_ignored(transport: Transport) {
    let server = server();
    let mut session = Session::connected(&server, transport, "/").await;
    session.send("40").await;
    session.is_alive().await;
}

async fn a_client_that_brings_no_object_is_told_so(transport: Transport) {
    let server = server();
    for nonsense in ["{", "x", "[]", "null", "\"s\""] {
        let mut session = Session::open(&server, transport).await;
        session.send(&format!("40{nonsense}")).await;
        session.hears(r#"44{"message":"`auth` is not a JSON object"}"#).await;
    }
}

async fn a_name_that_json_escapes_ends_the_session(transport: Transport) {
    let server = server();
    for event in [r#"["a\"b"]"#, r#"["a\\b"]"#, "[1]"] {
        let mut session = Session::connected(&server, transport, "/").await;
        session.send_nonsense(&format!("42{event}")).await;
        session.has_ended().await;
    }
}
