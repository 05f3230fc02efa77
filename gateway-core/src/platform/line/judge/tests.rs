use proptest::prelude::*;

use super::*;

const LIMITS: fn() -> PacketLimits = PacketLimits::default;

fn line() -> Line {
    Line::of_member(&["/chat"])
}

/// What is made of packets that come in pieces of this size, and how many events are complete.
fn judged(packets: &[&str], piece: usize) -> Result<u32, Fault> {
    let (line, mut judge) = (line(), Judge::after(LIMITS(), 0));
    let mut mask = [0x37, 0xfa, 0x21, 0x3d];
    for packet in packets {
        if let Some(bytes) = packet.strip_prefix('b') {
            judge.attachment()?;
            judge.attached(bytes.len() as u64)?;
            judge.end_of_attachment();
            continue;
        }
        for piece in packet.as_bytes().chunks(piece) {
            let masked: Vec<u8> =
                piece.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
            if judge.is_reading() {
                judge.text(&masked, mask, &line)?;
            }
            mask.rotate_left(piece.len() % 4);
        }
        judge.end_of_text(&line)?;
    }
    Ok(judge.events())
}

fn verdict(packets: &[&str]) -> Result<u32, Fault> {
    let all = [1, 2, 3, 5, 16, 1000].map(|piece| judged(packets, piece));
    assert!(all.iter().all(|one| *one == all[0]), "{packets:?}: {all:?}");
    let (line, mut judge) = (line(), Judge::after(LIMITS(), 0));
    let posted = packets.iter().try_for_each(|packet| judge.packet(packet.as_bytes(), &line));
    assert_eq!(posted.map(|()| judge.events()), all[0], "{packets:?} on polling");
    all[0]
}

