use std::io::{Cursor, Read, Write};

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::{
    Error, Message, WebSocket,
    protocol::{Role, WebSocketConfig},
};

use super::*;
use crate::platform::line::PacketLimits;

const LONGEST: u64 = 1_000_000;

/// Of a client that is in the root namespace.
fn inbound() -> Inbound {
    Inbound::new(Judge::after(PacketLimits::default(), 0))
}

/// The text of a message that so many attachments are to follow.
fn attached(attachments: usize) -> Vec<u8> {
    frame(0x81, format!(r#"45{attachments}-["a"]"#).as_bytes())
}

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let head = Head { first, mask: Some(mask), length: payload.len() as u64 };
    let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    head.encode().as_slice().iter().copied().chain(masked).collect()
}

/// Passes a stream that comes in chunks to a reader with a small buffer.
fn pass(inbound: &mut Inbound, chunks: &[&[u8]], buffer: usize) -> Vec<u8> {
    let line = Line::of_member(&[]);
    let mut passed = Vec::new();
    for chunk in chunks {
        let mut rest = *chunk;
        loop {
            let mut bytes = vec![0; buffer];
            let mut out = ReadBuf::new(&mut bytes);
            let taken = inbound.pass(rest, &mut out, Gate::Open, &line);
            rest = &rest[taken..];
            passed.extend_from_slice(out.filled());
            if out.filled().is_empty() && taken == 0 {
                assert!(rest.is_empty() || inbound.fault().is_some());
                break;
            }
        }
    }
    passed
}

/// What tungstenite makes of a stream.
fn messages(stream: Vec<u8>) -> Vec<Result<Message, String>> {
    struct Half(Cursor<Vec<u8>>);
    impl Read for Half {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buffer)
        }
    }
    impl Write for Half {
        fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
            Ok(buffer.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(LONGEST as usize))
        .max_frame_size(Some(LONGEST as usize));
    let mut socket =
        WebSocket::from_raw_socket(Half(Cursor::new(stream)), Role::Server, Some(config));
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => messages.push(Ok(message)),
            Err(Error::Protocol(error)) if messages.is_empty() => {
                return vec![Err(error.to_string())];
            }
            Err(Error::Capacity(_)) => {
                messages.push(Err("too large".into()));
                return messages;
            }
            Err(Error::Utf8(_)) => {
                messages.push(Err("utf-8".into()));
                return messages;
            }
            Err(_) => return messages,
        }
    }
}

#[test]
fn small_frames_pass_as_they_came_wherever_they_are_split() {
    let stream = [
        frame(0x81, b"2"),
        attached(2),
        frame(0x82, &[7; 200]),
        frame(0x82, b""),
        frame(0x01, b"42["),
        frame(0x89, b"ping"),
        frame(0x80, b"1]"),
    ]
    .concat();
    for split in 0..=stream.len() {
        let (before, after) = stream.split_at(split);
        for buffer in [1, 3, 1024] {
            let mut inbound = inbound();
            assert!(pass(&mut inbound, &[before, after], buffer) == stream, "{split}");
        }
    }
}

