//! What strangers say on a session, before they have joined anything and after: packets that are too
//! large, too many, or never end.

use std::iter;
use std::time::Duration;

use bytes::Bytes;
use tests::raw::{
    Client, Incoming, Kind, MIB, NO_HEARTBEAT, Polling, Server, binary_frame, closed, in_mib,
    text_frame, until,
};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::{
    AUTHENTICATE, Attack, JOIN, KEPT, LATE, TimeLimit, UNJOINED_BYTES, fixture, size, withstood,
};

/// Longer than what is shown takes: it is not shown by the end of that time.
const JOIN_LATER: TimeLimit = TimeLimit::new("CONNECT_TIMEOUT_MS", 5_000, 10_000);

/// Nearly what a message may have, 1,000,000 bytes.
const LARGE: usize = 990_000;

/// What a connection may take that has said something and keeps none of it, in bytes.
const CONNECTION: usize = 100 * 1024;

/// A policy that was violated, as RFC 6455 has it.
const POLICY: Option<u16> = Some(1008);

/// A message that is too big, as RFC 6455 has it.
const TOO_BIG: Option<u16> = Some(1009);

/// As IANA has it.
const TRY_AGAIN_LATER: Option<u16> = Some(1013);

fn of(connections: usize, bytes: usize) -> u64 {
    16 * MIB + (connections * bytes) as u64
}

withstood! {
    who_fails_to_join_five_times_is_closed: Attack {
        name: "failed CONNECTs",
        settings: &NO_HEARTBEAT,
        peak: || of(0, 0),
        run: |server| Box::pin(failed_connects_are_closed(server)),
        ..Attack::PLAIN
    },
    who_fails_to_join_and_never_reads_is_cut: Attack {
        name: "failed CONNECTs, unread",
        times: &[JOIN_LATER, AUTHENTICATE],
        settings: &NO_HEARTBEAT,
        peak: || of(unread(), CONNECTION),
        kept_for: &[JOIN_LATER, AUTHENTICATE],
        run: |server| Box::pin(unread_failures_are_cut(server)),
        ..Attack::PLAIN
    },
    long_names_of_namespaces_are_refused_and_not_repeated: Attack {
        name: "names of 990 kB",
        settings: &NO_HEARTBEAT,
        peak: || of(0, 0),
        run: |server| Box::pin(long_names_are_refused(server)),
        ..Attack::PLAIN
    },
    a_large_auth_is_refused_and_not_kept: Attack {
        name: "large auth",
        times: &[JOIN_LATER, AUTHENTICATE],
        settings: &NO_HEARTBEAT,
        peak: || of(auths(), CONNECTION),
        kept_for: &[JOIN_LATER, AUTHENTICATE],
        run: |server| Box::pin(large_auths_are_refused(server)),
        ..Attack::PLAIN
    },
    strangers_attach_nothing: Attack {
        name: "strangers with 9.9 MB of attachments",
        times: &[JOIN_LATER, AUTHENTICATE],
        settings: &NO_HEARTBEAT,
        peak: || of(attached(), CONNECTION),
        kept_for: &[JOIN_LATER, AUTHENTICATE],
        run: |server| Box::pin(attachments_of_strangers_are_refused(server)),
        ..Attack::PLAIN
    },
    members_attach_no_more_than_a_message_may_have: Attack {
        name: "members with 9.9 MB of attachments",
        settings: &NO_HEARTBEAT,
        peak: || of(attached(), 2 * LARGE),
        run: |server| Box::pin(too_many_attachments_are_refused(server)),
        ..Attack::PLAIN
    },
    messages_of_strangers_that_never_end_are_ended: Attack {
        name: "unfinished messages",
        times: &[JOIN, AUTHENTICATE],
        settings: &NO_HEARTBEAT,
        peak: || of(unfinished() + unheard(), CONNECTION) + UNJOINED_BYTES * 3 / 2,
        kept: 2 * KEPT,
        kept_for: &[JOIN, AUTHENTICATE],
        run: |server| Box::pin(unfinished_messages_are_ended(server)),
        ..Attack::PLAIN
    },
    large_payloads_of_another_type_leave_others_their_turn: Attack {
        name: "330,000 objects for text",
        settings: &NO_HEARTBEAT,
        peak: || of(10, 16_000_000),
        run: |server| Box::pin(objects_for_text_are_refused(server)),
        ..Attack::PLAIN
    },
    long_names_of_events_are_refused_and_not_repeated: Attack {
        name: "events of 900 kB",
        settings: &NO_HEARTBEAT,
        peak: || of(1, 8_000_000),
        run: |server| Box::pin(long_events_are_refused(server)),
        ..Attack::PLAIN
    },
}

fn unread() -> usize {
    size(100, 200)
}

fn auths() -> usize {
    size(30, 200)
}

fn attached() -> usize {
    size(20, 100)
}

/// Each says more than one may. If they could, it would be more than all of them may.
fn unfinished() -> usize {
    size(100, 300)
}

/// Bytes of half a message that one may say.
const HALF: usize = 80_000;

