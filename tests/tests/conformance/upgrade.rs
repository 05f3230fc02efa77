//! Engine.IO 4: from polling to a WebSocket, with nothing lost on the way.

use tests::raw::{Client, Incoming, Server};
use tokio::time::timeout;

use crate::server;
use crate::session::{PATIENCE, Session, Transport};

async fn polling(server: &Server) -> Session {
    Session::connected(server, Transport::Polling, "/").await
}

/// A WebSocket that has been probed.
async fn probed(server: &Server, session: &Session) -> Client {
    let mut client = websocket(server, session).await;
    client.send("2probe");
    assert_eq!(heard(&mut client).await, text("3probe"));
    client
}

/// What comes next, soon.
async fn heard(client: &mut Client) -> Incoming {
    let incoming = timeout(PATIENCE, client.incoming()).await;
    incoming.expect("something to be heard in time").expect("a connection")
}

async fn websocket(server: &Server, session: &Session) -> Client {
    let query = format!("&sid={}", session.id());
    Client::open_silent(server.address(), &query).await.expect("a WebSocket")
}

fn text(text: &str) -> Incoming {
    Incoming::Text(text.to_owned())
}

/// The next packet that is no heartbeat.
async fn next(client: &mut Client) -> Incoming {
    loop {
        match heard(client).await {
            ping if ping == text("2") => client.send("3"),
            said => return said,
        }
    }
}

/// After `2probe`, `3probe` and `5`, the session continues over the WebSocket.
#[tokio::test]
async fn a_session_goes_over_to_a_websocket() {
    let server = server();
    let session = polling(&server).await;
    let mut client = probed(&server, &session).await;
    client.send("5");
    client.send(r#"420["message-with-ack",1]"#);
    assert_eq!(next(&mut client).await, text("430[1]"));
}

/// A waiting poll is answered with a packet of type 6, so that the client can stop polling.
#[tokio::test]
async fn a_poll_that_waits_is_answered_during_the_upgrade() {
    let server = server();
    let mut session = polling(&server).await;
    let mut waiting = session.waiting_poll().await;
    let mut client = probed(&server, &session).await;
    let told = waiting.response().await.unwrap();
    assert_eq!((told.status, &told.body[..]), (200, &b"6"[..]));
    client.send("5");
    client.send(r#"420["message-with-ack",1]"#);
    assert_eq!(next(&mut client).await, text("430[1]"));
}

/// What is posted before the upgrade is complete is processed, and answered over the WebSocket, in order.
#[tokio::test]
async fn nothing_is_lost_on_the_way() {
    let server = server();
    let mut session = polling(&server).await;
    session.send(r#"420["message-with-ack",0]"#).await;
    let mut client = probed(&server, &session).await;
    session.send(r#"421["message-with-ack",1]"#).await;
    client.send("5");
    client.send(r#"422["message-with-ack",2]"#);
    for id in 0..3 {
        assert_eq!(next(&mut client).await, text(&format!("43{id}[{id}]")));
    }
}

/// A session that has been upgraded can no longer be polled.
#[tokio::test]
async fn a_session_that_has_gone_over_is_not_polled() {
    let server = server();
    let session = polling(&server).await;
    let mut client = probed(&server, &session).await;
    client.send("5");
    client.send(r#"420["message-with-ack",1]"#);
    assert_eq!(next(&mut client).await, text("430[1]"));
    assert_eq!(session.elsewhere("GET", b"").await.unwrap().status, 400);
    assert_eq!(session.elsewhere("POST", b"42[\"message\"]").await.unwrap().status, 400);
    client.send(r#"421["message-with-ack",2]"#);
    assert_eq!(next(&mut client).await, text("431[2]"));
}

/// A session is upgraded once.
#[tokio::test]
async fn a_session_goes_over_once() {
    let server = server();
    let session = polling(&server).await;
    let mut client = probed(&server, &session).await;
    client.send("5");
    client.send(r#"420["message-with-ack",1]"#);
    assert_eq!(next(&mut client).await, text("430[1]"));
    let query = format!("&sid={}", session.id());
    if let Ok(mut second) = Client::open_silent(server.address(), &query).await {
        second.send("2probe");
        assert!(!matches!(second.incoming().await, Ok(Incoming::Text(_) | Incoming::Binary(_))));
    }
    client.send(r#"421["message-with-ack",2]"#);
    assert_eq!(next(&mut client).await, text("431[2]"));
}

/// A WebSocket that fails, or sends something else, leaves the session on polling.
#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_session_on_polling() {
    let server = server();
    let mut session = polling(&server).await;
    for said in [None, Some("2probe"), Some("2abc"), Some("3probe"), Some("abc"), Some("")] {
        let mut client = websocket(&server, &session).await;
        if let Some(said) = said {
            client.send(said);
            client.flush().await.expect("a connection");
        }
        session.is_alive().await;
        drop(client);
        session.is_alive().await;
    }
    let mut client = probed(&server, &session).await;
    client.send("5");
    client.send(r#"420["message-with-ack",1]"#);
    assert_eq!(next(&mut client).await, text("430[1]"));
}
