//! A session, a client with a WebSocket, and what comes of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::FutureExt;
use socketioxide_core::Sid;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::*;
use crate::platform::line::{Line, PacketLimits, Sessions};

const PATIENCE: Duration = Duration::from_secs(10);
const SOON: Duration = Duration::from_millis(10);

struct Session {
    sessions: Arc<Sessions>,
    sid: Sid,
    line: Line,
}

type Client = WebSocketStream<DuplexStream>;
type Held = JoinHandle<Result<LineStream<DuplexStream>, Failure>>;

impl Session {
    fn new() -> Self {
        let sessions = Sessions::new(|_, _| {});
        let (sid, line) = ("AAAAAAAAAAAAAAAA".parse().unwrap(), Line::of_member(&[]));
        sessions.insert(sid, &line, std::sync::Weak::new());
        let judging = line.posting().judge(b"40", PacketLimits::default()).now_or_never();
        let mut judging = judging.flatten().expect("it is polled");
        judging.packet(b"40", &line).expect("a greeting");
        drop(judging);
        Self { sessions, sid, line }
    }

    /// A client's end of a WebSocket that the session tries, and what the server makes of its own.
    async fn tries(&self) -> (Client, Held) {
        let (client, held) = self.tries_bytes();
        (WebSocketStream::from_raw_socket(client, Role::Client, None).await, held)
    }

    fn tries_bytes(&self) -> (DuplexStream, Held) {
        let (server, client) = duplex(64 * 1024);
        let attempt = self.sessions.attempt(self.sid);
        let stream = std::future::ready(Some(server));
        let held = tokio::spawn(async move {
            match go_over(stream, attempt, PATIENCE, StreamOptions::default()).await {
                Ok(stream) => Ok(stream),
                Err(failed) => {
                    let why = failed.why;
                    failed.dismiss().await;
                    Err(why)
                }
            }
        });
        (client, held)
    }
}

async fn say(client: &mut Client, text: &str) {
    client.send(Message::text(text)).await.unwrap();
}

async fn hear(client: &mut Client) -> Message {
    client.next().await.expect("a message").unwrap()
}

fn code(message: Message) -> u16 {
    match message {
        Message::Close(Some(frame)) => frame.code.into(),
        other => panic!("{other:?}"),
    }
}

async fn failure(held: Held) -> Failure {
    held.await.unwrap().map(drop).unwrap_err()
}

/// socketioxide's end, which answers as it does.
async fn told(stream: LineStream<DuplexStream>) -> WebSocketStream<LineStream<DuplexStream>> {
    let mut server = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    assert_eq!(server.next().await.unwrap().unwrap(), Message::text("2probe"));
    server.send(Message::text("3probe")).await.unwrap();
    assert_eq!(server.next().await.unwrap().unwrap(), Message::text("5"));
    server
}