/// More than strangers may say in all, if each says half a message.
fn unheard() -> usize {
    UNJOINED_BYTES as usize / HALF + 50
}

async fn strangers(server: &Server, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(Client::open_silent(server.address(), "").await.expect("a WebSocket"));
    }
    clients
}

async fn members(server: &Server, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(Client::open(server.address(), "/raw").await.expect("a connection"));
    }
    clients
}

fn all_say(mut clients: Vec<Client>, said: &[u8]) -> Vec<Client> {
    for client in &mut clients {
        client.write(said);
    }
    clients
}

/// Those say it and read nothing, for as long as what is returned lives.
fn say_and_never_read(clients: Vec<Client>, said: &Bytes) -> JoinSet<()> {
    let mut silent = JoinSet::new();
    for client in clients {
        let said = said.clone();
        silent.spawn(async move {
            let mut stream = client.into_stream();
            stream.write_all(&said).await.ok();
            // Open as far as it goes by this end.
            std::future::pending::<()>().await;
            drop(stream);
        });
    }
    silent
}

fn frames(texts: impl IntoIterator<Item = String>) -> Bytes {
    texts.into_iter().flat_map(|text| text_frame(&text)).collect()
}

async fn failed_connects_are_closed(server: &Server) {
    // The fifth is the last, and so it is in a flood.
    for tries in [5, 20_000] {
        let tries = frames(iter::repeat_n("40/nowhere,".to_owned(), tries));
        let ends = closed(all_say(strangers(server, 4).await, &tries), LATE).await;
        assert!(ends.all_told(POLICY), "{ends:?}");
    }
}

/// The same where nobody reads what they are told.
async fn unread_failures_are_cut(server: &Server) {
    let tries = frames(iter::repeat_n("40/nowhere,".to_owned(), 1_000));
    let files = server.open_files().expect("the files");
    let silent = say_and_never_read(strangers(server, unread()).await, &tries);
    // They stay, and the server is rid of them.
    let rid = until(LATE, async || server.open_files().expect("the files") <= files + 2).await;
    let open = server.open_files().expect("the files").saturating_sub(files);
    assert!(rid.is_some(), "{open} of {} are still there", unread());
    drop(silent);
}

/// 990 kB of a name, which a refusal would repeat.
async fn long_names_are_refused(server: &Server) {
    let name = "a".repeat(LARGE);
    let tries = frames(iter::repeat_n(format!("40/{name},"), size(50, 200)));
    let ends = closed(all_say(strangers(server, 1).await, &tries), LATE).await;
    assert!(ends.all_told(POLICY), "{ends:?}");
    let silent = say_and_never_read(strangers(server, 1).await, &tries);
    // Nor in a message or a good-bye.
    for said in [format!("42/{name},[\"value\",1]"), format!("41/{name},"), format!("40/{name}")] {
        let ends = closed(all_say(members(server, 1).await, &text_frame(&said)), LATE).await;
        assert!(ends.all_told(POLICY), "{said:.20}: {ends:?}");
        let mut polling = Polling::open(server.address(), "/raw").await.expect("a session");
        let refused = polling.say(&said).await.expect_err("it is refused");
        assert!(refused.to_string().starts_with("400"), "{refused:.100}");
    }
    drop(silent);
}

