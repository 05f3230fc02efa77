use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use super::{super::answers::MOST, *};

/// The server's end as socketioxide has it, and a client's.
async fn pair(
    buffer: usize,
) -> (Line, WebSocketStream<LineStream<DuplexStream>>, WebSocketStream<DuplexStream>) {
    let (server, client) = duplex(buffer);
    let line = Line::of_member(&[]);
    let mut server = LineStream::new(server, line.clone(), StreamOptions::default());
    server.inbound = Inbound::new(Judge::after(PacketLimits::default(), 0));
    (
        line,
        WebSocketStream::from_raw_socket(server, Role::Server, None).await,
        WebSocketStream::from_raw_socket(client, Role::Client, None).await,
    )
}

fn event(data: &str) -> Message {
    Message::text(format!("42{data}"))
}

const SOON: Duration = Duration::from_millis(50);

#[tokio::test(start_paused = true)]
async fn a_packet_is_in_flight_until_the_stream_below_has_all_of_it() {
    let (line, mut server, mut client) = pair(1000).await;
    let data = format!(r#"["{}"]"#, "x".repeat(1500));
    assert!(line.ledger().claim(data.len()));
    let sent = event(&data);
    let sending = tokio::spawn(async move {
        server.send(sent).await.unwrap();
        server
    });
    sleep(SOON).await;
    assert_eq!(line.ledger().in_flight().packets, 1);
    assert_eq!(client.next().await.unwrap().unwrap(), event(&data));
    let _server = sending.await.unwrap();
    assert_eq!(line.ledger().in_flight(), super::super::InFlight::default());
}

#[tokio::test(start_paused = true)]
async fn who_reads_too_slowly_is_cut() {
    for (pause, ends) in [(5_000, true), (100, false)] {
        let (line, mut server, client) = pair(1000).await;
        let data = format!(r#"["{}"]"#, "x".repeat(60_000));
        line.ledger().claim(data.len());
        let mut client = client.into_inner();
        let reading = tokio::spawn(async move {
            let mut buffer = [0; 1000];
            while client.read_exact(&mut buffer).await.is_ok() {
                sleep(Duration::from_millis(pause)).await;
            }
        });
        let begun = Instant::now();
        assert_eq!(server.send(event(&data)).await.is_err(), ends);
        assert_eq!(line.is_cut(), ends);
        if ends {
            assert_eq!(begun.elapsed().as_secs(), 10);
            assert!(server.next().await.unwrap().is_err());
        }
        reading.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn while_paused_nothing_is_begun_and_the_heartbeat_goes_on() {
    let (line, mut server, mut client) = pair(64 * 1024).await;
    client.send(Message::text("431[]")).await.unwrap();
    assert_eq!(server.next().await.unwrap().unwrap(), Message::text("431[]"));
    line.pause();
    client.send(Message::text("432[]")).await.unwrap();
    client.send(Message::text("433[]")).await.unwrap();
    assert!(timeout(SOON, server.next()).await.is_err());

    server.send(Message::text("2")).await.unwrap();
    let answer = timeout(SOON, server.next()).await.expect("an answer");
    assert_eq!(answer.unwrap().unwrap(), Message::text("3"));
    assert!(timeout(SOON, server.next()).await.is_err());

    line.resume();
    for message in ["432[]", "433[]"] {
        assert_eq!(server.next().await.unwrap().unwrap(), Message::text(message));
    }

    // The answer comes also where reading pauses after the ping.
    server.send(Message::text("2")).await.unwrap();
    line.pause();
    client.send(Message::text("434[]")).await.unwrap();
    assert_eq!(server.next().await.unwrap().unwrap(), Message::text("3"));
    let resumed = async {
        sleep(SOON).await;
        line.resume();
    };
    let (message, ()) = tokio::join!(server.next(), resumed);
    assert_eq!(message.unwrap().unwrap(), Message::text("434[]"));
}

#[tokio::test(start_paused = true)]
async fn answers_that_wait_hold_back_what_comes() {
    let (_line, mut server, mut client) = pair(1 << 20).await;
    let most = MOST as usize;
    for number in 0..3 * most {
        client.send(Message::text(format!("40/{number},"))).await.unwrap();
    }
    let read = async |server: &mut WebSocketStream<LineStream<DuplexStream>>| {
        let mut read = 0;
        while let Ok(message) = timeout(SOON, server.next()).await {
            message.unwrap().unwrap();
            read += 1;
        }
        read
    };
    // What is given to the reader at once goes beyond it.
    let first = read(&mut server).await;
    assert!((most..most + 9).contains(&first), "{first}");
    // Each answer lets another one in.
    for _ in 0..20 {
        server.send(Message::text(r#"40/0,{"sid":"x"}"#)).await.unwrap();
    }
    let second = read(&mut server).await;
    assert!((12..29).contains(&second), "{second}");
    // With a ping, all answers that there are have left.
    server.send(Message::text("2")).await.unwrap();
    let third = read(&mut server).await;
    assert!((most..most + 10).contains(&third), "{third}");
}

#[tokio::test(start_paused = true)]
async fn connects_that_fail_end_the_session_behind_the_last_answer() {
    let answers = |all: &[&str]| all.iter().map(|one| format!("{one}/a,{{}}")).collect::<Vec<_>>();
    for (said, ends) in [
        (answers(&["44", "44", "44", "44"]), false),
        (answers(&["44", "44", "44", "44", "40", "44", "44", "44", "44"]), false),
        (answers(&["44", "44", "40", "44", "44", "44", "44", "44"]), true),
    ] {
        let (line, mut server, mut client) = pair(1 << 20).await;
        for answer in &said {
            server.feed(Message::text(answer)).await.unwrap();
        }
        server.flush().await.unwrap();
        assert_eq!(line.is_faulty(), ends, "{said:?}");
        for answer in &said {
            assert_eq!(client.next().await.unwrap().unwrap(), Message::text(answer));
        }
        if ends {
            assert!(server.next().await.unwrap().is_err());
            let closing = tokio::spawn(async move { server.close(None).await });
            let Some(Ok(Message::Close(Some(frame)))) = client.next().await else { panic!() };
            assert_eq!(u16::from(frame.code), 1008);
            closing.abort();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_not_handed_on_could_not_be_read() {
    let (line, mut server, mut client) = pair(1 << 20).await;
    for handed_on in [true, true, false] {
        client.send(event("[1]")).await.unwrap();
        assert!(server.next().await.unwrap().is_ok());
        if handed_on {
            line.hear();
        }
        let goes_on = timeout(SOON, server.next()).await.is_err();
        assert_eq!(goes_on, handed_on);
    }
    assert_eq!(
        line.close_payload().map(|payload| &payload[..2]),
        Some(&1007_u16.to_be_bytes()[..])
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_that_has_begun_is_read_to_its_end() {
    let (line, mut server, client) = pair(64).await;
    let large = Message::text(format!("431[{}]", "1".repeat(200_000)));
    let sent = large.clone();
    let sending = tokio::spawn(async move {
        let mut client = client;
        client.send(sent).await.unwrap();
        client.send(Message::text("432[]")).await.unwrap();
        client
    });
    sleep(SOON).await;
    assert!(timeout(Duration::ZERO, server.next()).await.is_err());
    line.pause();
    assert!(server.next().await.unwrap().unwrap() == large);
    assert!(timeout(SOON, server.next()).await.is_err());
    line.resume();
    assert_eq!(server.next().await.unwrap().unwrap(), Message::text("432[]"));
    sending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_cut_ends_for_its_reader_and_its_writer() {
    let (line, mut server, _client) = pair(100).await;
    let cut = async {
        sleep(SOON).await;
        line.cut();
    };
    let (read, ()) = tokio::join!(server.next(), cut);
    assert!(read.unwrap().is_err());

    let (line, mut server, _client) = pair(100).await;
    let cut = async {
        sleep(SOON).await;
        line.cut();
    };
    let (written, ()) = tokio::join!(server.send(event(&"x".repeat(1000))), cut);
    assert!(written.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_to_end_is_read_no_more_and_told_why() {
    for paused in [false, true] {
        let (line, mut server, mut client) = pair(1024).await;
        if paused {
            line.pause();
            client.send(event("[1]")).await.unwrap();
        }
        let ended = async {
            sleep(SOON).await;
            line.dismiss(1008, "too late");
            line.dismiss(1001, "and again");
        };
        let (read, ()) = tokio::join!(server.next(), ended);
        assert!(read.unwrap().is_err());
        let closing = tokio::spawn(async move { server.close(None).await });
        let Message::Close(Some(frame)) = client.next().await.unwrap().unwrap() else {
            panic!("no close frame")
        };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1008, "too late"));
        drop(client);
        closing.await.unwrap().ok();
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_frame_says_why() {
    for buffer in [3, 1024] {
        let (line, mut server, mut client) = pair(buffer).await;
        line.close_with(4003, "too slow");
        let closing = async {
            server.feed(event("[1]")).await.unwrap();
            server.close(None).await.ok();
        };
        let reading = async {
            assert_eq!(client.next().await.unwrap().unwrap(), event("[1]"));
            client.next().await.unwrap().unwrap()
        };
        let (closed, ()) = tokio::join!(reading, closing);
        let Message::Close(Some(frame)) = closed else { panic!("{closed:?}") };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4003, "too slow"));
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_let_go_without_a_close_frame_is_told_why() {
    let told = async |begun: &[u8], ends: fn(&Line)| {
        let (line, server, client) = pair(1000).await;
        let mut server = server.into_inner();
        server.write_all(begun).await.unwrap();
        ends(&line);
        drop(server);
        let mut told = Vec::new();
        client.into_inner().read_to_end(&mut told).await.unwrap();
        told.split_off(begun.len())
    };
    let close = [b"\x88", &[Fault::Packet.close().1.len() as u8 + 2][..], &1007_u16.to_be_bytes()];
    let fails: fn(&Line) = |line| line.fail(Fault::Packet);
    for begun in [&b""[..], b"\x81\x012"] {
        assert!(told(begun, fails).await.starts_with(&close.concat()), "behind {begun:?}");
    }
    // A frame that was begun cannot be ended, whoever is cut reads nothing, and others have nothing to be told.
    assert_eq!(told(b"\x81\x022", fails).await, b"");
    let cut = |line: &Line| {
        line.fail(Fault::Packet);
        line.cut();
    };
    assert_eq!(told(b"", cut).await, b"");
    assert_eq!(told(b"", |_| ()).await, b"");
}

#[tokio::test(start_paused = true)]
async fn who_has_been_told_why_is_not_told_again() {
    let (line, mut server, client) = pair(1000).await;
    line.fail(Fault::Packet);
    let closing = tokio::spawn(async move {
        server.close(None).await.ok();
    });
    let mut told = Vec::new();
    client.into_inner().read_to_end(&mut told).await.unwrap();
    closing.await.unwrap();
    assert_eq!(told.len(), usize::from(told[1]) + 2, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn reading_ends_the_turn_now_and_then() {
    let (server, mut client) = duplex(1 << 20);
    let mut server = LineStream::new(server, Line::default(), StreamOptions::default());
    client.write_all(&[0x81, 0x81, 0, 0, 0, 0, b'3'].repeat(100_000)).await.unwrap();
    let mut frames = 0;
    let mut buffer = [0; 1024];
    let mut reading = std::pin::pin!(async {
        loop {
            frames += server.read(&mut buffer).await.unwrap() / 7;
        }
    });
    let once = futures_util::future::poll_immediate(reading.as_mut());
    assert!(tokio::spawn(async {}).await.is_ok() && once.await.is_none());
    assert!(frames > 0 && frames <= 2_048, "{frames}");
}

#[tokio::test(start_paused = true)]
async fn an_attachment_that_is_to_come_is_not_waited_for_without_end() {
    let wait = Duration::from_secs(9);
    let bytes = Message::binary(vec![7; 100]);
    for come in 0..=2_u64 {
        let (line, mut server, mut client) = pair(1 << 20).await;
        let begun = Instant::now();
        client.send(Message::text(r#"452-["a"]"#)).await.unwrap();
        assert!(server.next().await.unwrap().is_ok());
        for _ in 0..come {
            assert!(timeout(wait, server.next()).await.is_err(), "the next may take its time");
            client.send(bytes.clone()).await.unwrap();
            assert_eq!(server.next().await.unwrap().unwrap(), bytes);
        }
        if come == 2 {
            line.hear();
        }
        let silence = timeout(Duration::from_secs(60), server.next()).await;
        if come == 2 {
            assert!(silence.is_err() && !line.is_faulty());
            assert!(server.get_ref().late.is_none(), "an idle client has no timer");
        } else {
            assert!(silence.expect("in time").unwrap().is_err());
            assert_eq!(begun.elapsed().as_secs(), 9 * come + 10);
            assert_eq!(&line.close_payload().unwrap()[..2], 1008_u16.to_be_bytes());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_attachment_that_has_begun_in_time_may_go_on() {
    let (line, mut server, mut client) = pair(1 << 20).await;
    client.send(Message::text(r#"451-["a"]"#)).await.unwrap();
    assert!(server.next().await.unwrap().is_ok());
    assert!(timeout(Duration::from_secs(9), server.next()).await.is_err());
    let frame = [&[0x82, 0x80 | 4, 0, 0, 0, 0][..], b"slow"].concat();
    client.get_mut().write_all(&frame[..8]).await.unwrap();
    assert!(timeout(Duration::from_secs(30), server.next()).await.is_err());
    client.get_mut().write_all(&frame[8..]).await.unwrap();
    assert_eq!(server.next().await.unwrap().unwrap(), Message::binary(&b"slow"[..]));
    assert!(!line.is_faulty());
}
