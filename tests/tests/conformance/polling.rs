//! Engine.IO 4, of HTTP polling alone.

use tests::raw::Http;

use crate::session::{POLLING, Session, Transport};
use crate::{server, server_with};

/// A response carries text, whatever is in it.
#[tokio::test]
async fn a_response_is_plain_text() {
    let server = server();
    let mut http = Http::open(server.address()).await.unwrap();
    let response = http.request("GET", POLLING, &[], b"").await.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("text/plain; charset=UTF-8"));
}

/// A session begins with a GET.
#[tokio::test]
async fn a_session_does_not_begin_with_another_method() {
    let server = server();
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let mut http = Http::open(server.address()).await.unwrap();
        let response = http.request(method, POLLING, &[], b"4").await.unwrap();
        assert_eq!(response.status, 400, "{method}");
    }
}

/// A session accepts GET and POST only.
#[tokio::test]
async fn a_session_knows_no_other_method() {
    let server = server();
    let mut session = Session::connected(&server, Transport::Polling, "/").await;
    for method in ["PUT", "DELETE", "PATCH"] {
        let response = session.elsewhere(method, b"4").await.unwrap();
        assert_eq!(response.status, 400, "{method}");
    }
    session.is_alive().await;
}

/// A poll waits until there is something to send.
#[tokio::test]
async fn a_poll_waits_for_a_packet() {
    let server = server();
    let mut session = Session::connected(&server, Transport::Polling, "/").await;
    let mut poll = session.waiting_poll().await;
    session.send(r#"420["message-with-ack",1]"#).await;
    assert_eq!(&poll.response().await.unwrap().body[..], b"430[1]");
}

/// Waiting packets travel in one body, separated by the character 30.
#[tokio::test]
async fn packets_that_wait_come_in_one_body() {
    let server = server();
    let mut session = Session::connected(&server, Transport::Polling, "/").await;
    session.send_all(&["420[\"message-with-ack\"]", "421[\"message-with-ack\"]"]).await;
    session
        .send_all(&[r#"451-2["message-with-ack",{"_placeholder":true,"num":0}]"#, "bAQID"])
        .await;
    session.send(r#"423["message-with-ack"]"#).await;
    let body = session.poll().await;
    let packets: Vec<&str> =
        body.text().unwrap().split('\u{1e}').filter(|&one| one != "2").collect();
    let attached = r#"461-2[{"_placeholder":true,"num":0}]"#;
    assert_eq!(packets, ["430[]", "431[]", attached, "bAQID", "433[]"]);
}

/// A POST is answered with `ok`, whatever becomes of its packets.
#[tokio::test]
async fn a_post_is_answered_with_ok() {
    let server = server();
    let mut session = Session::connected(&server, Transport::Polling, "/").await;
    let response = session.post(b"42[\"nobody-knows\"]").await;
    assert_eq!(response.status, 200);
    assert_eq!(&response.body[..], b"ok");
}

/// If a body is not a list of packets, the server does not guess.
#[tokio::test]
async fn a_malformed_body_is_refused_and_ends_the_session() {
    let server = server();
    for body in ["abc", "42[\"message\"]\u{1e}abc", "\u{1e}", "b*"] {
        let mut session = Session::connected(&server, Transport::Polling, "/").await;
        let response = session.post(body.as_bytes()).await;
        assert_eq!(response.status, 400, "{body:?}");
        session.has_ended().await;
    }
}

/// A body that is not UTF-8 is malformed, too.
#[tokio::test]
async fn a_body_that_is_no_text_is_refused_and_ends_the_session() {
    let server = server();
    let mut session = Session::connected(&server, Transport::Polling, "/").await;
    assert_eq!(session.post(b"42[\"message\",\"\xff\xfe\"]").await.status, 400);
    session.has_ended().await;
}

/// A body larger than `maxPayload` is refused.
#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let server = server_with(&[("MAX_PAYLOAD", "1000")]);
    let mut session = Session::connected(&server, Transport::Polling, "/").await;
    let body = |length: usize| format!(r#"420["message-with-ack","{}"]"#, "x".repeat(length));
    let fits = body(1_000 - body(0).len());
    assert_eq!(fits.len(), 1_000);
    assert_eq!(session.post(fits.as_bytes()).await.status, 200);
    assert_eq!(session.post(body(1_001).as_bytes()).await.status, 413);
}

/// One poll at a time: a second one ends the session, and the first is told.
#[tokio::test]
async fn a_second_poll_at_once_ends_the_session() {
    let server = server();
    let mut session = Session::connected(&server, Transport::Polling, "/").await;
    let mut first = session.waiting_poll().await;
    assert_eq!(session.elsewhere("GET", b"").await.unwrap().status, 400);
    let told = first.response().await.unwrap();
    assert_eq!((told.status, &told.body[..]), (200, &b"1"[..]));
    session.has_ended().await;
}

/// A poll that is waiting when the client closes the session is answered, which frees its connection.
#[tokio::test]
async fn a_poll_that_waits_is_answered_when_the_client_closes() {
    let server = server();
    let mut session = Session::connected(&server, Transport::Polling, "/").await;
    let mut waiting = session.waiting_poll().await;
    session.send("1").await;
    let told = waiting.response().await.unwrap();
    assert_eq!((told.status, &told.body[..]), (200, &b"6"[..]));
    session.has_ended().await;
}

/// What happens to one session does not affect another.
#[tokio::test]
async fn sessions_are_apart() {
    let server = server();
    let mut one = Session::connected(&server, Transport::Polling, "/").await;
    let mut other = Session::connected(&server, Transport::Polling, "/").await;
    one.send("1").await;
    one.has_ended().await;
    other.is_alive().await;
}
