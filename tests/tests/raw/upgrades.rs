//! What becomes of a WebSocket that a session on polling tries: nothing that goes wrong with it costs
//! the session anything, and what goes right loses nothing.

use std::time::{Duration, Instant};

use tests::raw::{Client, Incoming, Kind, Polling, Server, binary_frame, ping_frame, text_frame};
use tokio::time::{sleep, timeout};

use crate::fixture_with;

/// More than anything takes here, unless it does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Served by the application itself, and as a router by axum.
const SERVED: [&str; 2] = ["app", "router"];

fn served_by(whom: &str) -> Server {
    fixture_with(&[("SERVED", whom), ("UPGRADE_TIMEOUT_MS", "2000")])
}

async fn polling(server: &Server) -> Polling {
    Polling::open(server.address(), "/raw").await.expect("a session")
}

async fn tried_by(server: &Server, session: &Polling) -> Client {
    let tried = Client::tried_by(server.address(), "/raw", session.session()).await;
    tried.expect("a WebSocket")
}

/// The server has closed it.
async fn is_closed(client: &mut Client) {
    let closed = async { while let Ok(Incoming::Text(_)) = client.incoming().await {} };
    timeout(PATIENCE, closed).await.expect("it is closed");
}

/// The answer to a probe comes, and nothing before it.
async fn is_answered(client: &mut Client) {
    let said = timeout(PATIENCE, client.incoming()).await.expect("an answer");
    assert_eq!(said.expect("a connection"), Incoming::Text("3probe".to_owned()));
}