#[test]
fn a_large_frame_is_passed_in_pieces_that_make_the_same_message() {
    // Characters of three bytes, so that pieces end inside of them.
    let text = format!(r#"42["{}"]"#, "€".repeat(100_000));
    let binary: Vec<u8> = (0..400_001_u32).map(|byte| (byte % 251) as u8).collect();
    let stream = [
        frame(0x81, text.as_bytes()),
        attached(1),
        frame(0x02, &binary[..200_000]),
        frame(0x89, b"in between"),
        frame(0x80, &binary[200_000..]),
        frame(0x81, b"2"),
    ]
    .concat();
    let mut inbound = inbound();
    let chunks: Vec<&[u8]> = stream.chunks(16 * 1024).collect();
    let passed = pass(&mut inbound, &chunks, 1024);
    assert!(messages(passed.clone()) == messages(stream));
    let mut rest = &passed[..];
    while !rest.is_empty() {
        let (size, head) = HeadReader::default().read(rest);
        let head = head.unwrap();
        assert!(head.length <= PIECE);
        rest = &rest[size + head.length as usize..];
    }
}

#[test]
fn a_frame_that_is_not_large_stays_as_it_is() {
    for (length, pieces) in [(WHOLE, 1), (WHOLE + 1, 3)] {
        let stream = frame(0x81, &vec![b'2'; length as usize]);
        let passed = pass(&mut inbound(), &[&stream], 1024);
        assert_eq!(passed == stream, pieces == 1);
        let heads = passed.len() - length as usize;
        assert_eq!(heads, if pieces == 1 { 14 } else { 3 * 8 });
    }
}

/// What is found wrong in a stream that comes in chunks of this size.
fn fault(mut inbound: Inbound, stream: &[u8], chunk: usize) -> Option<Fault> {
    let chunks: Vec<&[u8]> = stream.chunks(chunk).collect();
    pass(&mut inbound, &chunks, 100);
    inbound.fault()
}

fn faults(stream: &[u8]) -> Option<Fault> {
    let found = [1, 2, 7, 1 << 20].map(|chunk| fault(inbound(), stream, chunk));
    assert!(found.iter().all(|fault| *fault == found[0]), "{found:?}");
    found[0]
}

const TOO_LARGE: Fault = Fault::TooLarge { max_payload: LONGEST as usize };

#[test]
fn what_is_too_large_is_refused_at_its_head() {
    let head = Head { first: 0x82, mask: Some([0; 4]), length: LONGEST + 1 };
    assert_eq!(faults(head.encode().as_slice()), Some(TOO_LARGE));
    let head = Head { first: 0x80, mask: Some([0; 4]), length: LONGEST };
    for first in [0x01, 0x02] {
        let stream = [&attached(1)[..], &frame(first, b"2"), head.encode().as_slice()].concat();
        assert_eq!(faults(&stream), Some(TOO_LARGE));
    }
    // Each message is counted anew.
    let half = |first| frame(first, &vec![b'2'; LONGEST as usize / 2]);
    let stream = [half(0x01), half(0x80), attached(1), half(0x82), half(0x81)].concat();
    assert_eq!(fault(inbound(), &stream, 1 << 20), None);
}

#[test]
fn text_is_utf_8() {
    let euro = "€".as_bytes();
    let begun = [b"2", &euro[..1]].concat();
    for (stream, is_text) in [
        (frame(0x81, &[0x34, 0x32, 0x5b, 0xff, 0xfe]), false),
        (frame(0x81, &begun), false),
        ([attached(1), frame(0x82, &[0xff, 0xfe])].concat(), true),
        ([frame(0x01, &begun), frame(0x89, b"\xff"), frame(0x80, &euro[1..])].concat(), true),
        ([frame(0x01, &begun), frame(0x80, b"x")].concat(), false),
        ([frame(0x01, &begun), frame(0x80, b"")].concat(), false),
        ([frame(0x81, b"2"), frame(0x88, b"\x03\xe8\xe2\x82\xac")].concat(), true),
        (frame(0x88, b"\x03\xe8\xff"), false),
        (frame(0x88, b"\xff\xff"), true),
        ([frame(0x01, &begun), frame(0x88, b"")].concat(), true),
    ] {
        assert_eq!(faults(&stream), (!is_text).then_some(Fault::NotUtf8), "{stream:x?}");
    }
    let large = format!("22{}", "€".repeat(100_000));
    assert_eq!(fault(inbound(), &frame(0x81, large.as_bytes()), 4096), None);
    let mut spoilt = large.into_bytes();
    spoilt[250_000] = b'x';
    let found = fault(inbound(), &frame(0x81, &spoilt), 4096);
    assert_eq!(found, Some(Fault::NotUtf8));
}

#[test]
fn frames_that_the_standard_does_not_allow_are_found() {
    let unmasked = Head { first: 0x81, mask: None, length: 1 };
    for stream in [
        [unmasked.encode().as_slice(), b"2"].concat(),
        // Reserved bits, and opcodes.
        frame(0xc1, b"2"),
        frame(0xa2, b"2"),
        frame(0x91, b"2"),
        frame(0x83, b"x"),
        frame(0x8b, b"x"),
        // Control frames in pieces, large ones, a close frame with half a code.
        frame(0x09, b"x"),
        frame(0x08, b""),
        frame(0x89, &[b'x'; 126]),
        frame(0x88, b"x"),
        // What goes on without a beginning, and begins without an end.
        frame(0x80, b"x"),
        frame(0x00, b"x"),
        [frame(0x01, b"4"), frame(0x81, b"2")].concat(),
        [attached(1), frame(0x02, b"4"), frame(0x82, b"2")].concat(),
        [frame(0x81, b"2"), frame(0x80, b"2")].concat(),
    ] {
        assert_eq!(faults(&stream), Some(Fault::Frame), "{stream:x?}");
    }
    for stream in [frame(0x89, &[b'x'; 125]), frame(0x8a, b""), frame(0x88, b"")] {
        assert_eq!(faults(&stream), None, "{stream:x?}");
    }
}

#[test]
fn nothing_passes_behind_a_fault() {
    let stream = [frame(0x81, b"2"), frame(0x83, b"x"), frame(0x81, b"3")].concat();
    let mut inbound = inbound();
    assert_eq!(pass(&mut inbound, &[&stream], 1024), frame(0x81, b"2"));
}

#[test]
fn the_first_message_of_a_session_is_a_connect() {
    let greeted = |stream: &[u8]| {
        let found = [1, 3, 1000]
            .map(|chunk| fault(Inbound::new(Judge::new(PacketLimits::default())), stream, chunk));
        assert!(found.iter().all(|fault| *fault == found[0]), "{found:?}");
        found[0]
    };
    for stream in [
        frame(0x81, b"40"),
        frame(0x81, b"40/chat,{}"),
        frame(0x81, b"3"),
        [frame(0x81, b"340"), frame(0x81, b"40"), frame(0x81, b"42[1]")].concat(),
        [frame(0x01, b"4"), frame(0x89, b"9"), frame(0x80, b"0")].concat(),
    ] {
        assert_eq!(greeted(&stream), None, "{stream:x?}");
    }
    for stream in [
        frame(0x81, br#"42["a"]"#),
        frame(0x81, br#"4{"type":0}"#),
        frame(0x81, b"4"),
        frame(0x82, b"\x83\xa4type\x00"),
        frame(0x82, b""),
        frame(0x81, b"bAQID"),
        [frame(0x01, b"4"), frame(0x80, b"2[]")].concat(),
        [frame(0x81, b"3"), frame(0x81, b"41")].concat(),
    ] {
        assert_eq!(greeted(&stream), Some(Fault::Parser), "{stream:x?}");
    }
}

#[test]
fn bytes_as_text_become_bytes() {
    for (text, bytes) in
        [("bAQID", &[1, 2, 3][..]), ("bAQ==", &[1]), ("bAQ", &[1]), ("bAQI=", &[1, 2]), ("b", &[])]
    {
        let whole = [attached(1), frame(0x81, text.as_bytes())].concat();
        let (a, b) = text.as_bytes().split_at(text.len() / 2 + 1);
        let parts = [attached(1), frame(0x01, a), frame(0x89, b"ping"), frame(0x80, b)].concat();
        for (stream, between) in [(whole, None), (parts, Some(Message::Ping("ping".into())))] {
            for chunk in [1, 2, 5, 1000] {
                let stream = [&stream[..], &frame(0x81, b"42[1]")].concat();
                let chunks: Vec<&[u8]> = stream.chunks(chunk).collect();
                let passed = pass(&mut inbound(), &chunks, 3);
                let expected = [Message::text(r#"451-["a"]"#)]
                    .into_iter()
                    .chain(between.clone())
                    .chain([Message::binary(bytes.to_vec()), Message::text("42[1]")]);
                assert_eq!(messages(passed), expected.map(Ok).collect::<Vec<_>>(), "{text}");
            }
        }
    }
}

#[test]
fn many_bytes_as_text_come_in_pieces() {
    use base64::{Engine, prelude::BASE64_STANDARD};

    let bytes: Vec<u8> = (0..300_000_u32).map(|byte| (byte % 251) as u8).collect();
    let text = format!("b{}", BASE64_STANDARD.encode(&bytes));
    let stream = [attached(1), frame(0x81, text.as_bytes()), frame(0x81, b"2")].concat();
    let chunks: Vec<&[u8]> = stream.chunks(16 * 1024).collect();
    let passed = pass(&mut inbound(), &chunks, 1024);
    let text = |text: &str| Ok(Message::text(text));
    assert!(
        messages(passed) == [text(r#"451-["a"]"#), Ok(Message::binary(bytes)), text("2")],
        "the same bytes"
    );
    for spoilt in ["b!!!", "bA", "bAQ===", "b漢"] {
        let stream = [attached(1), frame(0x81, spoilt.as_bytes())].concat();
        assert_eq!(faults(&stream), Some(Fault::Packet), "{spoilt}");
    }
}

#[test]
fn a_pause_begins_at_the_end_of_a_message() {
    let (mut inbound, line) = (inbound(), Line::of_member(&[]));
    let mut bytes = [0; 1024];
    let first = [frame(0x01, b"2one"), frame(0x80, b"two")].concat();
    let stream = [&first[..], &frame(0x89, b"ping"), &frame(0x81, b"3three")].concat();
    let mut out = ReadBuf::new(&mut bytes);
    // The pause comes in the middle of the first message.
    let begun = inbound.pass(&stream[..8], &mut out, Gate::Open, &line);
    assert_eq!(begun, 8);
    let taken = 8 + inbound.pass(&stream[8..], &mut out, Gate::Paused, &line);
    let passed = [&first[..], &frame(0x89, b"ping")].concat();
    assert_eq!(out.filled(), passed);
    assert!(inbound.is_holding());
    assert_eq!(inbound.pass(&stream[taken..], &mut out, Gate::Paused, &line), 0);

    assert!(inbound.pong());
    assert_eq!(inbound.pass(&stream[taken..], &mut out, Gate::Paused, &line), 0);
    assert_eq!(out.filled(), [&passed[..], &PONG].concat());
    inbound.pass(&stream[taken..], &mut out, Gate::Open, &line);
    assert_eq!(out.filled(), [&passed[..], &PONG, &frame(0x81, b"3three")].concat());
    assert!(!inbound.pong());
}

#[test]
fn a_turn_has_few_frames() {
    let stream = frame(0x81, b"2").repeat(100);
    for (gate, frames) in [(Gate::Open, FRAMES_AT_ONCE), (Gate::Narrow, 1)] {
        let mut bytes = [0; 1024];
        let mut out = ReadBuf::new(&mut bytes);
        inbound().pass(&stream, &mut out, gate, &Line::default());
        assert_eq!(out.filled().len(), frames * 7);
    }
}

proptest! {
    #[test]
    fn nothing_a_client_sends_is_changed(
        frames in prop::collection::vec(
            (any::<bool>(), any::<bool>(), prop_oneof![0..200_usize, 60_000..150_000_usize]), 1..6),
        chunk in 1..20_000_usize,
        buffer in 1..3_000_usize,
    ) {
        let mut stream = Vec::new();
        let mut in_message = false;
        for (index, (binary, last, size)) in frames.into_iter().enumerate() {
            let opcode = match (in_message, binary) {
                (true, _) => 0,
                (false, true) => 2,
                (false, false) => 1,
            };
            in_message = !last;
            let mut payload: Vec<u8> =
                (0..size).map(|at| b'A' + ((at + index) % 26) as u8).collect();
            match opcode {
                1 => payload.insert(0, b'2'),
                2 => stream.extend(attached(1)),
                _ => {}
            }
            stream.extend(frame(if last { 0x80 | opcode } else { opcode }, &payload));
        }
        let chunks: Vec<&[u8]> = stream.chunks(chunk).collect();
        let passed = pass(&mut inbound(), &chunks, buffer);
        prop_assert!(messages(passed) == messages(stream));
    }
}
