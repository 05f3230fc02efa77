//! How sessions begin, and how long anything of them stays.

use std::future::{pending, ready};

use futures_util::future::join_all;
use tokio_tungstenite::tungstenite::{Error, protocol::CloseFrame};

use super::*;
use crate::platform::forwarded::TrustedProxies;

/// A server with places for so many sessions in all.
async fn open(served: Served, limits: &Limits, sessions: usize) -> Server {
    let reception = Reception::new(limits, sessions, TrustedProxies::default());
    Server::open_to(served, ServerOptions::default(), reception).await
}

/// By which nobody has to wait long.
fn impatient() -> Limits {
    let limits = Limits::default().connect_timeout(Duration::from_millis(300));
    limits.authentication_timeout(Duration::from_millis(700))
}

/// What a handshake is answered with on a connection of its own: the status, all there is of the head,
/// and the body.
async fn handshake(server: &Server) -> (u16, String, String) {
    let mut http = server.connect().await;
    let request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";
    http.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(LONG, http.read_to_string(&mut answer)).await.expect("an answer").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned())
}

async fn is_refused(server: &Server) {
    let (status, head, body) = handshake(server).await;
    assert_eq!(status, 503, "{head}");
    assert!(head.contains("retry-after: 5") && head.contains("cache-control: no-store"), "{head}");
    assert_eq!(body, r#"{"code":"OVERLOADED","message":"Too many sessions"}"#);
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", server.address);
    let Err(Error::Http(answer)) = client_async(url, server.connect().await).await else {
        panic!("a WebSocket was accepted")
    };
    assert_eq!(answer.status(), 503);
}

async fn until(mut holds: impl FnMut() -> bool) {
    let waited = async {
        while !holds() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, waited).await.expect("what is waited for");
}

#[tokio::test]
async fn a_flood_of_handshakes_ends_in_refusals_and_who_has_joined_notices_nothing() {
    for served in [Served::ByUs, Served::ByOthers] {
        let limits = Limits::default().unjoined_sessions(20_usize);
        let mut server = open(served, &limits, 1_000).await;
        let (mut joined, guest) = server.on_websocket().await;
        let mut flood = Vec::new();
        for _ in 0..10 {
            assert_eq!(handshake(&server).await.0, 200);
            flood.push(server.websocket("").await);
        }
        for _ in 0..3 {
            is_refused(&server).await;
        }
        assert_eq!(server.reception.counts(), (21, 20), "nothing is kept of who is refused");
        joined.send(Message::text("42[\"a\"]")).await.unwrap();
        assert_eq!(server.told().await, Told::Said(guest.link.id(), r#"["a"]"#.to_owned()));
        server.house.send(&guest, server.event(&json!(7))).await;
        while !next(&mut joined).await.contains("[\"event\",7]") {}

        // One of them joins after all, and makes room for one more.
        flood.last_mut().unwrap().send(Message::text("40")).await.unwrap();
        server.guest().await;
        assert_eq!(server.reception.counts(), (21, 19));
        assert_eq!(handshake(&server).await.0, 200);
        is_refused(&server).await;
    }
}

#[tokio::test]
async fn strangers_say_so_much_together_and_who_has_joined_what_it_likes() {
    for served in [Served::ByUs, Served::ByOthers] {
        let limits = Limits::default().unjoined_bytes(4_000_usize);
        let mut server = open(served, &limits, 1_000).await;
        let (mut joined, guest) = server.on_websocket().await;
        let (mut polled, polled_guest) = server.on_polling().await;
        assert_eq!(server.reception.bytes(), 0);

        let long = "x".repeat(4_000);
        let mut websocket = server.websocket("").await;
        websocket.send(Message::text(format!("40{long}"))).await.unwrap();
        let frame = close_frame(websocket).await.expect("a close frame");
        assert_eq!(u16::from(frame.code), 1013);
        let mut polling = stranger_on_polling(&server).await;
        assert_eq!(polling.post(&format!("40{long}")).await.0, 503);
        while polling.poll().await.0 == 200 {}

        // Their requests count, too.
        while handshake(&server).await.0 == 200 {}
        assert!(server.reception.bytes() <= 4_000, "{}", server.reception.bytes());
        assert!(server.reception.counts().1 < 500, "{:?}", server.reception.counts());
        is_refused(&server).await;
        let event = format!(r#"["{long}"]"#);
        joined.send(Message::text(format!("42{event}"))).await.unwrap();
        assert_eq!(server.told().await, Told::Said(guest.link.id(), event.clone()));
        assert_eq!(polled.post(&format!("42{event}")).await.0, 200);
        assert_eq!(server.told().await, Told::Said(polled_guest.link.id(), event));
    }
}

#[tokio::test]
async fn a_long_speech_of_a_stranger_is_refused_at_once_and_leaves_room_for_others() {
    for served in [Served::ByUs, Served::ByOthers] {
        let limits = Limits::default().auth_bytes(1_000_usize).unjoined_bytes(100_000_usize);
        let mut server = open(served, &limits, 1_000).await;
        // Five times 1,000, with a name.
        let long = format!("40{}", "x".repeat(6_500));

        let mut websocket = server.websocket("").await;
        websocket.send(Message::text(long.clone())).await.unwrap();
        let frame = close_frame(websocket).await.expect("a close frame");
        assert_eq!(u16::from(frame.code), 1009, "{frame}");

        let mut http = server.connect().await;
        let (_, opened) = ask(&mut http, "GET", "", "").await;
        let mut polling = Polling { http, sid: opened.split('"').nth(3).unwrap().to_owned() };
        let (status, body) = polling.post(&long).await;
        assert_eq!(status, 413, "{body}");
        assert!(body.contains(r#""maxPayload":6435"#), "{body}");
        while polling.poll().await.0 == 200 {}

        until(|| server.reception.bytes() < 10_000).await;
        let (mut joined, guest) = server.on_websocket().await;
        let event = format!(r#"["{long}"]"#);
        joined.send(Message::text(format!("42{event}"))).await.unwrap();
        assert_eq!(server.told().await, Told::Said(guest.link.id(), event));
    }
}

#[tokio::test]
async fn sessions_are_limited_in_all_also_those_that_have_joined() {
    let mut server = open(Served::ByUs, &Limits::default(), 3).await;
    let (first, _guest) = server.on_websocket().await;
    let (_polling, _guest) = server.on_polling().await;
    let (_third, _guest) = server.on_websocket().await;
    assert!(server.reception.is_full());
    is_refused(&server).await;

    drop(first);
    assert!(matches!(server.told().await, Told::Gone(..)));
    until(|| server.reception.counts() == (2, 0)).await;
    assert_eq!(handshake(&server).await.0, 200);
}

/// What the server says before the connection ends.
async fn close_frame(mut client: WebSocketStream<TcpStream>) -> Option<CloseFrame> {
    loop {
        match timeout(LONG, client.next()).await.expect("an end") {
            Some(Ok(Message::Close(frame))) => return frame,
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

#[tokio::test]
async fn who_joins_nothing_in_time_is_told_so_and_leaves_nothing() {
    for served in [Served::ByUs, Served::ByOthers] {
        let mut server = open(served, &impatient(), 1_000).await;
        let (mut joined, _guest) = server.on_websocket().await;
        let websocket = server.websocket("").await;
        let mut http = server.connect().await;
        let (_, opened) = ask(&mut http, "GET", "", "").await;
        let sid = opened.split('"').nth(3).unwrap().to_owned();
        let mut polling = Polling { http, sid };
        assert_eq!(server.reception.counts(), (3, 2));
        assert_eq!(server.namespaces.sessions().len(), 1);

        let frame = close_frame(websocket).await.expect("a close frame");
        assert_eq!(u16::from(frame.code), 1008);
        assert_eq!(frame.reason.as_str(), "no namespace was joined in time");
        assert_eq!(server.reception.counts(), (3, 2), "it was ours that ended it");
        while polling.poll().await.0 == 200 {}

        // socketioxide has it for as long as it might have joined.
        until(|| server.reception.counts() == (1, 0)).await;
        assert_eq!(server.namespaces.sessions().len(), 0);
        joined.send(Message::text("42[\"a\"]")).await.unwrap();
        assert!(matches!(server.told().await, Told::Said(..)));
    }
}

#[tokio::test]
async fn who_leaves_the_only_namespace_is_no_stranger_again() {
    let mut server = open(Served::ByUs, &impatient(), 1_000).await;
    let (mut client, _guest) = server.on_websocket().await;
    client.send(Message::text("41")).await.unwrap();
    assert!(matches!(server.told().await, Told::Gone(..)));
    sleep(Duration::from_millis(1_200)).await;
    assert_eq!(server.reception.counts(), (1, 0));
    client.send(Message::text("40")).await.unwrap();
    server.guest().await;
}

#[tokio::test]
async fn sessions_that_are_left_at_once_count_until_nothing_is_left_of_them() {
    let mut server = open(Served::ByUs, &impatient(), 1_000).await;
    for _ in 0..20 {
        drop(server.websocket("").await);
        assert_eq!(handshake(&server).await.0, 200);
    }
    assert_eq!(server.reception.counts(), (40, 40));
    until(|| server.reception.counts() == (0, 0)).await;
    assert_eq!(server.namespaces.sessions().len(), 0);
    server.on_websocket().await;
}

/// Asks for something of a session as a page of another origin would: the status, and the body.
async fn ask_from(server: &Server, request: &str, origin: &str) -> (u16, String) {
    let mut http = server.connect().await;
    let request = format!(
        "{request} HTTP/1.1\r\nhost: here\r\norigin: {origin}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         content-length: 0\r\n\r\n"
    );
    http.write_all(request.as_bytes()).await.unwrap();
    timeout(LONG, response(&mut http)).await.expect("an answer")
}

#[tokio::test]
async fn a_page_of_another_origin_has_no_part_in_a_session() {
    for served in [Served::ByUs, Served::ByOthers] {
        let mut server = Server::open(served).await;
        let (mut polling, guest) = server.on_polling().await;
        let path = format!("/socket.io/?EIO=4&sid={}&transport=", polling.sid);
        let requests = [
            format!("GET {path}polling"),
            format!("POST {path}polling"),
            format!("GET {path}websocket"),
        ];
        for request in &requests {
            let (status, body) = ask_from(&server, request, "https://evil.example").await;
            assert_eq!((status, &*body), (403, r#"{"code":4,"message":"Forbidden"}"#), "{request}");
        }
        // Its own goes on, and may try a WebSocket.
        assert_eq!(ask_from(&server, &requests[2], "http://here").await.0, 101);
        assert_eq!(polling.post(r#"42["b"]"#).await.0, 200);
        assert_eq!(server.told().await, Told::Said(guest.link.id(), r#"["b"]"#.to_owned()));
    }
}

/// A session on polling that is in no namespace.
async fn stranger_on_polling(server: &Server) -> Polling {
    let mut http = server.connect().await;
    let (_, opened) = ask(&mut http, "GET", "", "").await;
    Polling { http, sid: opened.split('"').nth(3).unwrap().to_owned() }
}

#[tokio::test]
async fn whoever_is_in_no_namespace_hears_that_the_server_goes_away() {
    for served in [Served::ByUs, Served::ByOthers] {
        let mut server = Server::open(served).await;
        let (mut joined, _guest) = server.on_websocket().await;
        let (mut has_left, _) = server.on_websocket().await;
        has_left.send(Message::text("41")).await.unwrap();
        assert!(matches!(server.told().await, Told::Gone(..)));
        let (mut polling_left, _) = server.on_polling().await;
        assert_eq!(polling_left.post("41").await.0, 200);
        assert!(matches!(server.told().await, Told::Gone(..)));
        let strangers = [server.websocket("").await, has_left];
        let polling = [stranger_on_polling(&server).await, polling_left];
        let until_it_ends = async |mut polling: Polling| while polling.poll().await.0 == 200 {};
        let polls = tokio::spawn(join_all(polling.map(until_it_ends)));
        // One of them waits by now, most likely.
        sleep(Duration::from_millis(100)).await;

        // The namespaces take their time, and nobody outside waits for them.
        let closing = timeout(Duration::from_millis(100), server.reception.close(pending()));
        let (frames, closed) = tokio::join!(join_all(strangers.map(close_frame)), closing);
        frames.into_iter().for_each(says_that_the_server_goes_away);
        assert!(closed.is_err());
        polls.await.unwrap();
        joined.send(Message::text("42[\"a\"]")).await.unwrap();
        assert!(matches!(server.told().await, Told::Said(..)));

        // Nor is anybody forgotten who was let in meanwhile, or who comes now.
        let ((), frame) = tokio::join!(server.reception.close(ready(())), close_frame(joined));
        says_that_the_server_goes_away(frame);
        says_that_the_server_goes_away(close_frame(server.websocket("").await).await);
        let mut late = stranger_on_polling(&server).await;
        while late.poll().await.0 == 200 {}
    }
}

fn says_that_the_server_goes_away(frame: Option<CloseFrame>) {
    let frame = frame.expect("a close frame");
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1001, "server shutting down"));
}