/// 20 kB beside a token: refused, and nothing of it is kept. Who says 990 kB is not listened to.
async fn large_auths_are_refused(server: &Server) {
    let connect = |size| format!(r#"40/raw,{{"token":"{}"}}"#, "a".repeat(size));
    let ends =
        closed(all_say(strangers(server, 4).await, &text_frame(&connect(LARGE))), LATE).await;
    assert!(ends.all_told(TOO_BIG), "{ends:?}");
    let said = connect(20_000);
    let before = server.memory("VmRSS").expect("the memory");
    let mut clients = Vec::new();
    for _ in 0..auths() {
        let mut client = Client::open_silent(server.address(), "").await.expect("a WebSocket");
        client.send(&said);
        let packet = timeout(LATE, client.packet()).await.expect("in time").expect("an answer");
        assert_eq!(packet.kind, Kind::ConnectError);
        assert!(packet.data.len() < 500, "{:.500}", packet.data);
        clients.push(client);
    }
    // Not even while they are there.
    let most = before + of(auths(), CONNECTION);
    let freed = until(LATE, async || server.memory("VmRSS").expect("the memory") <= most).await;
    let kept = server.memory("VmRSS").expect("the memory").saturating_sub(before);
    assert!(freed.is_some(), "{} are kept", in_mib(kept));
}

fn attachments(count: usize, size: usize) -> Vec<u8> {
    let frame = binary_frame(&vec![0; size]);
    iter::repeat_n(frame, count).flatten().collect()
}

/// A message with so many attachments.
fn announced(count: usize) -> Bytes {
    let names: Vec<_> =
        (0..count).map(|number| format!(r#"{{"_placeholder":true,"num":{number}}}"#)).collect();
    text_frame(&format!(r#"45{count}-/raw,1["attachments",[{}]]"#, names.join(",")))
}

/// Nobody has anything to attach to before it has joined.
async fn attachments_of_strangers_are_refused(server: &Server) {
    let said = [&announced(10)[..], &attachments(9, LARGE)].concat();
    let ends = closed(all_say(strangers(server, attached()).await, &said), LATE).await;
    assert_eq!(ends.open, 0, "{ends:?}");
    let ends = closed(all_say(strangers(server, 1).await, &binary_frame(b"x")), LATE).await;
    assert_eq!(ends.open, 0, "{ends:?}");
    // Those that leave at once leave nothing behind.
    for mut client in all_say(strangers(server, attached()).await, &said) {
        timeout(LATE, client.flush()).await.ok();
    }
}

/// Ten, and together no more than a message may have.
async fn too_many_attachments_are_refused(server: &Server) {
    for (said, what) in [
        ([&announced(10)[..], &attachments(9, LARGE)].concat(), "9 of 990 kB"),
        ([&announced(11)[..], &attachments(11, 1)].concat(), "11"),
        ([&announced(10_000)[..], &attachments(9_999, 0)].concat(), "10,000"),
    ] {
        let ends = closed(all_say(members(server, attached()).await, &said), LATE).await;
        assert_eq!(ends.open, 0, "{what}: {ends:?}");
        assert!(!ends.told.contains_key(&None), "{what}: nobody is told why: {ends:?}");
    }
    // What is allowed is answered.
    let mut member = Client::open(server.address(), "/raw").await.expect("a connection");
    member.write(&[&announced(10)[..], &attachments(10, 99_000)].concat());
    let answer = timeout(LATE, member.answer_to(1)).await.expect("in time").expect("an answer");
    assert_eq!(answer, 990_000);
    drop(member);
}

/// A message that has no end, before anything was joined: never 990 kB, of less not for long, and not from everybody.
async fn unfinished_messages_are_ended(server: &Server) {
    let whole = text_frame(&format!("40/raw,{}", "a".repeat(LARGE)));
    let mut large = all_say(strangers(server, unfinished()).await, &whole[..whole.len() - 10]);
    for client in &mut large {
        timeout(LATE, client.flush()).await.ok();
    }
    // They are not in the way of anybody.
    drop(Client::open(server.address(), "/raw").await.expect("a newcomer is let in"));
    let ends = closed(large, LATE).await;
    assert!(ends.all_told(TOO_BIG), "{ends:?}");
    let ends =
        closed(all_say(strangers(server, unheard()).await, &whole[..HALF]), JOIN.time() + LATE)
            .await;
    assert_eq!(ends.open, 0, "{ends:?}");
    assert!(ends.told.contains_key(&TRY_AGAIN_LATER), "{ends:?}");
}

/// A payload that takes long to refuse: 330,000 objects where text is wanted.
async fn objects_for_text_are_refused(server: &Server) {
    let objects = format!("[{}]", vec!["{}"; LARGE / 3].join(","));
    let mut member = Client::open(server.address(), "/raw").await.expect("a connection");
    for _ in 0..size(5, 100) {
        let answer = member.answer("length", &objects).await.expect("an answer");
        assert_eq!(answer["code"], "BAD_PAYLOAD");
    }
    drop(member);
}

/// 900 kB of an event's name: neither looked for nor repeated.
async fn long_events_are_refused(server: &Server) {
    let mut member = Client::open(server.address(), "/raw").await.expect("a connection");
    let name = "a".repeat(900_000);
    for _ in 0..size(20, 148) {
        let answer = member.answer(&name, "1").await.expect("an answer");
        let told = answer.to_string();
        assert!(told.len() < 1_000, "{told:.1000}");
        assert_eq!(answer["message"], "The name of the event is longer than 128 bytes");
    }
    let said = frames(iter::repeat_n(format!("42/raw,[\"{name}\",1]"), size(20, 148)));
    let silent = say_and_never_read(members(server, 1).await, &said);
    sleep(Duration::from_secs(1)).await;
    drop((member, silent));
}

/// A number that no acknowledgement can have is not left unanswered.
#[tokio::test]
async fn a_number_that_is_too_large_ends_the_connection_or_is_answered() {
    let server = fixture(&[], &NO_HEARTBEAT);
    for id in ["9223372036854775808", "99999999999999999999999"] {
        let mut member = Client::open(server.address(), "/raw").await.expect("a connection");
        member.send(&format!("42/raw,{id}[\"value\",1]"));
        let said = async {
            loop {
                match member.incoming().await.expect("a word") {
                    // A ping of the session.
                    Incoming::Text(text) if text == "2" => {}
                    said => return said,
                }
            }
        };
        match timeout(LATE, said).await.expect("something is said") {
            Incoming::Close(code) => assert!(code.is_some(), "{id}: without a code"),
            Incoming::Text(text) => assert_eq!(text, format!("43/raw,{id}[1]")),
            other => panic!("{id}: {other:?}"),
        }
    }
}
