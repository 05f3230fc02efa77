//! How long a client may take to join a namespace. The time that an authenticator takes is not its own.

use std::time::{Duration, Instant};

use tests::raw::{Client, Incoming};
use tokio::time::timeout;

use crate::fixture_with;

/// More than anything takes here, unless it does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a client has to join, and what an authenticator has to answer, in milliseconds.
const TIMES: [(&str, &str); 2] =
    [("CONNECT_TIMEOUT_MS", "300"), ("AUTHENTICATION_TIMEOUT_MS", "1500")];

async fn said(client: &mut Client) -> Incoming {
    timeout(PATIENCE, client.incoming()).await.expect("something").expect("a connection")
}

/// What the server says next, but for its own packets.
async fn heard(client: &mut Client) -> Incoming {
    loop {
        match said(client).await {
            Incoming::Text(text) if !text.starts_with('4') => {}
            other => return other,
        }
    }
}

#[tokio::test]
async fn who_waits_for_an_authenticator_is_answered_before_the_time_to_join_is_over() {
    let server = fixture_with(&TIMES);
    let mut hanging = Client::open_silent(server.address(), "").await.expect("a WebSocket");
    let begun = Instant::now();
    hanging.send(r#"40/own,{"name":"hang"}"#);
    let answer = heard(&mut hanging).await;
    assert!(
        matches!(&answer, Incoming::Text(text) if text.starts_with("44/own,")),
        "the first to come is the refusal, not the end: {answer:?}"
    );
    assert!(begun.elapsed() >= Duration::from_millis(1_400), "{:?}", begun.elapsed());
    // It has had its time, and so has no second one.
    assert_eq!(heard(&mut hanging).await, Incoming::Close(Some(1008)));
}

#[tokio::test]
async fn who_is_let_in_late_stays() {
    let server = fixture_with(&TIMES);
    let mut slow = Client::open_silent(server.address(), "").await.expect("a WebSocket");
    slow.send(r#"40/own,{"name":"slow","ms":1000}"#);
    let answer = heard(&mut slow).await;
    assert!(matches!(&answer, Incoming::Text(text) if text.starts_with("40/own,")), "{answer:?}");
    // Longer than both times together.
    let quiet = timeout(Duration::from_millis(2_500), heard(&mut slow)).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

/// More than somebody may say who has not been let in: by the time a client is told that it is in, the server knows.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_that_it_is_in_may_say_much_at_once() {
    let server = fixture_with(&[]);
    let (address, text) = (server.address(), format!("\"{}\"", "x".repeat(300_000)));
    let clients = (0..32).map(|_| {
        let text = text.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                let mut client = Client::open(address, "/raw").await.expect("a connection");
                let answer = client.answer("length", &text).await.expect("an answer");
                assert_eq!(answer, 300_000);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("it is served");
    }
}

#[tokio::test]
async fn who_was_refused_has_the_rest_of_the_time_to_come_again() {
    let server = fixture_with(&[("CONNECT_TIMEOUT_MS", "3000")]);
    let mut client = Client::open_silent(server.address(), "").await.expect("a WebSocket");
    for _ in 0..2 {
        client.send(r#"40/own,{"name":"forbidden"}"#);
        let answer = heard(&mut client).await;
        assert!(
            matches!(&answer, Incoming::Text(text) if text.starts_with("44/own,")),
            "{answer:?}"
        );
    }
    client.send(r#"40/own,{"name":"guest"}"#);
    let answer = heard(&mut client).await;
    assert!(matches!(&answer, Incoming::Text(text) if text.starts_with("40/own,")), "{answer:?}");
}