#[test]
fn what_clients_say_is_taken() {
    for (packet, events) in [
        ("3", 0),
        ("2", 0),
        ("1", 0),
        ("40", 0),
        ("40/", 0),
        ("40/,", 0),
        (r#"40/new,{"token":"x"}"#, 0),
        (r#"40{"token":"x"}"#, 0),
        ("41", 0),
        ("41/chat,", 0),
        ("41/chat", 0),
        (r#"42["a"]"#, 1),
        (r#"42["a",{"b":[1,2,3]},"more than sixteen bytes"]"#, 1),
        (r#"42 ["a"]"#, 1),
        (r#"4217["a"]"#, 1),
        (r#"42/chat,["a"]"#, 1),
        (r#"42/,7["a"]"#, 1),
        (r#"42/chat,9223372036854775807["a"]"#, 1),
        (r#"420000000000000000000000001["a"]"#, 1),
        (r#"450-["a"]"#, 1),
        ("430[]", 0),
        ("43/chat,12[1]", 0),
        ("460-1[]", 0),
    ] {
        assert_eq!(verdict(&[packet]), Ok(events), "{packet}");
        // And behind another, of which the head is remembered.
        for before in [r#"42["a","long enough"]"#, r#"42/chat,["long enough"]"#, "431[1,2,3,4,5,6]"]
        {
            let both = verdict(&[before, packet]);
            assert_eq!(both, Ok(events + u32::from(!before.starts_with("43"))), "{packet}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_found() {
    for packet in [
        "",
        "x",
        "0",
        "5",
        "6",
        "7",
        "2probe",
        "3probe",
        "4",
        "44",
        "44{}",
        "47",
        "48",
        "4x",
        "42",
        "421",
        "42/chat",
        "42/chat,",
        "42{}",
        "42null",
        r#"42"a""#,
        "42x[]",
        "42-1[]",
        r#"421 ["a"]"#,
        r#"42/chat,9223372036854775808["a"]"#,
        r#"4299999999999999999999["a"]"#,
        "43[]",
        "43/chat,[]",
        "439223372036854775808[]",
        "431{}",
        "43-1[]",
        r#"45["a"]"#,
        "45-[]",
        "45x-[]",
        "451",
        "45",
        "451-",
        "461-[]",
        "46[]",
    ] {
        assert_eq!(verdict(&[packet]), Err(Fault::Packet), "{packet}");
        let behind = verdict(&[r#"42["a","long enough"]"#, "431[1,2,3,4,5,6]", packet]);
        assert_eq!(behind, Err(Fault::Packet), "{packet}");
    }
}

#[test]
fn who_is_not_in_a_namespace_says_nothing_there() {
    let chat = r#"42/chat,["long enough"]"#;
    for packets in [
        &[r#"42/chats,["a"]"#][..],
        &[r#"42/cha,["a"]"#],
        &["41/other,"],
        &["41/other"],
        &[r#"451-/other,["a"]"#],
        &["43/other,1[]"],
        &["40/other,", r#"42/other,["a"]"#],
        &[chat, "41/chat,", chat],
        &[chat, r#"42["a","long enough"]"#, "41", r#"42["a","long enough"]"#],
        &["41", "41"],
    ] {
        assert_eq!(verdict(packets), Err(Fault::NotConnected), "{packets:?}");
    }
}

#[test]
fn names_are_not_long() {
    let name = |bytes: usize| format!("/{}", "n".repeat(bytes - 1));
    for head in ["40", "41", "42", "43", "451-", "461-"] {
        let long = verdict(&[&format!("{head}{}", name(256))]);
        assert_eq!(long, Err(Fault::NamespaceName { most: 255 }), "{head}");
    }
    assert_eq!(verdict(&[&format!("40{}", name(255))]), Ok(0));
    assert_eq!(verdict(&[&format!("40{},{{}}", name(255))]), Ok(0));
}

#[test]
fn attachments_follow_their_text_and_are_few() {
    let two = r#"452-["a"]"#;
    assert_eq!(verdict(&[two, "b", "b", r#"42["a"]"#]), Ok(2));
    assert_eq!(verdict(&[two, "b", "3", "bAAAA"]), Ok(1), "a sign of life in between");
    assert_eq!(verdict(&[two, "b"]), Ok(0));
    assert_eq!(verdict(&["462-7[]", "b", "b"]), Ok(0));
    assert_eq!(verdict(&[two, "b", r#"42["a"]"#]), Err(Fault::Packet));
    assert_eq!(verdict(&[two, "b", two]), Err(Fault::Packet));
    assert_eq!(verdict(&[two, "40/other,"]), Err(Fault::Packet));
    assert_eq!(verdict(&["b"]), Err(Fault::Bytes));
    assert_eq!(verdict(&[two, "b", "b", "b"]), Err(Fault::Bytes));
    assert_eq!(verdict(&[r#"450-["a"]"#, "b"]), Err(Fault::Bytes));
    let ten: Vec<&str> = std::iter::once(r#"4510-["a"]"#).chain(["b"; 10]).collect();
    assert_eq!(verdict(&ten), Ok(1));
    for many in ["4511-", "45011-/chat,", "4610000-"] {
        assert_eq!(verdict(&[many]), Err(Fault::Attachments { most: 10 }), "{many}");
    }
}

#[test]
fn attachments_are_as_large_as_a_message_may_be_together() {
    let max_payload = LIMITS().max_payload;
    let mut judge = Judge::after(LIMITS(), 0);
    let half = max_payload as u64 / 2;
    for _ in 0..2 {
        // Each message is counted anew.
        judge.packet(br#"453-["a"]"#, &line()).unwrap();
        for bytes in [half, half, 0] {
            judge.attachment().unwrap();
            assert_eq!(judge.attached(bytes), Ok(()));
            judge.end_of_attachment();
        }
    }
    judge.packet(br#"453-["a"]"#, &line()).unwrap();
    assert_eq!(judge.attached(half + 1), Ok(()));
    assert_eq!(judge.attached(half), Err(Fault::TooLarge { max_payload }));
}

#[tokio::test(start_paused = true)]
async fn attachments_that_do_not_come_end_the_session_with_the_next_sign_of_life() {
    let line = line();
    let timeout = LIMITS().attachments_timeout;
    let (soon, late) = (timeout - Duration::from_secs(1), timeout + Duration::from_millis(1));
    for (pauses, paused, expected) in [
        (&[soon, soon][..], false, Ok(())),
        (&[late], false, Err(Fault::LateAttachments)),
        (&[soon, late], false, Err(Fault::LateAttachments)),
        // Of the time in which nothing was read, the client knows nothing.
        (&[late, late], true, Ok(())),
    ] {
        let mut judge = Judge::after(LIMITS(), 0);
        judge.packet(br#"453-["a"]"#, &line).unwrap();
        let mut judged = Ok(());
        for pause in pauses {
            tokio::time::advance(*pause).await;
            if paused {
                judge.excuse();
            }
            judged = judged.and_then(|()| judge.packet(b"bAQID", &line));
        }
        assert_eq!(judged, expected, "{pauses:?}");
        tokio::time::advance(late).await;
        assert_eq!(judge.packet(b"3", &line), Err(Fault::LateAttachments), "{pauses:?}");
    }
}

#[test]
fn base64_is_as_long_as_what_it_stands_for() {
    for (encoded, len) in
        [("", 0), ("AQ==", 1), ("AQ", 1), ("AQI=", 2), ("AQID", 3), ("AQIDBA==", 4)]
    {
        assert_eq!(base64_len(encoded.as_bytes()), len, "{encoded}");
    }
}

/// What a client may say, or nearly.
fn texts() -> impl Strategy<Value = String> {
    let numbers = prop_oneof![Just(String::new()), "[0-9]{1,3}", "[0-9]{17,21}"];
    let attachments = prop_oneof![Just(String::new()), "[0-9]{0,3}-"];
    let namespaces = prop_oneof![
        Just(String::new()),
        Just("/chat,".to_owned()),
        Just("/chat".to_owned()),
        "/[a-z]{0,20},?",
        "/[a-z]{250,260},",
    ];
    let data = prop_oneof![Just(r#"["a",1,2,3,4,5]"#.to_owned()), "[\\[{ x]?.{0,10}"];
    ("[0-9b]?[0-9]?", attachments, namespaces, numbers, data).prop_map(
        |(kind, attachments, namespace, number, data)| {
            format!("{kind}{attachments}{namespace}{number}{data}")
        },
    )
}

proptest! {
    #[test]
    fn it_is_the_same_wherever_it_is_cut_and_by_either_transport(
        packets in prop::collection::vec(prop_oneof![
            texts(),
            Just(r#"42["a","long enough"]"#.to_owned()),
            Just(r#"42/chat,7["long enough"]"#.to_owned()),
            Just("43/chat,7[1,2,3,4,5,6]".to_owned()),
            Just(r#"451-["a"]"#.to_owned()),
            Just("b".to_owned()),
        ], 1..6),
        piece in 1..40_usize,
    ) {
        let packets: Vec<&str> = packets.iter().map(String::as_str).collect();
        let whole = verdict(&packets);
        prop_assert_eq!(judged(&packets, piece), whole);
    }
}
