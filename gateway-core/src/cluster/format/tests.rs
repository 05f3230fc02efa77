//! What is written as others write it, and what of theirs is refused.

use super::*;

fn group(rooms: &[&str], except: &[&str]) -> Group {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Names>();
    Group { rooms: (!rooms.is_empty()).then(|| names(rooms)), except: names(except) }
}

fn written(message: &Message) -> (u16, String) {
    let (kind, data) = encode(message, "/chat").unwrap().unwrap();
    (kind, String::from_utf8(data.to_vec()).unwrap())
}

fn heard(kind: u16, data: &str) -> Message {
    decode(kind, data.as_bytes()).unwrap().unwrap()
}

fn event(group: Group, text: &str, attachments: &[&'static str]) -> Message {
    let attachments = attachments.iter().map(|one| Bytes::from_static(one.as_bytes()));
    let packet = Packet::new(text.to_owned(), attachments.collect());
    Message::Event { group, packet, is_volatile: false }
}

#[test]
fn messages_are_written_as_servers_of_other_makes_write_them() {
    let text = r#"["said",{"a":[1.0,"ü"]}]"#;
    assert_eq!(
        written(&event(group(&["lobby"], &["one"]), text, &[])),
        (
            3,
            format!(
                r#"{{"opts":{{"rooms":["lobby"],"except":["one"],"flags":{{}}}},"packet":{{"type":2,"data":{text},"nsp":"/chat"}}}}"#
            )
        )
    );
    let rooms: Names = ["x".to_owned()].into();
    let opts = r#""opts":{"rooms":["lobby"],"except":[],"flags":{}}"#;
    let lobby = || group(&["lobby"], &[]);
    for (message, kind, data) in [
        (
            Message::Join { group: lobby(), rooms: rooms.clone() },
            4,
            format!(r#"{{{opts},"rooms":["x"]}}"#),
        ),
        (Message::Leave { group: lobby(), rooms }, 5, format!(r#"{{{opts},"rooms":["x"]}}"#)),
        (
            Message::Disconnect { group: lobby(), close: true },
            6,
            format!(r#"{{{opts},"close":true}}"#),
        ),
        (
            Message::ServerSide { event: "a\"b".to_owned(), payload: r#"{"x":1}"#.into() },
            9,
            r#"{"packet":["a\"b",{"x":1}]}"#.to_owned(),
        ),
    ] {
        assert_eq!(written(&message), (kind, data.clone()));
        assert_eq!(format!("{:?}", heard(kind, &data)), format!("{message:?}"));
    }
}

#[test]
fn what_has_attachments_goes_through_messagepack_and_back() {
    let text =
        r#"["file",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}],1.5,-1,null]"#;
    let message = event(group(&[], &["one"]), text, &["first", "second"]);
    let (kind, data) = written(&message);
    assert!(!data.starts_with('{'));
    assert_eq!(format!("{:?}", heard(kind, &data)), format!("{message:?}"));
}

/// As `@socket.io/redis-streams-adapter` 0.3.1 writes them.
#[test]
fn what_servers_of_other_makes_write_is_heard() {
    let json = r#"{"packet":{"type":2,"data":["said",1],"nsp":"/chat"},"opts":{"rooms":["a",7],"except":[],"flags":{"volatile":true}}}"#;
    let mut expected = event(group(&["a", "7"], &[]), r#"["said",1]"#, &[]);
    if let Message::Event { is_volatile, .. } = &mut expected {
        *is_volatile = true;
    }
    assert_eq!(format!("{:?}", heard(kind::EVENT, json)), format!("{expected:?}"));
    // {opts: {rooms: [], except: [], flags: {}}, packet: {type: 2, data: ["file", <Buffer 01>], nsp: "/chat"}}
    let base64 = "gqRvcHRzg6Vyb29tc5CmZXhjZXB0kKVmbGFnc4CmcGFja2V0g6R0eXBlAqRkYXRhkqRmaWxlxAEBo25zcKUvY2hhdA==";
    let expected = event(group(&[], &[]), r#"["file",{"_placeholder":true,"num":0}]"#, &["\u{1}"]);
    assert_eq!(format!("{:?}", heard(kind::EVENT, base64)), format!("{expected:?}"));
}

#[test]
fn whom_an_event_is_for_is_known_before_the_rest_of_it_is_read() {
    let groups = [group(&[], &[]), group(&["lobby"], &["one", "two"]), group(&["a", "b"], &[])];
    for group in groups {
        for volatile in [false, true] {
            let mut message = event(group.clone(), r#"["said"]"#, &[]);
            if let Message::Event { is_volatile, .. } = &mut message {
                *is_volatile = volatile;
            }
            let (_, data) = written(&message);
            let opening = opening(data.as_bytes()).unwrap();
            assert_eq!(format!("{:?}", opening.group), format!("{group:?}"));
            let read = decode_rest(opening, data.as_bytes()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{message:?}"));
            assert_eq!(format!("{read:?}"), format!("{:?}", heard(kind::EVENT, &data)));
        }
    }
    // What others write in another order is read as a whole, and so is what is not JSON.
    for data in [r#"{"packet":{},"opts":{"rooms":["a"]}}"#, r#"{"opts":1}"#, "gqRvcHRz", ""] {
        assert!(opening(data.as_bytes()).is_none(), "{data}");
    }
}

#[test]
fn what_is_volatile_is_said_to_be() {
    for attachments in [&[][..], &["one"]] {
        let text = r#"["cursor",{"_placeholder":true,"num":0}]"#;
        let text = if attachments.is_empty() { r#"["cursor",1]"# } else { text };
        let mut message = event(group(&["board"], &[]), text, attachments);
        if let Message::Event { is_volatile, .. } = &mut message {
            *is_volatile = true;
        }
        let (kind, data) = written(&message);
        assert_eq!(format!("{:?}", heard(kind, &data)), format!("{message:?}"));
        if attachments.is_empty() {
            assert!(data.contains(r#""flags":{"volatile":true}"#), "{data}");
        }
    }
    // In JavaScript, a flag may be there and not be set.
    let json = r#"{"opts":{"flags":{"volatile":null}},"packet":{"type":2,"data":["a"]}}"#;
    assert!(matches!(heard(kind::EVENT, json), Message::Event { is_volatile: false, .. }));
}

#[test]
fn nobody_is_told_nothing() {
    let nobody = Group { rooms: Some(Names::new()), except: Names::new() };
    let message = Message::Disconnect { group: nobody, close: false };
    assert!(encode(&message, "/").unwrap().is_none());
}

#[test]
fn what_clients_could_not_read_is_refused() {
    let of = |packet: &str| format!(r#"{{"opts":{{}},"packet":{packet}}}"#);
    let deep = format!(r#"["a",{}{}]"#, "[".repeat(200), "]".repeat(200));
    for packet in [
        r#"{"type":2,"data":[]}"#.to_owned(),
        r#"{"type":2,"data":[1]}"#.to_owned(),
        r#"{"type":2,"data":{"a":1}}"#.to_owned(),
        r#"{"type":3,"data":["a"]}"#.to_owned(),
        r#"{"data":["a"]}"#.to_owned(),
        format!(r#"{{"type":2,"data":{deep}}}"#),
    ] {
        assert!(decode(kind::EVENT, of(&packet).as_bytes()).is_err(), "{packet}");
        let opening = opening(of(&packet).as_bytes()).unwrap();
        assert!(decode_rest(opening, of(&packet).as_bytes()).is_err(), "{packet}");
    }
    assert!(decode(kind::EVENT, of(r#"{"type":2,"data":["a"]}"#).as_bytes()).is_ok());
    // Official clients end the connection at such a name, however it is written.
    for name in gateway_names::RESERVED_EVENTS {
        let written = format!(r#"\u{:04x}{}"#, name.as_bytes()[0], &name[1..]);
        for name in [name, &*written] {
            let packet = format!(r#"{{"type":2,"data":["{name}",1]}}"#);
            assert!(decode(kind::EVENT, of(&packet).as_bytes()).is_err(), "{packet}");
        }
        let packet = Packet::new(format!(r#"["{name}",1]"#), Vec::new());
        assert!(EventPacket::of(&packet, "/").unwrap().into_packet().is_err(), "{name}");
    }
    for data in ["", "{", "x", "gqRv", r#"{"packet":[]}"#, r#"{"packet":[1]}"#] {
        assert!(decode(kind::EVENT, data.as_bytes()).is_err(), "{data}");
        assert!(decode(kind::SERVER_SIDE, data.as_bytes()).is_err(), "{data}");
    }
    assert!(decode(99, b"whatever").unwrap().is_none());
}

#[test]
fn no_more_attachments_are_taken_than_clients_take() {
    let event = |attachments: usize| {
        let mut data = vec![Argument::from("file")];
        data.extend((0..attachments).map(|_| Argument::Binary("x".into())));
        let packet = EventPacket { kind: EVENT_PACKET, data, nsp: "/".to_owned() };
        let event = Event { opts: Options::default(), packet };
        STANDARD.encode(msgpack::write(&event).unwrap())
    };
    assert!(decode(kind::EVENT, event(10).as_bytes()).is_ok());
    assert!(decode(kind::EVENT, event(11).as_bytes()).is_err());
}

#[test]
fn depth_in_messagepack_is_bounded() {
    for (depth, is_read) in [(100, true), (200, false), (100_000, false)] {
        let mut bytes = vec![0x91; depth];
        bytes.push(0xc0);
        assert_eq!(msgpack::read::<Argument>(&bytes).is_ok(), is_read, "{depth}");
    }
}
