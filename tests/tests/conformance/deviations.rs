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
        why: "engineioxide's timer begins with a tick. A client answers one ping more",
        shown_by: "the_first_ping_goes_out_at_once",
    },
    Deviation {
        asked: Some("the id of the Socket.IO session is its own"),
        here: "a client has one id in all namespaces, and it is that of the Engine.IO session",
        node: "an id for each namespace, and the session's id stays between the two",
        why: "socketioxide knows sockets by it. So an id is not to be published: name users by theirs",
        shown_by: "a_client_has_one_id_everywhere",
    },
    Deviation {
        asked: Some("a poll that its client gives up ends the session"),
        here: "the session goes on, and the next poll gets what there is",
        node: "the session ends",
        why: "nothing was taken from the session, so nothing is lost. A response that had begun does \
              end it",
        shown_by: "a_poll_that_is_given_up_ends_nothing",
    },
    Deviation {
        asked: Some("pings are the server's"),
        here: "a ping of the client is a sign of life",
        node: "the session ends",
        why: "engineioxide takes both for one",
        shown_by: "a_ping_of_the_client_is_a_sign_of_life",
    },
    Deviation {
        asked: Some("nothing is no packet, nor is it between two separators"),
        here: "an empty body is answered with `ok`, and a separator behind the last packet is no matter",
        node: "the session ends",
        why: "engineioxide reads a body up to each separator",
        shown_by: "an_empty_body_is_nothing",
    },
    Deviation {
        asked: Some("a body of packets is text"),
        here: "its content type is not looked at",
        node: "one of `application/octet-stream` ends the session",
        why: "the bytes say what they are: a packet begins with its type, and what is no UTF-8 is refused",
        shown_by: "the_content_type_of_a_body_is_no_matter",
    },
    Deviation {
        asked: Some("one POST at a time"),
        here: "each is taken when all of it has come",
        node: "a second one ends the session",
        why: "nothing is unclear about it but the order, and that is the client's choice",
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
        here: "a second CONNECT to a namespace the client is in is ignored",
        node: "the connection ends",
        why: "nothing is unclear about it",
        shown_by: "a_second_connect_is_ignored",
    },
    Deviation {
        asked: None,
        here: "a client whose `auth` is no object is refused by a `connect_error` that says so",
        node: "the connection ends",
        why: "who is told why need not guess",
        shown_by: "a_client_that_brings_no_object_is_told_so",
    },
    Deviation {
        asked: Some("the first element of an event is its name, any text"),
        here: "a name with characters that JSON escapes, and one that is a number, end the connection",
        node: "they are names",
        why: "socketioxide reads names without unescaping them. What names may be is in the README",
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