#[tokio::test(start_paused = true)]
async fn who_says_all_that_it_takes_goes_over_and_socketioxide_is_told_again() {
    let session = Session::new();
    let (mut client, held) = session.tries().await;
    say(&mut client, "2probe").await;
    assert_eq!(hear(&mut client).await, Message::text("3probe"));
    say(&mut client, "5").await;
    let mut server = told(held.await.unwrap().expect("the session's stream")).await;
    server.send(Message::text("42[1]")).await.unwrap();
    // Its own answer has not come twice.
    assert_eq!(hear(&mut client).await, Message::text("42[1]"));
    say(&mut client, "432[]").await;
    assert_eq!(server.next().await.unwrap().unwrap(), Message::text("432[]"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_of_what_comes_with_the_last_word() {
    let frame =
        |text: &str| [&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], text.as_bytes()].concat();
    let messages: Vec<String> = (0..3000).map(|number| format!("43{number}[]")).collect();
    let burst: Vec<u8> = ["2probe".to_owned(), "5".to_owned()]
        .iter()
        .chain(&messages)
        .flat_map(|t| frame(t))
        .collect();
    for chunk in [1, 20, 1000, 100_000] {
        let session = Session::new();
        let (mut client, held) = session.tries_bytes();
        let sent = burst.clone();
        tokio::spawn(async move {
            for piece in sent.chunks(chunk) {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            let mut all = Vec::new();
            client.read_to_end(&mut all).await.ok();
        });
        let mut server = told(held.await.unwrap().expect("the session's stream")).await;
        for message in &messages {
            assert_eq!(server.next().await.unwrap().unwrap(), Message::text(message), "{chunk}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_goes_over_while_reading_pauses_is_not_held_back() {
    let session = Session::new();
    session.line.pause();
    let (mut client, held) = session.tries().await;
    for text in ["2probe", "5"] {
        say(&mut client, text).await;
    }
    let mut server = told(held.await.unwrap().expect("the session's stream")).await;
    say(&mut client, "431[]").await;
    assert!(timeout(SOON, server.next()).await.is_err());
    session.line.resume();
    assert_eq!(server.next().await.unwrap().unwrap(), Message::text("431[]"));
}

#[tokio::test(start_paused = true)]
async fn a_client_may_go_over_without_a_probe() {
    let session = Session::new();
    let (mut client, held) = session.tries().await;
    say(&mut client, "5").await;
    let mut server = told(held.await.unwrap().expect("the session's stream")).await;
    server.send(Message::text("42[1]")).await.unwrap();
    assert_eq!(hear(&mut client).await, Message::text("42[1]"));
}

#[tokio::test(start_paused = true)]
async fn what_fails_leaves_the_session_as_it_was() {
    let session = Session::new();
    let told = |message: Message| async {
        let (mut client, held) = session.tries().await;
        client.send(message).await.unwrap();
        let code = code(hear(&mut client).await);
        drop(client);
        assert_eq!(failure(held).await, Failure::NotAProbe);
        code
    };
    let large = "2".repeat(LONGEST + 1);
    for text in ["2", "3", "40", "1", "2probe ", "", "hello", &large] {
        assert_eq!(told(Message::text(text)).await, 1002, "{text}");
    }
    assert_eq!(told(Message::binary(&b"2probe"[..])).await, 1002);

    // It is closed: at once, after the probe, with and without a word.
    for probes in [0, 1, 3] {
        for polite in [true, false] {
            let (mut client, held) = session.tries().await;
            for _ in 0..probes {
                say(&mut client, "2probe").await;
                assert_eq!(hear(&mut client).await, Message::text("3probe"));
            }
            if polite {
                client.close(None).await.unwrap();
                assert_eq!(hear(&mut client).await, Message::Close(None));
            }
            drop(client);
            assert_eq!(failure(held).await, Failure::Closed);
        }
    }

    // Something that is no WebSocket.
    let (mut client, held) = session.tries_bytes();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    drop(client);
    assert_eq!(failure(held).await, Failure::NotAProbe);

    assert!(!session.line.is_cut());
    assert_eq!(session.sessions.attempts(), 0);
    assert!(session.sessions.attempt(session.sid).is_ok());
}

#[tokio::test]
async fn an_end_is_told_from_something_wrong() {
    for (sent, failure) in [
        (&b""[..], Failure::Closed),
        (b"\x81", Failure::Closed),
        (b"\x88\x80\0\0\0\0", Failure::Closed),
        (b"\x81\x062probe", Failure::NotAProbe),
        (b"\x83\x80\0\0\0\0", Failure::NotAProbe),
    ] {
        let (server, mut client) = duplex(64);
        client.write_all(sent).await.unwrap();
        drop(client);
        let mut candidate = Candidate::new(server).await;
        assert_eq!(step(candidate.0.next().await.as_ref()), Err(failure), "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_of_the_protocol_below_is_answered_and_no_word() {
    let session = Session::new();
    let (mut client, held) = session.tries().await;
    client.send(Message::Ping("?".into())).await.unwrap();
    assert_eq!(hear(&mut client).await, Message::Pong("?".into()));
    for text in ["2probe", "5"] {
        say(&mut client, text).await;
    }
    assert!(held.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_takes_too_long_is_told_so_whatever_it_has_said() {
    for words in [0, 1, 2] {
        let session = Session::new();
        let begun = Instant::now();
        let (mut client, held) = session.tries().await;
        for _ in 0..words {
            say(&mut client, "2probe").await;
            hear(&mut client).await;
        }
        assert_eq!(code(hear(&mut client).await), 1008);
        assert_eq!(begun.elapsed().as_secs(), PATIENCE.as_secs());
        assert_eq!(session.sessions.attempts(), 0);
        // Whoever does not even close it is not waited for.
        assert_eq!(failure(held).await, Failure::TimedOut);
        assert!(begun.elapsed() <= PATIENCE + FAREWELL + SOON);
    }

    // Neither is a stream that never comes.
    let session = Session::new();
    let attempt = session.sessions.attempt(session.sid);
    let never = std::future::pending::<Option<DuplexStream>>();
    let failed = go_over(never, attempt, PATIENCE, StreamOptions::default()).await.err();
    assert_eq!(failed.map(|failed| failed.why), Some(Failure::TimedOut));
    assert_eq!(session.sessions.attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_one_is_refused_and_changes_nothing() {
    let session = Session::new();
    let (mut first, held) = session.tries().await;
    say(&mut first, "2probe").await;
    assert_eq!(hear(&mut first).await, Message::text("3probe"));
    let (mut second, refused) = session.tries().await;
    assert_eq!(code(hear(&mut second).await), 1008);
    drop(second);
    assert_eq!(failure(refused).await, Failure::Refused(NoAttempt::Upgrading));

    say(&mut first, "5").await;
    let mut server = told(held.await.unwrap().expect("the session's stream")).await;
    let (mut third, refused) = session.tries().await;
    assert_eq!(code(hear(&mut third).await), 1008);
    drop(third);
    assert_eq!(failure(refused).await, Failure::Refused(NoAttempt::Upgraded));
    server.send(Message::text("42[1]")).await.unwrap();
    assert_eq!(hear(&mut first).await, Message::text("42[1]"));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_ends_what_it_tries() {
    let session = Session::new();
    let (mut client, held) = session.tries().await;
    say(&mut client, "2probe").await;
    assert_eq!(hear(&mut client).await, Message::text("3probe"));
    drop(session.line);
    assert_eq!(code(hear(&mut client).await), 1001);
    drop(client);
    assert_eq!(failure(held).await, Failure::SessionEnded);
}

#[tokio::test(start_paused = true)]
async fn polls_end_once_for_a_probe_and_then_less_and_less_often() {
    let session = Session::new();
    let polls = Arc::new(AtomicUsize::new(0));
    let (counted, line) = (Arc::clone(&polls), session.line.clone());
    let polling = tokio::spawn(async move {
        loop {
            line.polls_flushed().await;
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let ended = || polls.load(Ordering::Relaxed);
    let (mut client, held) = session.tries().await;
    sleep(SOON).await;
    assert_eq!(ended(), 0);

    say(&mut client, "2probe").await;
    assert_eq!(hear(&mut client).await, Message::text("3probe"));
    sleep(SOON).await;
    assert_eq!(ended(), 1);
    // A client that had polled again before it knew is let go soon.
    sleep(FLUSH_AGAIN).await;
    assert_eq!(ended(), 2);
    // What else it probes changes nothing of that.
    say(&mut client, "2probe").await;
    assert_eq!(hear(&mut client).await, Message::text("3probe"));
    sleep(PATIENCE).await;
    assert_eq!(ended(), 9);
    assert_eq!(code(hear(&mut client).now_or_never().expect("it is over")), 1008);
    drop(client);
    assert_eq!(failure(held).await, Failure::TimedOut);
    sleep(PATIENCE).await;
    assert_eq!(ended(), 9);
    polling.abort();
}