#[tokio::test]
async fn whatever_a_websocket_does_polling_goes_on() {
    let unmasked = b"\x81\x062probe";
    let endless = b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0";
    let fragment = b"\x01\x82\0\0\0\x002p";
    let close = b"\x88\x82\0\0\0\0\x03\xe8";
    let probe = text_frame("2probe");
    let after_the_probe = |rest: &[u8]| [&probe, rest].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("a ping of WebSocket", ping_frame().to_vec()),
        ("a close frame", close.to_vec()),
        ("half a head", probe[..1].to_vec()),
        ("half a frame", probe[..9].to_vec()),
        ("a fragment", fragment.to_vec()),
        ("a probe", probe.to_vec()),
        ("two probes", after_the_probe(&probe)),
        ("a probe and a ping of WebSocket", after_the_probe(&ping_frame())),
        ("a probe and a close frame", after_the_probe(close)),
        ("a probe and half a frame", after_the_probe(&text_frame("5")[..3])),
        ("a probe and a message", after_the_probe(&text_frame(r#"42/raw,["value",1]"#))),
        ("a ping of Engine.IO", text_frame("2").to_vec()),
        ("a message", text_frame(r#"42/raw,["value",1]"#).to_vec()),
        ("a CONNECT", text_frame("40/raw,").to_vec()),
        ("a packet that ends sessions", text_frame("1").to_vec()),
        ("an empty text", text_frame("").to_vec()),
        ("a large text", text_frame(&"2probe".repeat(50_000)).to_vec()),
        ("bytes", binary_frame(b"2probe").to_vec()),
        ("text that is none", b"\x81\x82\0\0\0\0\xff\xfe".to_vec()),
        ("an unmasked frame", unmasked.to_vec()),
        ("a frame without an end", endless.to_vec()),
        ("an opcode that is none", b"\x83\x80\0\0\0\0".to_vec()),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ];
    for whom in SERVED {
        let server = served_by(whom);
        let mut session = polling(&server).await;
        for (what, bytes) in &cases {
            for resets in [false, true] {
                let mut client = tried_by(&server, &session).await;
                client.write(bytes);
                // The connection may be closed while it is still being written to.
                client.flush().await.ok();
                sleep(Duration::from_millis(5)).await;
                let stream = client.into_stream();
                if resets {
                    stream.set_zero_linger().expect("a socket");
                }
                drop(stream);
                let answered = timeout(PATIENCE, session.answer("value", "7")).await;
                assert!(matches!(answered, Ok(Ok(()))), "{whom}: {what}: {answered:?}");
            }
        }
        // And the next one may go over, as soon as the server knows of the end of the last.
        let mut client = loop {
            let mut client = tried_by(&server, &session).await;
            client.send("2probe");
            if let Ok(Incoming::Text(_)) = client.incoming().await {
                break client;
            }
            sleep(Duration::from_millis(5)).await;
        };
        client.send("5");
        assert_eq!(client.answer("value", "8").await.expect("an answer"), 8);
    }
}

#[tokio::test]
async fn who_never_goes_over_is_closed_and_waits_by_polling_until_then() {
    for whom in SERVED {
        let server = served_by(whom);
        for words in [&[][..], &["2probe"]] {
            let mut session = polling(&server).await;
            let mut client = tried_by(&server, &session).await;
            for word in words {
                client.send(word);
                is_answered(&mut client).await;
            }
            let begun = Instant::now();
            let closed = is_closed(&mut client);
            let mut polls = 0;
            let polling = async {
                loop {
                    let packets = session.poll().await.expect("a session");
                    if packets.iter().any(|packet| packet == "2") {
                        session.say("3").await.expect("a session");
                    }
                    polls += 1;
                }
            };
            tokio::select! {
                () = closed => {}
                () = polling => unreachable!("it polls for ever"),
            }
            assert!(begun.elapsed() >= Duration::from_millis(1_800), "{:?}", begun.elapsed());
            assert!(polls <= 10, "{whom}: {words:?}: {polls} polls");
        }
    }
}

#[tokio::test]
async fn what_comes_in_one_piece_with_the_last_word_is_answered_in_order() {
    const COUNT: u64 = 500;

    for whom in SERVED {
        let server = served_by(whom);
        let session = polling(&server).await;
        let mut client = tried_by(&server, &session).await;
        client.send("2probe");
        client.send("5");
        let ids: Vec<u64> =
            (0..COUNT).map(|number| client.ask("value", &number.to_string())).collect();
        is_answered(&mut client).await;
        let mut answered = Vec::new();
        while answered.len() < ids.len() {
            let packet = timeout(PATIENCE, client.packet()).await.expect("an answer");
            let packet = packet.expect("a connection");
            assert_eq!(packet.kind, Kind::Ack);
            answered.push((packet.id.expect("a number"), packet.answer()));
        }
        let expected = ids.into_iter().zip((0..COUNT).map(Into::into));
        assert!(answered.into_iter().eq(expected));
    }
}

#[tokio::test]
async fn a_second_websocket_in_the_moment_of_the_upgrade_stalls_nothing() {
    for whom in SERVED {
        let server = served_by(whom);
        for _ in 0..60 {
            let session = polling(&server).await;
            let mut first = tried_by(&server, &session).await;
            first.send("2probe");
            is_answered(&mut first).await;
            first.send("5");
            first.flush().await.expect("a connection");
            let mut second = tried_by(&server, &session).await;
            second.send("2probe");
            is_closed(&mut second).await;
            let answer = timeout(PATIENCE, first.answer("value", "7")).await;
            assert_eq!(answer.expect("no stall").expect("a connection"), 7);
        }
    }
}

#[tokio::test]
async fn a_session_tries_one_websocket_and_the_others_are_closed_at_once() {
    for whom in SERVED {
        let server = served_by(whom);
        let mut session = polling(&server).await;
        let mut first = tried_by(&server, &session).await;
        let begun = Instant::now();
        for _ in 0..200 {
            is_closed(&mut tried_by(&server, &session).await).await;
        }
        assert!(begun.elapsed() < PATIENCE);
        session.answer("value", "7").await.expect("a session");
        is_closed(&mut first).await;
        session.answer("value", "8").await.expect("a session");
        // Nobody tries any more, so there is a place again.
        let mut next = tried_by(&server, &session).await;
        next.send("2probe");
        is_answered(&mut next).await;
        next.send("5");
        assert_eq!(next.answer("value", "9").await.expect("an answer"), 9);
    }
}
