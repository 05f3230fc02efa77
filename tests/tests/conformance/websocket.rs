//! Engine.IO 4, of WebSockets alone.

use tests::raw::{Client, Incoming, close_frame, ping_frame};

use crate::session::{Session, Transport};
use crate::{server, server_with};

/// A message is a packet, however many frames it is split into.
#[tokio::test]
async fn a_packet_may_come_in_several_frames() {
    let server = server();
    let mut client = Client::open(server.address(), "/").await.unwrap();
    // Text that goes on, a continuation that goes on, and the last one.
    for (head, piece) in [(0x01, "420[\"mess"), (0x00, "age-with"), (0x80, "-ack\",7]")] {
        client.write(&[head, 0x80 | piece.len() as u8, 0, 0, 0, 0]);
        client.write(piece.as_bytes());
    }
    assert_eq!(client.answer_to(0).await.unwrap(), 7);
}

/// A ping at the level of WebSocket is answered at that level.
#[tokio::test]
async fn a_ping_of_the_websocket_costs_nothing() {
    let server = server();
    let mut client = Client::open(server.address(), "/").await.unwrap();
    client.write(&ping_frame());
    assert_eq!(client.answer("message-with-ack", "1").await.unwrap(), 1);
}

/// An empty message is not a packet.
#[tokio::test]
async fn an_empty_packet_ends_the_session() {
    let server = server();
    let mut session = Session::connected(&server, Transport::WebSocket, "/").await;
    session.send_nonsense("").await;
    session.has_ended().await;
}

/// Closing a WebSocket ends its session.
#[tokio::test]
async fn a_close_frame_ends_the_session() {
    let server = server();
    let mut client = Client::open_silent(server.address(), "").await.unwrap();
    let Incoming::Text(open) = client.incoming().await.unwrap() else { panic!("no open packet") };
    let open: serde_json::Value = serde_json::from_str(&open[1..]).unwrap();
    client.write(&close_frame());
    while let Ok(Incoming::Text(_) | Incoming::Binary(_)) = client.incoming().await {}
    let query = format!("&sid={}", open["sid"].as_str().unwrap());
    assert!(Client::open_silent(server.address(), &query).await.is_err());
}

/// A session over a WebSocket cannot be polled.
#[tokio::test]
async fn a_websocket_is_not_polled() {
    let server = server();
    let mut session = Session::connected(&server, Transport::WebSocket, "/").await;
    assert_eq!(session.elsewhere("GET", b"").await.unwrap().status, 400);
    assert_eq!(session.elsewhere("POST", b"42[\"message\"]").await.unwrap().status, 400);
    session.is_alive().await;
}

/// A session has one WebSocket: a second one is refused, and the first continues.
#[tokio::test]
async fn a_session_has_one_websocket() {
    let server = server();
    let mut session = Session::connected(&server, Transport::WebSocket, "/").await;
    let query = format!("&sid={}", session.id());
    if let Ok(mut second) = Client::open_silent(server.address(), &query).await {
        second.send("2probe");
        assert!(!matches!(second.incoming().await, Ok(Incoming::Text(_) | Incoming::Binary(_))));
    }
    session.is_alive().await;
}

/// A message larger than `maxPayload` ends the session.
#[tokio::test]
async fn a_message_that_is_too_large_ends_the_session() {
    let server = server_with(&[("MAX_PAYLOAD", "1000")]);
    let mut session = Session::connected(&server, Transport::WebSocket, "/").await;
    session.is_alive().await;
    session.send_nonsense(&format!(r#"420["message-with-ack","{}"]"#, "x".repeat(1_000))).await;
    session.has_ended().await;
}
